import { checks, expected, LilawError } from "@lilaw/core";
import { indicesOf, numbersOf, sameLength } from "./arguments.js";

/** The three summands of LiLAW's weight (arXiv 2509.20786): W_alpha (easy), W_beta (hard), W_delta (moderate). */
export interface WeightTerms<T = Float32Array> {
  readonly alpha: T;
  readonly beta: T;
  readonly delta: T;
}

/** The values of one training step for each sample of its batch; all arrays have the length of `rows`. */
export interface SampleBatch {
  /** An integer. */
  readonly epoch: number;
  /** Rows of the training set, each in [0, count). */
  readonly rows: ArrayLike<number>;
  readonly losses: ArrayLike<number>;
  /** Probability of the given label, u. */
  readonly labelProbs: ArrayLike<number>;
  /** Largest class probability, v. */
  readonly maxProbs: ArrayLike<number>;
  readonly weights: ArrayLike<number>;
  /** Predicted classes, integers of at least 0. */
  readonly predictions: ArrayLike<number>;
  /** Present in all batches of an epoch or in none. */
  readonly terms?: WeightTerms<ArrayLike<number>> | undefined;
}

/**
 * Every training sample as one epoch saw it; all arrays are [count], indexed by training row.
 * A row the epoch did not visit is NaN, and -1 in `predictions`.
 */
export interface SampleRecord {
  readonly epoch: number;
  readonly losses: Float32Array;
  readonly labelProbs: Float32Array;
  readonly maxProbs: Float32Array;
  readonly weights: Float32Array;
  readonly predictions: Int32Array;
  /** Present when the epoch's batches had them (LiLAW). */
  readonly terms?: WeightTerms;
}

const perSample = ["losses", "labelProbs", "maxProbs", "weights", "predictions"] as const;
const termNames = ["alpha", "beta", "delta"] as const;

/** Rows are numbered with 32 bits. */
const mostRows = 2 ** 31 - 1;

/**
 * Gathers batches into the record of the latest epoch.
 *
 * @example
 * const recorder = new SampleRecorder(trainingRows);
 * await fit(model, x, y, { weighting: lilaw(), record: (batch) => recorder.add(batch) });
 * const { issues } = labelIssues({ record: recorder.record, labels });
 */
export class SampleRecorder {
  readonly #count: number;
  #record: SampleRecord | undefined;

  /** @param count training rows, an integer from 1 to 2^31 - 1 */
  constructor(count: number) {
    if (!Number.isInteger(count) || count < 1 || count > mostRows) {
      throw expected("INVALID_ARGUMENT", `an integer from 1 to ${mostRows}`, "count", count);
    }
    this.#count = count;
  }

  /**
   * Copies a batch into the record. The first batch of another epoch starts a new record; a row seen twice in one
   * epoch keeps its last values.
   *
   * @throws LENGTH_MISMATCH, INVALID_ARGUMENT (a row outside the training set, values that are no numbers, terms in
   *   some batches of an epoch only), OUT_OF_MEMORY; the record is then unchanged
   */
  add(batch: SampleBatch): void {
    const { epoch, rows, values, terms } = this.#checked(batch);
    const current = this.#record?.epoch === epoch ? this.#record : undefined;
    if (current && (current.terms === undefined) !== (terms === undefined)) {
      const others = current.terms ? "terms" : "no terms";
      throw expected("INVALID_ARGUMENT", `${others} as in the epoch's other batches`, "batch.terms", terms);
    }
    const record = current ?? emptyRecord(epoch, terms !== undefined, this.#count);
    for (const name of perSample) scatter(record[name], rows, values[name]);
    for (const name of termNames) if (record.terms && terms) scatter(record.terms[name], rows, terms[name]);
    this.#record = record;
  }

  /** The record of the latest epoch. It is the recorder's own memory: later batches of that epoch change it. */
  get record(): SampleRecord {
    if (!this.#record) throw expected("INVALID_ARGUMENT", "at least one batch", "the record", "none");
    return this.#record;
  }

  #checked(batch: SampleBatch) {
    checks.checkObject("batch", batch);
    const { epoch, terms } = batch;
    if (!Number.isSafeInteger(epoch)) throw expected("INVALID_ARGUMENT", "an integer", "batch.epoch", epoch);
    if (terms !== undefined) checks.checkObject("batch.terms", terms);
    const rows = indicesOf(batch.rows, "rows", this.#count - 1);
    const values = valuesOf(batch, perSample, "", rows);
    indicesOf(values.predictions, "predictions", mostRows);
    return { epoch, rows, values, terms: terms && valuesOf(terms, termNames, "terms.", rows) };
  }
}

function valuesOf<N extends string>(
  source: Readonly<Record<N, ArrayLike<number>>>,
  names: readonly N[],
  prefix: string,
  rows: ArrayLike<number>,
): Record<N, ArrayLike<number>> {
  const entries = names.map((name) => {
    const values = numbersOf(source[name], `${prefix}${name}`);
    sameLength(values, `${prefix}${name}`, rows, "rows");
    return [name, values] as const;
  });
  return Object.fromEntries(entries) as Record<N, ArrayLike<number>>;
}

function emptyRecord(epoch: number, hasTerms: boolean, count: number): SampleRecord {
  try {
    const unseen = () => new Float32Array(count).fill(Number.NaN);
    return {
      epoch,
      losses: unseen(),
      labelProbs: unseen(),
      maxProbs: unseen(),
      weights: unseen(),
      predictions: new Int32Array(count).fill(-1),
      ...(hasTerms && { terms: { alpha: unseen(), beta: unseen(), delta: unseen() } }),
    };
  } catch (cause) {
    const message = `Expected memory for a record of ${count} rows but received none`;
    throw new LilawError("OUT_OF_MEMORY", message, { cause });
  }
}

function scatter(target: Float32Array | Int32Array, rows: ArrayLike<number>, given: ArrayLike<number>): void {
  // `values` may be part of the record itself, which would change while it is copied.
  const shared = ArrayBuffer.isView(given) && given.buffer === target.buffer;
  const values = shared ? Float64Array.from(given) : given;
  for (let i = 0; i < rows.length; i++) target[rows[i]!] = values[i]!;
}
