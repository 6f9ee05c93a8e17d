import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";

const run = promisify(execFile);

/** Runs a built example in a process of its own, as a reader would, and returns what it printed. */
async function outputOf(name: string): Promise<string> {
  const script = fileURLToPath(new URL(`../dist/${name}.js`, import.meta.url));
  const { stdout } = await run(process.execPath, [script]);
  return stdout;
}

function numbers(output: string, pattern: RegExp): number[] {
  return [...output.matchAll(pattern)].map((match) => Number(match[1]));
}

const accuracies = (output: string) => numbers(output, /test accuracy ([\d.]+)/g);

describe("examples", () => {
  it("01 core alone", async () => {
    const [plain, lilaw] = accuracies(await outputOf("01-core-alone"));
    expect(plain).toBeGreaterThan(0.5);
    expect(lilaw).toBeGreaterThan(0.5);
  });

  it("02 fit with LiLAW", async () => {
    const output = await outputOf("02-fit-with-lilaw");
    for (const accuracy of accuracies(output)) expect(accuracy).toBeGreaterThan(0.5);
    expect(accuracies(output)).toHaveLength(2);
    expect(numbers(output, /AUROC ([\d.]+)/g)[0]).toBeGreaterThan(0.8);
  });

  it("03 Learning to Reweight with ten clean images a class", async () => {
    const output = await outputOf("03-l2rw-ten-clean-images");
    const [plainShare, reweightedShare] = numbers(output, /last epoch ([\d.]+) %/g);
    expect(plainShare).toBeCloseTo(50, 0);
    expect(reweightedShare).toBeGreaterThan(60);
    expect(accuracies(output)).toHaveLength(2);
  });

  it("04 own CSV through the command line", async () => {
    const output = await outputOf("04-own-csv");
    expect(output).toMatch(/baseline[^\n]*\n[^\n]*\n[^\n]*lilaw[^\n]*\n[^\n]*\n[^\n]*l2rw/);
    expect(output).toContain("holds baseline-1, config.json, l2rw-1, lilaw-1, metrics.jsonl, summary.json");
  });

  it("05 a weighting of your own", async () => {
    const [plain, smallLoss] = accuracies(await outputOf("05-own-weighting"));
    expect(plain).toBeGreaterThan(0.5);
    expect(smallLoss).toBeGreaterThan(plain!);
  });

  it("06 a transition matrix", async () => {
    const [uncorrected, corrected] = accuracies(await outputOf("06-transition-matrix"));
    expect(uncorrected).toBeGreaterThan(0.5);
    expect(corrected).toBeGreaterThan(uncorrected! + 0.15);
  });
});
