import * as tf from "@tensorflow/tfjs-core";
import { expect, it } from "vitest";
import { gatherRows } from "../../src/patches/gather-rows.js";
import { describeBackends } from "../backends.js";

/** The bytes of the memory of wasm, which grows by itself. */
const heapSize = () => (tf.backend() as unknown as { wasm: { HEAPU8: Uint8Array } }).wasm.HEAPU8.length;

describeBackends("gatherRows", (backend) => {
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

  it.runIf(backend === "wasm")("takes rows of a tensor that another backend has made", async () => {
    const size = heapSize();
    await tf.setBackend("cpu");
    const x = tf.reshape(tf.range(0, size / 4), [-1, 1024]); // does not fit what is left
    await tf.setBackend("wasm");
    const [taken] = gatherRows([x], Int32Array.of(1, 0));
    expect(heapSize()).toBeGreaterThan(size);
    expect([0, 1, 1024].map((i) => taken!.dataSync()[i])).toEqual([1024, 1025, 0]);
    tf.dispose([x, taken!]);
  });
});
