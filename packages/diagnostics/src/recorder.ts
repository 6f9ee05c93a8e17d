import { expected } from "@lilaw/core";
import { sameLength } from "./metrics.js";

/** The three summands of LiLAW's weight (arXiv 2509.20786): W_alpha (easy), W_beta (hard), W_delta (moderate). */
export interface WeightTerms<T = Float32Array> {
  readonly alpha: T;
  readonly beta: T;
  readonly delta: T;
}

/** What one training step knows of each sample of its batch; all arrays have the length of `rows`. */
export interface SampleBatch {
  readonly epoch: number;
  /** Rows of the training set, each in [0, count). */
  readonly rows: ArrayLike<number>;
  readonly losses: ArrayLike<number>;
  /** Probability of the given label, u. */
  readonly labelProbs: ArrayLike<number>;
  /** Largest class probability, v. */
  readonly maxProbs: ArrayLike<number>;
  readonly weights: ArrayLike<number>;
  /** Predicted classes. */
  readonly predictions: ArrayLike<number>;
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

  /** @param count training rows, an integer of at least 1 */
  constructor(count: number) {
    if (!Number.isInteger(count) || count < 1) {
      throw expected("INVALID_ARGUMENT", "an integer of at least 1", "count", count);
    }
    this.#count = count;
  }

  /**
   * Copies a batch into the record. The first batch of another epoch starts a new record; a row seen twice in one
   * epoch keeps its last values.
   *
   * @throws LENGTH_MISMATCH, INVALID_ARGUMENT (a row outside the training set); the record is then unchanged
   */
  add(batch: SampleBatch): void {
    this.#check(batch);
    if (this.#record?.epoch !== batch.epoch) this.#record = emptyRecord(batch, this.#count);
    const record = this.#record!;
    for (const name of perSample) scatter(record[name], batch.rows, batch[name]);
    for (const name of termNames) {
      if (record.terms && batch.terms) scatter(record.terms[name], batch.rows, batch.terms[name]);
    }
  }

  /** The record of the latest epoch. It is the recorder's own memory: later batches of that epoch change it. */
  get record(): SampleRecord {
    if (!this.#record) throw expected("INVALID_ARGUMENT", "at least one batch", "the record", "none");
    return this.#record;
  }

  #check(batch: SampleBatch): void {
    for (const name of perSample) sameLength(batch[name], name, batch.rows, "rows");
    for (const name of termNames) {
      if (batch.terms) sameLength(batch.terms[name], `terms.${name}`, batch.rows, "rows");
    }
    for (let i = 0; i < batch.rows.length; i++) {
      const row = batch.rows[i]!;
      if (!Number.isInteger(row) || row < 0 || row >= this.#count) {
        throw expected("INVALID_ARGUMENT", `an integer from 0 to ${this.#count - 1}`, `rows[${i}]`, row);
      }
    }
  }
}

function emptyRecord(batch: SampleBatch, count: number): SampleRecord {
  const unseen = () => new Float32Array(count).fill(Number.NaN);
  return {
    epoch: batch.epoch,
    losses: unseen(),
    labelProbs: unseen(),
    maxProbs: unseen(),
    weights: unseen(),
    predictions: new Int32Array(count).fill(-1),
    ...(batch.terms && { terms: { alpha: unseen(), beta: unseen(), delta: unseen() } }),
  };
}

function scatter(
  target: Float32Array | Int32Array,
  rows: ArrayLike<number>,
  values: ArrayLike<number>,
): void {
  for (let i = 0; i < rows.length; i++) target[rows[i]!] = values[i]!;
}
