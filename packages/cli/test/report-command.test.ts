import { appendFile, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { findChromium } from "@lilaw/testing";
import { chromium } from "playwright-core";
import { describe, expect, it, onTestFinished } from "vitest";
import { parseDecisions } from "../src/decisions.js";
import { cloudFiles, lilaw, scratch, small, twoMethods } from "./support.js";

const executablePath = findChromium();

/** A run of two methods with two seeds; noise makes two labels of five wrong. */
async function noisyRun(): Promise<{ folder: string; run: string }> {
  const folder = await scratch();
  const run = join(folder, "run");
  const training = [...twoMethods, "--epochs", "2", "--seeds", "1,2", "--out", run];
  const ended = await lilaw(["train", ...(await cloudFiles(folder)), ...training, ...small]);
  expect(ended.status, ended.stderr).toBe(0);
  return { folder, run };
}

/** A run on labels as they are. */
async function plainRun(): Promise<{ folder: string; run: string; files: string[] }> {
  const folder = await scratch();
  const run = join(folder, "run");
  const files = await cloudFiles(folder, 40);
  const ended = await lilaw([
    "train",
    ...files,
    "--methods",
    "lilaw",
    "--epochs",
    "2",
    "--out",
    run,
    ...small,
  ]);
  expect(ended.status, ended.stderr).toBe(0);
  return { folder, run, files };
}

const reviewData = (page: string) =>
  JSON.parse(/<script type="application\/json" id="review-data">(.*?)<\/script>/s.exec(page)![1]!);

describe("lilaw report", () => {
  it("makes one file of a run, the same each time, beside its other files", async () => {
    const { run } = await noisyRun();
    const before = await readdir(run);
    const first = await lilaw(["report", run]);
    expect(first).toMatchObject({ status: 0, stdout: `report: ${join(run, "report.html")}\n`, stderr: "" });
    expect((await readdir(run)).sort()).toEqual([...before, "report.html"].sort());
    const page = await readFile(join(run, "report.html"), "utf8");

    const again = await lilaw(["report", run]);
    expect(again.status).toBe(2);
    expect(again.stderr).toContain("Expected a path that is not there yet (or --force) for the output");
    expect((await lilaw(["report", run, "--force"])).status).toBe(0);
    expect(await readFile(join(run, "report.html"), "utf8")).toBe(page);

    const { suspects, file, neighbours } = reviewData(page);
    expect(file.classNames).toEqual(["c0", "c1", "c2"]);
    expect(file.run).toBe(JSON.parse(await readFile(join(run, "config.json"), "utf8")).sha256);
    // All rows that the seed uses: those of the file.
    expect(suspects).toHaveLength(300);
    const scores = suspects.map(({ score }: { score: string }) => Number(score));
    expect(scores).toEqual(scores.toSorted((a: number, b: number) => b - a));
    expect(suspects[0].cells).toHaveLength(2);
    expect(page).toContain("known to be wrong");
    expect(neighbours.length).toBeGreaterThan(0);

    const few = join(run, "few.html");
    expect(
      (await lilaw(["report", run, "--top", "5", "--output", few, "--method", "l2rw", "--seed", "2"])).status,
    ).toBe(0);
    const fewPage = await readFile(few, "utf8");
    expect(reviewData(fewPage).suspects).toHaveLength(5);
    expect(fewPage).toContain("l2rw</bdi> with seed 2");
  });

  it("puts runs side by side", async () => {
    const { run, folder } = await noisyRun();
    const { run: other } = await plainRun();
    const output = join(folder, "both.html");
    // Both folders are called run, so their paths tell them apart.
    expect(await lilaw(["report", run, other, "--output", output])).toMatchObject({ status: 0, stderr: "" });
    const page = await readFile(output, "utf8");
    expect(page).toContain(`${run}: l2rw`);
    expect(page).toContain(`${other}: lilaw`);
  });

  it("shows the cells of the source as text, whatever they hold", async () => {
    const folder = await scratch();
    const hostile = `</script><img src=x onerror=alert(1)>`;
    const lines = Array.from(
      { length: 60 },
      (_, i) => `${i % 7},${i % 2 ? "red" : hostile},${i % 2 ? hostile : "b"}`,
    );
    await writeFile(join(folder, "train.csv"), `size,colour,label\n${lines.join("\n")}\n`);
    const run = join(folder, "run");
    const args = ["--train", join(folder, "train.csv"), "--methods", "lilaw", "--epochs", "1", "--out", run];
    expect(await lilaw(["train", ...args, ...small])).toMatchObject({ status: 0 });
    expect(await lilaw(["report", run])).toMatchObject({ status: 0, stderr: "" });
    const page = await readFile(join(run, "report.html"), "utf8");
    expect(page).not.toContain("<img");
    expect(reviewData(page).columns).toEqual(["size", "colour"]);
    const [{ line, row, cells }] = reviewData(page).suspects.map(
      (suspect: { row: number; cells: string[]; name: string }) => ({
        ...suspect,
        line: Number(/line (\d+)/.exec(suspect.name)![1]),
      }),
    );
    const text = await readFile(join(folder, "train.csv"), "utf8");
    expect(line).toBe(row + 2);
    expect(text.split("\n")[row + 1]).toContain(cells.join(","));
    expect(reviewData(page).suspects.map(({ cells }: { cells: string[] }) => cells[1])).toContain(hostile);
  });

  it("goes without samples whose source is gone, and refuses a source that has changed", async () => {
    const { folder, run } = await plainRun();
    const output = join(folder, "report.html");
    const train = join(folder, "train.csv");
    await rename(train, `${train}.away`);
    expect(await lilaw(["report", run, "--output", output])).toMatchObject({ status: 0 });
    const page = await readFile(output, "utf8");
    expect(page).toContain("Samples are not shown, since their source is gone");
    expect(reviewData(page).suspects.length).toBeGreaterThan(0);

    await rename(`${train}.away`, train);
    await appendFile(train, "\n0,1,c1\n");
    await rm(output);
    const ended = await lilaw(["report", run, "--output", output]);
    expect(ended.status).toBe(2);
    expect(ended.stderr).toMatch(/^error: Expected .* \(CHECKSUM_MISMATCH\)\n$/s);
    expect(await readdir(folder)).not.toContain("report.html");
  });

  it("reports on a run that was stopped", async () => {
    const { run } = await noisyRun();
    await rm(join(run, "summary.json"));
    await rm(join(run, "l2rw-2"), { recursive: true });
    const metrics = (await readFile(join(run, "metrics.jsonl"), "utf8")).split("\n");
    const kept = metrics.filter((line) => !line.includes('"method":"l2rw","seed":2'));
    await writeFile(join(run, "metrics.jsonl"), kept.join("\n"));
    const ended = await lilaw(["report", run]);
    expect(ended.status, ended.stderr).toBe(0);
    const page = await readFile(join(run, "report.html"), "utf8");
    expect(page).toContain("Not finished yet:");
    expect(page).toContain("Accuracy on the test samples");
  });

  it("refuses what is no run, what a run does not have, and places where it cannot write", async () => {
    const { folder, run } = await plainRun();
    const empty = join(folder, "empty");
    await mkdir(empty);
    const refusals: [string[], string][] = [
      [[empty], `Expected a run folder with a config.json for RUN but received "${empty}"`],
      [[run, `${run}/`], `Expected different run folders for RUN but received "${run}"`],
      [[run, "--seed", "7"], "for --method and --seed but received"],
      [[run, "--method", "l2rw"], "for --method and --seed but received"],
      [[run, "--method", "nothing"], "for --method but received"],
      [[run, "--top", "-1"], "Expected an integer of at least 0 for --top"],
      [[run, "--output", folder], "Expected a path that is not there yet for the output"],
      [[run, "--output", join(folder, "none", "report.html")], "Expected a place that can be written for"],
      [[], "missing required argument"],
    ];
    for (const [args, message] of refusals) {
      const ended = await lilaw(["report", ...args]);
      expect(ended).toMatchObject({ status: 2, stdout: "" });
      expect(ended.stderr).toContain(message);
      expect(ended.stderr.trim().split("\n")).toHaveLength(1);
    }
    expect(await readdir(run)).not.toContain("report.html");
  });

  describe.skipIf(!executablePath)("in a browser", () => {
    it("is reviewed by keyboard, and its decisions train the next run", async () => {
      const { folder, run, files } = await plainRun();
      expect(await lilaw(["report", run])).toMatchObject({ status: 0 });
      const browser = await chromium.launch({ executablePath: executablePath! });
      onTestFinished(() => browser.close());
      const page = await browser.newPage();
      const complaints: string[] = [];
      page.on("console", (message) => complaints.push(message.text()));
      page.on("pageerror", (error) => complaints.push(error.message));
      await page.goto(pathToFileURL(join(run, "report.html")).href);
      await page.locator("#suspects").focus();
      for (const key of ["2", "x", "k", "1"]) await page.keyboard.press(key);
      const [download] = await Promise.all([
        page.waitForEvent("download"),
        page.getByRole("button", { name: "Download decisions" }).press("Enter"),
      ]);
      const decisions = join(folder, "decisions.json");
      await download.saveAs(decisions);
      expect(complaints).toEqual([]);

      const read = parseDecisions(await readFile(decisions, "utf8"), "decisions.json");
      expect(read.decisions).toHaveLength(4);
      expect(read.label).toBe("label");
      const next = join(folder, "next");
      const args = [...files, "--methods", "lilaw", "--epochs", "2", "--decisions", decisions, "--out", next];
      const ended = await lilaw(["train", ...args, ...small]);
      expect(ended.status, ended.stderr).toBe(0);
      expect(JSON.parse(await readFile(join(next, "config.json"), "utf8")).data.decisions.excluded).toBe(1);
      expect(await lilaw(["report", next])).toMatchObject({ status: 0 });
      expect(await readFile(join(next, "report.html"), "utf8")).toContain(
        "after the decisions of decisions.json",
      );
    });
  });
});
