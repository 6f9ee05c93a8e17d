import { Random } from "@lilaw/core";
import type { Dataset, Samples } from "@lilaw/datasets";
import { describe, expect, it } from "vitest";
import { digestOf } from "../src/data.js";

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
