import { describe, expect, it } from "vitest";
import { renderReport } from "../src/index.js";
import { hostile, sampleReport } from "./sample-report.js";

describe("renderReport", () => {
  it("gives the same text for the same data", () => {
    expect(renderReport(sampleReport())).toBe(renderReport(sampleReport()));
  });

  it("shows names as text, whatever characters they have", () => {
    const page = renderReport(sampleReport({ content: "cells" }));
    expect(page).not.toContain("<img src=x");
    expect(page.match(/<\/script>/g)).toHaveLength(2);
    expect(page).toContain(
      "&lt;/script&gt;&lt;img src=x onerror=&quot;document.title=&#39;broken&#39;&quot;&gt;&amp;&#39;",
    );
    const json = /<script type="application\/json" id="review-data">(.*?)<\/script>/s.exec(page)![1]!;
    expect(JSON.parse(json).file.classNames[2]).toBe(hostile);
  });

  it("has no script where there is nothing to decide", () => {
    const { review, ...data } = sampleReport();
    for (const page of [
      renderReport(data),
      renderReport({ ...data, review: { ...review!, suspects: [], remarks: [] } }),
    ]) {
      expect(page).not.toContain("<script");
      expect(page).not.toContain("script-src");
    }
  });

  it("shows a run that has only begun", () => {
    const run = { name: "new", dataset: "digits", remarks: [], results: [], epochs: [], configuration: {} };
    expect(renderReport({ runs: [run] })).toContain("No method is finished yet");
  });

  it("shows numbers that are none as a dash", () => {
    const data = sampleReport();
    const [run] = data.runs;
    const broken = run!.epochs.map((epoch) => ({ ...epoch, testAccuracy: Number.NaN, alpha: Number.NaN }));
    const page = renderReport({ runs: [{ ...run!, epochs: broken }] });
    expect(page).not.toContain("NaN");
  });

  it("refuses no run, and two of the same name", () => {
    const [run] = sampleReport().runs;
    expect(() => renderReport({ runs: [] })).toThrow(
      expect.objectContaining({
        code: "INVALID_ARGUMENT",
        message: expect.stringMatching(/^Expected at least one run/),
      }),
    );
    expect(() => renderReport({ runs: [run!, run!] })).toThrow(
      expect.objectContaining({
        message: 'Expected runs of different names for runs but received "digits-run"',
      }),
    );
  });
});
