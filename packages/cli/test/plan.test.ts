import { LilawError } from "@lilaw/core";
import type { Dataset } from "@lilaw/datasets";
import { describe, expect, it } from "vitest";
import { divide, planSeed, relocate, rowsOf, type SeedPlan } from "../src/plan.js";
import type { Settings } from "../src/settings.js";
import { rowsDataset as dataset, rowSamples as samples, settings } from "./support.js";

/** The plan of a whole dataset for one seed. */
function planOf(dataset: Dataset, settings: Settings, seed: number): SeedPlan {
  const splits = dataset.valid ? ["train", "valid", "test"] : ["train", "test"];
  const source = { ...dataset, labels: dataset.train.labels, splits };
  return planSeed(dataset, divide(source, { ...settings, seeds: [seed] }).seeds[0]!, settings);
}

function code(action: () => unknown) {
  try {
    action();
  } catch (error) {
    if (error instanceof LilawError) return error.code;
    throw error;
  }
  return undefined;
}

describe("planSeed", () => {
  it("divides all rows into training and a stratified validation part", () => {
    const { train, valid } = planOf(dataset, settings(), 7);
    expect([...train.rows, ...valid.rows].sort((a, b) => a - b)).toEqual([...Array(400).keys()]);
    expect(valid.rows.length).toBe(60);
    for (const c of [0, 1, 2, 3]) expect(valid.trueLabels!.filter((label) => label === c).length).toBe(15);
    expect([...train.trueLabels!]).toEqual(Array.from(train.rows, (row) => row % 4));
  });

  it("injects the noise into both parts, and not into a clean validation part", () => {
    const noisy = planOf(dataset, settings(), 7);
    const changed = ({ labels, trueLabels }: typeof noisy.train) =>
      labels.filter((label, i) => label !== trueLabels![i]).length;
    expect(changed(noisy.train)).toBe(170);
    expect(noisy.train.noiseRate).toBe(0.5);
    expect(changed(noisy.valid)).toBe(30);
    expect(noisy.train.diagonallyDominant).toBe(true);

    const clean = planOf(dataset, settings({ validLabels: "clean" }), 7);
    expect(changed(clean.valid)).toBe(0);
    expect(clean.train).toEqual(noisy.train);
  });

  it("knows no true labels where it injects no noise", () => {
    for (const noise of ["none", "symmetric:0"]) {
      const { train, valid, clean } = planOf(dataset, settings({ noise }), 7);
      expect([train.trueLabels, valid.trueLabels]).toEqual([undefined, undefined]);
      expect([...clean!.labels]).toEqual(Array.from(clean!.rows, (row) => row % 4));
    }
  });

  it("gives Learning to Reweight balanced samples of the validation part, and other methods none", () => {
    const { clean, valid } = planOf(dataset, settings({ cleanSize: 21 }), 7);
    expect(clean!.of).toBe("valid");
    expect([...valid.rows]).toEqual(expect.arrayContaining([...clean!.rows]));
    expect([...clean!.labels]).toEqual(Array.from(clean!.rows, (row) => row % 4));
    for (const c of [0, 1, 2, 3]) expect(clean!.labels.filter((label) => label === c).length).toBe(5);
    expect(planOf(dataset, settings({ methods: ["lilaw"] }), 7).clean).toBeUndefined();
    expect(planOf(dataset, settings(), 7).clean!.rows.length).toBe(60);
  });

  it("gives it those of the clean file where there is one", () => {
    const own = { ...dataset, clean: samples(14, 4) };
    const { clean } = planOf(own, settings(), 7);
    expect(clean!.of).toBe("clean");
    expect([...clean!.labels]).toEqual(Array.from(clean!.rows, (row) => row % 4));
    expect(clean!.labels.length).toBe(12);
    expect(Math.max(...clean!.rows)).toBeLessThan(14);
    expect(() => planOf(own, settings({ cleanSize: 16 }), 7)).toThrow(
      /at least 4 .+ class "c" .+ received 3/,
    );
  });

  it("limits the training samples, validation part included", () => {
    const { train, valid } = planOf(dataset, settings({ trainSize: 100, validSize: 20 }), 7);
    expect([train.rows.length, valid.rows.length]).toEqual([80, 20]);
    expect(new Set([...train.rows, ...valid.rows]).size).toBe(100);
  });

  it("takes the validation samples that the source brings", () => {
    const own = { ...dataset, valid: samples(24, 4) };
    const { train, valid } = planOf(own, settings(), 7);
    expect([train.rows.length, valid.rows.length]).toEqual([400, 24]);
    expect(code(() => planOf(own, settings({ validSize: 0.2 }), 7))).toBe("INVALID_ARGUMENT");
  });

  it("depends on the seed and on nothing else", () => {
    expect(planOf(dataset, settings(), 7)).toEqual(planOf(dataset, settings(), 7));
    expect(planOf(dataset, settings(), 7)).not.toEqual(planOf(dataset, settings(), 8));
  });

  it("refuses sizes that the samples do not have", () => {
    expect(code(() => planOf(dataset, settings({ trainSize: 401 }), 7))).toBe("INVALID_ARGUMENT");
    expect(code(() => planOf(dataset, settings({ validSize: 400 }), 7))).toBe("INVALID_ARGUMENT");
    expect(code(() => planOf(dataset, settings({ cleanSize: 3 }), 7))).toBe("INVALID_ARGUMENT");
    expect(code(() => planOf(dataset, settings({ cleanSize: 80 }), 7))).toBe("EMPTY_CLASS");
    expect(code(() => planOf({ ...dataset, train: samples(5, 4) }, settings(), 7))).toBe("EMPTY_CLASS");
  });
});

