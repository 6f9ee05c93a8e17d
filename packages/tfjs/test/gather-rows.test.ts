import * as tf from "@tensorflow/tfjs-core";
import { expect, it } from "vitest";
import { gatherRows } from "../src/gather-rows.js";
import { describeBackends } from "./backends.js";

describeBackends("gatherRows", () => {
  it.each(["float32", "int32"] as const)("is tf.gather, for %s", (dtype) => {
    const rows = Int32Array.of(2, 0, 2, 4);
    const tensors = [
      tf.cast(tf.reshape(tf.range(0, 30), [5, 3, 2]), dtype),
      tf.tensor1d([5, 4, 3, 2, 1], dtype),
    ];
    const before = tf.memory().numTensors;
    const taken = gatherRows(tensors, rows);
    expect(tf.memory().numTensors - before).toBe(2);
    taken.forEach((actual, i) => {
      const expected = tf.gather(tensors[i]!, tf.tensor1d(rows, "int32"));
      expect([actual.dtype, actual.shape]).toEqual([dtype, expected.shape]);
      expect(actual.dataSync()).toEqual(expected.dataSync());
    });
  });
});
