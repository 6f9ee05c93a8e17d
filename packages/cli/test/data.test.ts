import { join } from "node:path";
import { Random } from "@lilaw/core";
import type { Dataset, Samples } from "@lilaw/datasets";
import { describe, expect, it } from "vitest";
import { digestOf, loadData } from "../src/data.js";
import { checkSettings } from "../src/options.js";
import { messyTable, scratch, writeTable } from "./support.js";

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

describe("loadData", () => {
  it("keeps of a file the samples that some seed uses, and the test part", async () => {
    const train = await writeTable(join(await scratch(), "train.csv"), messyTable(1000, 1));
    const settings = checkSettings({
      files: { train, labelColumn: "diagnosis", dropColumns: ["id", "day"], missing: "drop" },
      noise: "none",
      methods: ["lilaw"],
      model: "linear",
      epochs: 1,
      seeds: [1, 2],
      backend: "cpu",
      trainSize: 50,
      testSize: 100,
      validLabels: "noisy",
      batchSize: 32,
      learningRate: 0.001,
      gradient: "full",
      warmupEpochs: 1,
    });
    const { dataset, plans, heldOut } = await loadData(settings, {});
    expect(heldOut).toEqual(["valid", "test"]);
    expect(dataset.reading!.rows.train).toMatchObject({ read: 1000, dropped: 50 });
    const used = plans.flatMap(({ train, valid }) => [...train.rows, ...valid.rows]);
    expect(used).toHaveLength(100);
    expect(dataset.train.count).toBe(100 + new Set(used).size);
    expect(dataset.test.count).toBe(100);
    const testRows = new Set(dataset.test.rows);
    expect(used.filter((place) => testRows.has(dataset.train.rows![place]!))).toEqual([]);
    // What is kept is what a run with all samples has in these rows.
    const whole = await loadData({ ...settings, trainSize: 850 }, {});
    expect([...whole.dataset.test.rows!]).toEqual([...testRows]);
    expect(whole.dataset.test.features).toEqual(dataset.test.features);
  });
});