describe("divide", () => {
  const own = (changes = {}) => settings({ dataset: undefined, files: { train: "a.csv" }, ...changes });
  const labels = Int32Array.from({ length: 200 }, (_, row) => (row % 10 === 0 ? 1 : 0));
  const source = { labels, classNames: ["healthy", "ill"], splits: ["train"] };

  it("holds out the same stratified test samples for every seed, and trains on none of them", () => {
    const { test, seeds } = divide(source, settings({ seeds: [0, 1, 2] }));
    expect([test!.length, test!.filter((row) => labels[row] === 1).length]).toEqual([30, 3]);
    for (const { train, valid } of seeds) {
      expect([...test!, ...train, ...valid!].sort((a, b) => a - b)).toEqual([...labels.keys()]);
      expect(valid!.length).toBe(26);
    }
    expect(seeds[0]!.valid).not.toEqual(seeds[1]!.valid);
    expect(divide(source, settings({ seeds: [5], trainSize: 50 })).test).toEqual(test);
    expect(divide(source, own({ testSize: 40 })).test!.length).toBe(40);
    expect(divide(source, own({ testSize: 0.25 })).test!.length).toBe(50);
  });

  it("holds out nothing for a split that the source brings", () => {
    const whole = { ...source, splits: ["train", "valid", "test"] };
    const { test, seeds } = divide(whole, settings());
    expect(test).toBeUndefined();
    expect(seeds).toEqual([{ seed: 1, train: Int32Array.from(labels.keys()) }]);
    expect(code(() => divide(whole, own({ testSize: 3 })))).toBe("INVALID_ARGUMENT");
  });

  it("names the class that has too few samples for the parts, and tells what helps", () => {
    const few = Int32Array.from(labels, (label, row) => (row < 2 ? 2 : label));
    const rare = { ...source, labels: few, classNames: ["healthy", "ill", "so so"] };
    expect(() => divide(rare, settings())).toThrow(
      /^Expected at least 3 samples \(to train, validate, test\) for class "so so" but received 2\n.*--test FILE/,
    );
    const fromOne = { ...source, labels: labels.map((label) => label + 1), classNames: ["0", "1", "2"] };
    expect(() => divide(fromOne, settings())).toThrow(/class "0" but received 0\nNo training sample has it/);
    expect(divide({ ...rare, splits: ["train", "test"] }, settings()).seeds[0]!.valid!.length).toBe(30);
    expect(() => divide({ ...source, splits: ["train", "test"] }, settings({ trainSize: 4 }))).toThrow(
      /class "ill" among the 4 of --train-size but received [01]\nThese help: a larger --train-size/,
    );
  });

  it("refuses labels that are no classes", () => {
    const one = { ...source, labels: new Int32Array(200), classNames: ["ill"] };
    expect(() => divide(one, settings())).toThrow(/at least 2 classes .* \(all are "ill"\) but received 1/);
    const numbers = Int32Array.from(labels.keys());
    const target = { ...source, labels: numbers, classNames: Array.from(numbers, (n) => `${n / 8}`) };
    expect(() => divide(target, settings())).toThrow(/\nThe 200 labels hold 200 different values/);
  });

  it("refuses parts that cannot hold a sample of every class", () => {
    for (const [sizes, flag] of [
      [{ testSize: 1 }, "--test-size"],
      [{ testSize: 199 }, "--test-size"],
      [{ validSize: 1 }, "--valid-size"],
      [{ trainSize: 171 }, "--train-size"],
    ] as const) {
      expect(() => divide(source, own(sizes))).toThrow(new RegExp(`for ${flag} but received \\d+$`));
    }
  });

  it("names the rows that some seed needs, and finds them again among those alone", () => {
    const division = divide(source, settings({ seeds: [1, 2], trainSize: 40 }));
    const kept = rowsOf(division, labels.length);
    expect([...kept]).toEqual([...new Set(kept)].sort((a, b) => a - b));
    const needed = division.seeds.flatMap(({ train, valid }) => [...train, ...valid!]);
    expect(new Set(kept)).toEqual(new Set([...division.test!, ...needed]));
    expect(kept.length).toBeLessThan(111);
    const moved = relocate(division, kept);
    const back = (rows: Int32Array) => rows.map((row) => kept[row]!);
    expect(back(moved.test!)).toEqual(division.test);
    moved.seeds.forEach(({ seed, train, valid }, i) => {
      expect({ seed, train: back(train), valid: back(valid!) }).toEqual(division.seeds[i]);
    });
  });
});
