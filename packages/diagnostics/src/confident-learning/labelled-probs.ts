import { checks, expected } from "@lilaw/core";
import { indicesOf, numbersOf } from "../arguments.js";

/** Predicted probabilities of N samples: row-major [N, C], or N rows of C numbers. */
export type PredProbs = Float32Array | Float64Array | ArrayLike<ArrayLike<number>>;

/** Samples with the labels they were given and the probabilities that a model predicts for them. */
export interface LabelledProbs {
  /** Given labels, [N], integers in [0, C). */
  readonly labels: ArrayLike<number>;
  /**
   * Predicted probabilities, best those of a model that was not trained on the sample. Each in [0, 1], where 1e-4 beyond is taken
   * as the bound itself; each row sums to 1 within 0.1.
   */
  readonly predProbs: PredProbs;
}

/** Samples whose values have been checked. */
export interface Chunk {
  readonly count: number;
  readonly classes: number;
  readonly labels: ArrayLike<number>;
  /** [count * classes] */
  readonly probs: Float32Array | Float64Array;
}

const slack = 1e-4;
const sumSlack = 0.1;

/** A probability, without what rounding has put beyond 0 and 1. */
export const clipped = (prob: number): number => Math.min(1, Math.max(0, prob));

/** The largest probability of a class other than the label, at least 0. */
export function largestOther(probs: Chunk["probs"], start: number, classes: number, label: number): number {
  let largest = 0;
  for (let k = 0; k < classes; k++) {
    const prob = probs[start + k]!;
    if (prob > largest && k !== label) largest = prob;
  }
  return clipped(largest);
}

/**
 * @param classes C; where it is not given, it is the length of the rows
 * @throws `INVALID_ARGUMENT`, `LENGTH_MISMATCH`, `LABEL_OUT_OF_RANGE`, `NON_FINITE`
 */
export function chunkOf(given: LabelledProbs, classes: number | undefined): Chunk {
  checks.checkObject("samples", given);
  const labels = numbersOf(given.labels, "labels");
  const count = labels.length;
  const { probs, classes: found } = flatOf(given.predProbs, count, classes);
  if (probs.length !== count * found) {
    const received = `${probs.length} numbers`;
    throw expected("LENGTH_MISMATCH", `${count} rows of ${found} probabilities`, "predProbs", received);
  }
  indicesOf(labels, "labels", found - 1, "LABEL_OUT_OF_RANGE");
  return { count, classes: found, labels, probs };
}

function flatOf(
  given: PredProbs,
  count: number,
  classes: number | undefined,
): Pick<Chunk, "probs" | "classes"> {
  if (classes !== undefined && !(Number.isSafeInteger(classes) && classes >= 1))
    throw expected("INVALID_ARGUMENT", "an integer of at least 1", "classes", classes);
  // A proxy of an array is an instance of its class, but no array.
  if (ArrayBuffer.isView(given) && (given instanceof Float32Array || given instanceof Float64Array)) {
    const found = classes ?? given.length / count;
    if (Number.isInteger(found) && found >= 1) return { probs: given, classes: found };
    throw expected("LENGTH_MISMATCH", `rows for ${count} labels`, "predProbs", `${given.length} numbers`);
  }
  const rows = rowsOf(given, count);
  const found = classes ?? rows[0]?.length ?? 1;
  rows.forEach((row, i) => {
    if (row.length !== found)
      throw expected("LENGTH_MISMATCH", `${found} probabilities`, `predProbs[${i}]`, `${row.length}`);
  });
  const probs = new Float64Array(count * found);
  rows.forEach((row, i) => {
    probs.set(row, i * found);
  });
  return { probs, classes: found };
}

function rowsOf(given: ArrayLike<ArrayLike<number>>, count: number): ArrayLike<number>[] {
  if (!Array.isArray(given))
    throw expected(
      "INVALID_ARGUMENT",
      "a Float32Array, a Float64Array or an array of rows",
      "predProbs",
      given,
    );
  if (given.length !== count)
    throw expected("LENGTH_MISMATCH", `${count} rows`, "predProbs", `${given.length} rows`);
  return given.map((row: ArrayLike<number>, i) => numbersOf(row, `predProbs[${i}]`));
}

/**
 * @param firstRow the row of the first sample, for messages
 * @throws `NON_FINITE`, `INVALID_ARGUMENT` for what is no probability, and rows whose sum is far from 1
 */
export function checkProbs({ count, classes, probs }: Chunk, firstRow: number): void {
  for (let row = 0, at = 0; row < count; row++) {
    let sum = 0;
    const end = at + classes;
    for (; at < end; at++) {
      const prob = probs[at]!;
      if (!(prob >= -slack && prob <= 1 + slack)) throw noProb(prob, firstRow + row, at - row * classes);
      sum += prob;
    }
    if (sum < 1 - sumSlack || sum > 1 + sumSlack)
      throw expected("INVALID_ARGUMENT", "probabilities that sum to 1", `predProbs[${firstRow + row}]`, sum);
  }
}

const noProb = (prob: number, row: number, k: number) =>
  expected(
    Number.isFinite(prob) ? "INVALID_ARGUMENT" : "NON_FINITE",
    "a probability from 0 to 1",
    `predProbs[${row}][${k}]`,
    prob,
  );
