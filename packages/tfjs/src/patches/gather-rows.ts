import * as tf from "@tensorflow/tfjs-core";
import { hostMemory } from "./host-memory.js";

/** Backends whose tensors are arrays of this process and whose own gather copies single elements. */
const inHostMemory = ["cpu", "wasm"];

/**
 * Rows of tensors, as `tf.gather` takes them: tensors [N, …] in, new tensors [rows, …] out.
 *
 * @param rows each in [0, N)
 */
export function gatherRows(tensors: tf.Tensor[], rows: Int32Array): tf.Tensor[] {
  const host = inHostMemory.includes(tf.getBackend());
  const indices = tf.tensor1d(rows, "int32");
  const taken = tensors.map((x) =>
    host && x.dtype === "float32" ? copyRows(x, rows) : tf.gather(x, indices),
  );
  indices.dispose();
  return taken;
}

function copyRows(x: tf.Tensor, rows: Int32Array): tf.Tensor {
  const size = x.size / x.shape[0]!;
  const memory = hostMemory();
  const { arrays, tensors } = memory.allocate([[rows.length, ...x.shape.slice(1)]], [x]);
  const values = memory.view(x) as Float32Array;
  rows.forEach((row, i) => {
    arrays[0]!.set(values.subarray(row * size, (row + 1) * size), i * size);
  });
  return tensors[0]!;
}
