import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Comparison, chanceOf } from "../src/compare.js";
import type { Summary } from "../src/index.js";
import { cloudFiles, clouds, lilaw, scratchUntil, small } from "./support.js";

let folder: string;
let files: string[];

const training = ["--noise", "symmetric:0.4", "--epochs", "2", "--methods", "baseline"];

/** Trains into a folder of the name. */
async function train(name: string, ...args: string[]): Promise<string> {
  const out = join(folder, name);
  expect(await lilaw(["train", ...training, ...small, ...args, "--out", out])).toMatchObject({ status: 0 });
  return out;
}

async function accuraciesOf(run: string): Promise<number[]> {
  const summary: Summary = JSON.parse(await readFile(join(run, "summary.json"), "utf8"));
  return summary.results.map(({ testAccuracyAtBestValid }) => testAccuracyAtBestValid);
}

beforeAll(async () => {
  folder = await scratchUntil(afterAll);
  files = await cloudFiles(folder);
});

describe("lilaw compare", () => {
  it("says what differs, and pairs seeds and methods", async () => {
    const first = await train("first", ...files, "--seeds", "1,2,3");
    const other = await train("other", ...files, "--seeds", "3,2,4", "--loss", "focal:2");
    const { status, stdout } = await lilaw(["compare", first, other, "--json"]);
    expect(status).toBe(0);
    const [comparison, ...rest]: Comparison[] = JSON.parse(stdout);
    const [a, b] = [await accuraciesOf(first), await accuraciesOf(other)];
    const differences = [b[1]! - a[1]!, b[0]! - a[2]!];
    const center = (differences[0]! + differences[1]!) / 2;
    expect(rest).toEqual([]);
    expect(comparison).toEqual({
      runs: [first, other],
      differences: [
        {
          name: "seeds",
          values: [
            [1, 2, 3],
            [3, 2, 4],
          ],
        },
        { name: "loss", values: [null, "focal:2"] },
      ],
      methods: [
        {
          method: "baseline",
          seeds: [2, 3],
          first: [a[1], a[2]],
          other: [b[1], b[0]],
          meanDifference: expect.closeTo(center, 12),
          deviation: expect.closeTo(Math.abs(differences[0]! - center) * Math.SQRT2, 12),
          p: chanceOf(differences),
        },
      ],
      unpaired: ["baseline-1", "baseline-4"],
    });
    const text = await lilaw(["compare", first, other]);
    expect(text.stdout).toContain("loss: none -> focal:2");
    expect(text.stdout).toMatch(/baseline +│ +2 │ +0\.\d{4} │ +0\.\d{4} │ +[+-]0\.\d{4} ± 0\.\d{4} │/);
  });

  it("knows the test samples by their file, whatever the training samples are, and names corrected data", async () => {
    const first = await train("whole", ...files);
    // Other means and deviations, by which the test samples become other numbers.
    const fewer = join(folder, "fewer.csv");
    await writeFile(fewer, (await readFile(files[1]!, "utf8")).split("\n").slice(0, 200).join("\n"));
    const other = await train("fewer", "--train", fewer, ...files.slice(2));
    const [comparison]: Comparison[] = JSON.parse((await lilaw(["compare", first, other, "--json"])).stdout);
    expect(comparison!.differences.map(({ name }) => name)).toEqual(["train data", "train"]);
    expect(comparison!.methods[0]).toMatchObject({ seeds: [1], deviation: null, p: null });
    const same = await lilaw(["compare", first, first]);
    expect(same.stdout).toContain("the same data and settings");
    expect(same.stdout).toContain("+0.0000");
  });

  it("refuses runs with other test samples, without a training in common, and a single run", async () => {
    const first = await train("one", ...files);
    const test = join(folder, "test2.csv");
    await writeFile(test, clouds(50, 9));
    const others = await train("two", ...files.slice(0, 2), "--test", test);
    const seeds = await train("three", ...files, "--seeds", "7");
    for (const [runs, code, words] of [
      [[first, others], "INCOMPATIBLE_STATE", `the test samples of ${first} (150, test.csv`],
      [[first, seeds], "INCOMPATIBLE_STATE", `a method and seed that ${first} has finished too`],
      [[first], "INVALID_ARGUMENT", "two or more run folders"],
      [[first, folder], "INVALID_ARGUMENT", "a run folder with a config.json"],
    ] as const) {
      const { status, stdout, stderr } = await lilaw(["compare", ...runs]);
      expect([status, stdout]).toEqual([2, ""]);
      expect(stderr).toContain(words);
      expect(stderr).toContain(`(${code})`);
    }
  });
});

describe("the chance of a mean difference", () => {
  it("is the share of all flips of signs for few pairs", () => {
    expect(chanceOf([0.1, 0.2])).toBe(0.5);
    expect(chanceOf([0.1, 0.2, 0.3, 0.4])).toBe(2 / 16);
    expect(chanceOf([0.1, -0.1])).toBe(1);
    expect(chanceOf([0, 0, 0])).toBe(1);
    // 0.3 of 0.1 + 0.2 and of 0.2 + 0.1 is not the same double.
    expect(chanceOf([0.1, 0.2, 0.3])).toBe(2 / 8);
  });

  it("is that of Student's t for many", () => {
    const differences = Array.from({ length: 30 }, (_, i) => 0.01 + 0.02 * (i % 2));
    expect(chanceOf(differences)).toBeLessThan(1e-6);
    expect(chanceOf(differences.map((x, i) => (i % 2 ? x - 0.03 : x - 0.01)))).toBe(1);
    expect(chanceOf(differences.map((x) => x - 0.02))).toBeCloseTo(1, 6);
  });
});
