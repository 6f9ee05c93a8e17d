import { LilawError, Random } from "@lilaw/core";
import type { Dataset, Samples } from "@lilaw/datasets";
import { describe, expect, it } from "vitest";
import { digestOf, planSeed } from "../src/data.js";
import { checkSettings } from "../src/options.js";

/** Samples whose one feature is their row. */
function samples(count: number, classes: number): Samples {
  const features = Float32Array.from({ length: count }, (_, row) => row);
  return { features, labels: Int32Array.from(features, (row) => row % classes), count, shape: [1] };
}

const dataset: Dataset = {
  name: "rows",
  classes: 4,
  classNames: ["a", "b", "c", "d"],
  train: samples(400, 4),
  test: samples(40, 4),
  license: "",
  citation: "",
};

function settings(changes = {}) {
  return checkSettings({
    dataset: "mnist",
    noise: "symmetric:0.5",
    methods: ["baseline", "l2rw"],
    model: "mlp",
    epochs: 1,
    seeds: [1],
    backend: "auto",
    validLabels: "noisy",
    batchSize: 32,
    learningRate: 0.001,
    gradient: "full",
    warmupEpochs: 1,
    ...changes,
  });
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
    const { train, valid } = planSeed(dataset, settings(), 7);
    expect([...train.rows, ...valid.rows].sort((a, b) => a - b)).toEqual([...Array(400).keys()]);
    expect(valid.rows.length).toBe(60);
    for (const c of [0, 1, 2, 3]) expect(valid.trueLabels.filter((label) => label === c).length).toBe(15);
    expect([...train.trueLabels]).toEqual(Array.from(train.rows, (row) => row % 4));
  });

  it("injects the noise into both parts, and not into a clean validation part", () => {
    const noisy = planSeed(dataset, settings(), 7);
    const changed = ({ labels, trueLabels }: typeof noisy.train) =>
      labels.filter((label, i) => label !== trueLabels[i]).length;
    expect(changed(noisy.train)).toBe(170);
    expect(noisy.train.noiseRate).toBe(0.5);
    expect(changed(noisy.valid)).toBe(30);
    expect(noisy.train.diagonallyDominant).toBe(true);

    const clean = planSeed(dataset, settings({ validLabels: "clean" }), 7);
    expect(changed(clean.valid)).toBe(0);
    expect(clean.train).toEqual(noisy.train);
  });

  it("gives Learning to Reweight balanced places of the validation part, and other methods none", () => {
    const { clean, valid } = planSeed(dataset, settings({ cleanSize: 21 }), 7);
    expect(clean!.length).toBe(20);
    for (const c of [0, 1, 2, 3]) {
      expect(Array.from(clean!, (i) => valid.trueLabels[i]).filter((label) => label === c).length).toBe(5);
    }
    expect(planSeed(dataset, settings({ methods: ["lilaw"] }), 7).clean).toBeUndefined();
    expect(planSeed(dataset, settings(), 7).clean!.length).toBe(60);
  });

  it("limits the training samples, validation part included", () => {
    const { train, valid } = planSeed(dataset, settings({ trainSize: 100, validSize: 20 }), 7);
    expect([train.rows.length, valid.rows.length]).toEqual([80, 20]);
    expect(new Set([...train.rows, ...valid.rows]).size).toBe(100);
  });

  it("takes the validation samples that the source brings", () => {
    const own = { ...dataset, valid: samples(24, 4) };
    const { train, valid } = planSeed(own, settings(), 7);
    expect([train.rows.length, valid.rows.length]).toEqual([400, 24]);
    expect(code(() => planSeed(own, settings({ validSize: 0.2 }), 7))).toBe("INVALID_ARGUMENT");
  });

  it("depends on the seed and on nothing else", () => {
    expect(planSeed(dataset, settings(), 7)).toEqual(planSeed(dataset, settings(), 7));
    expect(planSeed(dataset, settings(), 7)).not.toEqual(planSeed(dataset, settings(), 8));
  });

  it("refuses sizes that the samples do not have", () => {
    expect(code(() => planSeed(dataset, settings({ trainSize: 401 }), 7))).toBe("INVALID_ARGUMENT");
    expect(code(() => planSeed(dataset, settings({ validSize: 400 }), 7))).toBe("INVALID_ARGUMENT");
    expect(code(() => planSeed(dataset, settings({ cleanSize: 3 }), 7))).toBe("INVALID_ARGUMENT");
    expect(code(() => planSeed(dataset, settings({ cleanSize: 80 }), 7))).toBe("EMPTY_CLASS");
    expect(code(() => planSeed({ ...dataset, train: samples(5, 4) }, settings(), 7))).toBe("EMPTY_CLASS");
  });
});

describe("digestOf", () => {
  it("changes with every sample and label", () => {
    const digest = digestOf(dataset);
    expect(digestOf(structuredClone(dataset))).toBe(digest);
    const random = Random.from(1, "digest");
    for (const array of ["features", "labels"] as const) {
      for (const part of ["train", "test"] as const) {
        const other = structuredClone(dataset);
        other[part][array][random.int(40)]! += 1;
        expect(digestOf(other)).not.toBe(digest);
      }
    }
  });
});
