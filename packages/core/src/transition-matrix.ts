import { expected } from "./errors.js";
import { lengthOf, typeOf } from "./typed-array.js";

/** Probabilities of observed labels by true class, [C, C] row-major: row k, column j is P(label j | true class k). */
export type TransitionProbabilities = Float32Array | Float64Array | readonly (readonly number[])[];

/** Largest deviation of the sum of a row from 1: the rounding of float32 in rows of some thousand classes. */
const tolerance = 1e-4;

/**
 * The probability of each observed label for each true class. With it, an operation compares the probabilities of the
 * observed labels, instead of those of the true classes, with the labels (forward correction, Patrini et al. 2017).
 *
 * It is checked once and never changes, so create it once and use it for many batches.
 *
 * @example
 * // Three tenths of the samples of class 0 are labelled 1.
 * const transition = new TransitionMatrix([[0.7, 0.3], [0, 1]]);
 * weightedLoss({ logits, labels, classes: 2, params: null, transition });
 */
export class TransitionMatrix {
  /** C */
  readonly classes: number;
  /**
   * [C, C] by observed labels: row j, column k is P(label j | true class k), so that the numbers of one label are
   * contiguous. Read-only.
   */
  readonly byLabel: Float64Array;
  /** By label: whether a class gives it */
  readonly #possible: readonly boolean[];
  readonly #allArePossible: boolean;
  #float32: Float32Array | undefined;

  /**
   * @param probabilities [C, C], each in [0, 1], each row with the sum 1 (to 1e-4)
   * @throws LilawError `INVALID_ARGUMENT`, `LENGTH_MISMATCH`
   */
  constructor(probabilities: TransitionProbabilities) {
    const flat = isList(probabilities)
      ? checkRows(probabilities as readonly (readonly number[])[])
      : checkFlat(probabilities as Float64Array);
    const classes = Math.sqrt(flat.length);
    this.classes = classes;
    this.byLabel = new Float64Array(flat.length);
    for (let k = 0; k < classes; k++) {
      let sum = 0;
      for (let j = 0; j < classes; j++) {
        const value = flat[k * classes + j]!;
        if (!(typeof value === "number" && value >= 0 && value <= 1))
          throw expected("INVALID_ARGUMENT", "a number in [0, 1]", `transition[${k}][${j}]`, value);
        sum += value;
        this.byLabel[j * classes + k] = value;
      }
      if (!(Math.abs(sum - 1) <= tolerance))
        throw expected("INVALID_ARGUMENT", "the sum 1", `the numbers of transition[${k}]`, sum);
    }
    // As the kernels see it, in float32.
    const isGiven = (j: number) =>
      this.byLabel.subarray(j * classes, (j + 1) * classes).some((p) => Math.fround(p) > 0);
    this.#possible = Array.from({ length: classes }, (_, j) => isGiven(j));
    this.#allArePossible = this.#possible.every(Boolean);
    Object.freeze(this);
  }

  /** Whether it is one. Unlike `instanceof` it asks nothing of the value, which may be a proxy that throws. */
  static is(value: unknown): value is TransitionMatrix {
    return typeof value === "object" && value !== null && #possible in value;
  }

  /** {@link byLabel} in single precision, for kernels that use it. Read-only. */
  get byLabelFloat32(): Float32Array {
    this.#float32 ??= Float32Array.from(this.byLabel);
    return this.#float32;
  }

  /** P(label | true class) */
  probability(trueClass: number, label: number): number {
    return this.byLabel[label * this.classes + trueClass]!;
  }

  /** Whether at least one class gives the label. */
  isPossible(label: number): boolean {
    return this.#possible[label] === true;
  }

  /**
   * @param name of the labels, for the message
   * @throws LilawError `LABEL_OUT_OF_RANGE` for a label that comes from no class
   */
  checkLabels(labels: ArrayLike<number>, name = "labels"): void {
    if (this.#allArePossible) return;
    for (let i = 0; i < labels.length; i++) {
      if (this.isPossible(labels[i]!)) continue;
      const expectation = "a label that has a probability above 0 in the transition matrix";
      throw expected("LABEL_OUT_OF_RANGE", expectation, `${name}[${i}]`, labels[i]);
    }
  }

  /** Row k: the probabilities of the labels of true class k. */
  toJSON(): number[][] {
    const of = Array.from({ length: this.classes }, (_, i) => i);
    return of.map((k) => of.map((j) => this.probability(k, j)));
  }
}

function checkFlat(values: Float32Array | Float64Array): ArrayLike<number> {
  const type = typeOf(values);
  if (type !== "Float32Array" && type !== "Float64Array") {
    const expectation = "a Float32Array, a Float64Array or an array of rows";
    throw expected("INVALID_ARGUMENT", expectation, "transition", values);
  }
  const length = lengthOf(values);
  if (length === 0 || !Number.isInteger(Math.sqrt(length)))
    throw expected("LENGTH_MISMATCH", "the square of the number of classes", "transition.length", length);
  return new Float64Array(values);
}

/** Whether it is an array; a revoked proxy is none. */
function isList(value: unknown): value is readonly unknown[] {
  try {
    return Array.isArray(value);
  } catch {
    return false;
  }
}

function checkRows(rows: readonly (readonly number[])[]): ArrayLike<number> {
  if (rows.length === 0) throw expected("LENGTH_MISMATCH", "at least one row", "transition", rows);
  for (const [k, row] of rows.entries()) {
    if (!isList(row) && !ArrayBuffer.isView(row))
      throw expected("INVALID_ARGUMENT", "an array", `transition[${k}]`, row);
    if (row.length !== rows.length)
      throw expected("LENGTH_MISMATCH", `${rows.length}`, `transition[${k}].length`, row.length);
  }
  return rows.flatMap((row) => Array.from(row));
}
