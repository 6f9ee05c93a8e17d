/** Arrays with other labels, and without some rows. */
import { expected } from "@lilaw/core";
import type { NdArray } from "../files/arrays.js";
import { type Changes, excludedRows } from "./changes.js";

/** The bytes of a label array with other labels; `labels` are those that it has, as texts. */
export function correctedLabels(
  array: NdArray,
  body: Uint8Array,
  labels: readonly string[],
  changes: Changes,
): Uint8Array {
  const { size } = array.type;
  const bytesOf = (row: number) => body.subarray(row * size, (row + 1) * size);
  // Labels are written as the array itself writes them.
  const examples = new Map<string, number>();
  for (const [row, label] of labels.entries()) if (!examples.has(label)) examples.set(label, row);
  const kept: Uint8Array[] = [];
  for (let row = 0; row < labels.length; row++) {
    const label = changes.has(row) ? changes.get(row)! : labels[row]!;
    if (label === null) continue;
    const example = label === labels[row] ? row : examples.get(label);
    if (example === undefined) {
      const expectation = `a label that another row of ${array.name} has (a patch can hold others)`;
      throw expected("INVALID_ARGUMENT", expectation, `row ${row}`, label);
    }
    kept.push(bytesOf(example));
  }
  return Buffer.concat([array.headOf(kept.length), ...kept]);
}

/** The bytes of an array without some rows. */
export async function* withoutRows(
  array: NdArray,
  changes: Changes,
): AsyncGenerator<Uint8Array, void, undefined> {
  const excluded = excludedRows(changes);
  const [count = 0, ...sample] = array.shape;
  yield array.headOf(count - excluded.size);
  const rowBytes = sample.reduce((a, b) => a * b, array.type.size);
  let [row, left] = [0, rowBytes];
  for await (const chunk of array.body) {
    const parts: Uint8Array[] = [];
    for (let at = 0; at < chunk.length; ) {
      const part = chunk.subarray(at, at + left);
      if (!excluded.has(row)) parts.push(part);
      at += part.length;
      left -= part.length;
      if (left > 0) continue;
      [row, left] = [row + 1, rowBytes];
    }
    yield Buffer.concat(parts);
  }
}
