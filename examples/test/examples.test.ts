import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Random } from "@lilaw/core";
import { describe, expect, it, onTestFinished } from "vitest";
import { writeTinyModel } from "./tiny-model.js";

const run = promisify(execFile);

/** Runs a built example in a process of its own, as a reader would, and returns what it printed. */
async function outputOf(name: string, ...args: string[]): Promise<string> {
  const script = fileURLToPath(new URL(`../dist/${name}.js`, import.meta.url));
  const { stdout } = await run(process.execPath, [script, ...args]);
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

  it("07 texts to embeddings to suspects", async ({ skip }) => {
    const transformers: string = "@huggingface/transformers";
    await import(transformers).catch(() => skip("@huggingface/transformers is not installed (500 MB)"));
    const folder = await mkdtemp(join(tmpdir(), "lilaw-texts-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    const kinds = { good: ["good", "great", "fine"], bad: ["bad", "awful", "poor"] };
    const random = Random.from(1, "texts");
    const vectorOf = (sign: number) => [sign, 0, 0, 0].map((center) => center + 0.3 * random.normal());
    const vectors = Object.fromEntries([
      ...kinds.good.map((word) => [word, vectorOf(1)]),
      ...kinds.bad.map((word) => [word, vectorOf(-1)]),
      ...["film", "meal", "the"].map((word) => [word, vectorOf(0)]),
    ]);
    await writeTinyModel(join(folder, "tiny"), vectors);
    const samples = Array.from({ length: 300 }, (_, i) => {
      const kind = i % 2 === 0 ? ("good" as const) : ("bad" as const);
      const text = `The ${["film", "meal"][random.int(2)]} ${kinds[kind][random.int(3)]}`;
      const label = i % 20 < 2 ? { good: "bad", bad: "good" }[kind] : kind;
      return JSON.stringify({ text, label });
    });
    await writeFile(join(folder, "texts.jsonl"), samples.join("\n"));
    const output = await outputOf(
      "07-texts-to-embeddings",
      join(folder, "tiny"),
      join(folder, "texts.jsonl"),
    );
    const rows = numbers(output, /suspect (\d+):/g);
    expect(rows).toHaveLength(10);
    expect(rows.filter((row) => row % 20 < 2).length).toBeGreaterThanOrEqual(9);
  });
});
