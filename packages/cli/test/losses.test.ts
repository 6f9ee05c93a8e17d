import { LilawError, weightedLoss } from "@lilaw/core";
import { describe, expect, it } from "vitest";
import { defaultLoss, lossForms, parseLoss } from "../src/losses.js";

describe("parseLoss", () => {
  it("reads a name, with parameters or their defaults", () => {
    expect(parseLoss("cross-entropy")).toBe("cross-entropy");
    expect(parseLoss("focal")).toEqual({ kind: "focal", gamma: 2 });
    expect(parseLoss("focal:0.5")).toEqual({ kind: "focal", gamma: 0.5 });
    expect(parseLoss("gce")).toEqual({ kind: "generalized-cross-entropy", q: 0.7 });
    expect(parseLoss("gce:0.3")).toEqual({ kind: "generalized-cross-entropy", q: 0.3 });
    const symmetric = { kind: "symmetric-cross-entropy", alpha: 0.1, beta: 1, A: -4 };
    expect(parseLoss("sce")).toEqual(symmetric);
    expect(parseLoss("sce:6,0.1")).toEqual({ ...symmetric, alpha: 6, beta: 0.1 });
    expect(parseLoss("label-smoothing:0.2")).toEqual({ kind: "label-smoothing", smoothing: 0.2 });
  });

  it("names only losses that core computes for class labels", () => {
    expect(lossForms.map((form) => form.replace(/\[.*/, ""))).toContain(defaultLoss);
    for (const form of lossForms) {
      const loss = parseLoss(form.replace(/\[.*/, ""));
      const { losses } = weightedLoss({
        logits: Float32Array.of(1, 2, 3),
        labels: Int32Array.of(1),
        classes: 3,
        loss,
        params: null,
      });
      expect(losses[0]).toBeGreaterThan(0);
    }
  });

  it.each([
    ["UNKNOWN_NAME", "hinge"],
    ["UNKNOWN_NAME", "constructor"],
    ["UNKNOWN_NAME", ":2"],
    ["INVALID_ARGUMENT", "cross-entropy:1"],
    ["INVALID_ARGUMENT", "focal:"],
    ["INVALID_ARGUMENT", "focal:x"],
    ["INVALID_ARGUMENT", "focal:1,2"],
    ["INVALID_ARGUMENT", "focal:1:2"],
    ["INVALID_ARGUMENT", "focal:-1"],
    ["INVALID_ARGUMENT", "focal:Infinity"],
    ["INVALID_ARGUMENT", "label-smoothing:1"],
    ["INVALID_ARGUMENT", "gce:0"],
    ["INVALID_ARGUMENT", "sce:0.1,1,4"],
  ])("answers %s to %s", (code, text) => {
    let thrown: unknown;
    try {
      parseLoss(text);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(LilawError);
    expect(thrown).toMatchObject({
      code,
      message: expect.stringMatching(/^Expected .+ --loss but received /),
    });
  });
});
