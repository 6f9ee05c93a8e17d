import { join } from "node:path";
import { Random } from "@lilaw/core";
import { describe, expect, it } from "vitest";
import { digestOfAll, loadData } from "../src/data.js";
import { rowsDataset as dataset, messyTable, scratch, settings, writeTable } from "./support.js";

describe("digestOfAll", () => {
  it("changes with every sample and label", () => {
    const digest = digestOfAll(dataset);
    expect(digestOfAll(structuredClone(dataset))).toBe(digest);
    const random = Random.from(1, "digest");
    for (const array of ["features", "labels"] as const) {
      for (const part of ["train", "test"] as const) {
        const other = structuredClone(dataset);
        other[part][array][random.int(40)]! += 1;
        expect(digestOfAll(other)).not.toBe(digest);
      }
    }
  });
});

describe("loadData", () => {
  it("keeps of a file the samples that some seed uses, and the test part", async () => {
    const train = await writeTable(join(await scratch(), "train.csv"), messyTable(1000, 1));
    const own = settings({
      dataset: undefined,
      files: { train, labelColumn: "diagnosis", dropColumns: ["id", "day"], missing: "drop" },
      seeds: [1, 2],
      trainSize: 50,
      testSize: 100,
    });
    const { dataset, plans, heldOut } = await loadData(own, {});
    expect(heldOut).toEqual(["valid", "test"]);
    expect(dataset.reading!.rows.train).toMatchObject({ read: 1000, dropped: 50 });
    const used = plans.flatMap(({ train, valid }) => [...train.rows, ...valid.rows]);
    expect(used).toHaveLength(100);
    expect(dataset.train.count).toBe(100 + new Set(used).size);
    expect(dataset.test.count).toBe(100);
    const testRows = new Set(dataset.test.rows);
    expect(used.filter((place) => testRows.has(dataset.train.rows![place]!))).toEqual([]);
    // The kept samples are those that a run with all samples has in these rows.
    const whole = await loadData({ ...own, trainSize: 850 }, {});
    expect([...whole.dataset.test.rows!]).toEqual([...testRows]);
    expect(whole.dataset.test.features).toEqual(dataset.test.features);
  });
});
