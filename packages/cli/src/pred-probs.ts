/** Probabilities of classes as NPY. */
import { expected } from "@lilaw/core";
import { dump, parse } from "npyjs";

/** The file of a unit that was trained with folds: out-of-sample probabilities of every sample of its `samples.csv`. */
export const predProbsFile = "predProbs.npy";

/** Rows of probabilities, each [rows, classes], one after the other as a float32 array [all rows, classes]. */
export function predProbsNpy(parts: readonly ArrayLike<number>[], classes: number): Uint8Array {
  const all = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let end = 0;
  for (const part of parts) {
    all.set(part, end);
    end += part.length;
  }
  return new Uint8Array(dump(all, [all.length / classes, classes]));
}

/** @throws CORRUPT_FILE for anything but what {@link predProbsNpy} wrote */
export function parsePredProbs(bytes: Uint8Array, name: string): Float32Array {
  try {
    const { data } = parse(bytes.slice().buffer);
    if ((data as unknown) instanceof Float32Array) return data as unknown as Float32Array;
  } catch (error) {
    throw expected("CORRUPT_FILE", "an NPY array", name, (error as Error).message);
  }
  throw expected("CORRUPT_FILE", "an NPY array of float32", name, "other numbers");
}
