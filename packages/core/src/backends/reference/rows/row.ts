/** The interface between the operations and the rows of a batch. */
import type { FloatArray } from "../../../backend.js";

/** The values of one sample that the methods use. */
export interface RowStats {
  loss: number;
  /** u: label probability */
  labelProb: number;
  /** v: max probability */
  maxProb: number;
  prediction: number;
  /** False where the weight is 1 by definition: a multi-label row without labels. */
  weighted: boolean;
}

/**
 * The rows of a batch under one loss. The operations use every loss through these two functions only, so each operation
 * is written once.
 */
export interface RowLoss {
  /** Reads row i. The next call fills the same object again. */
  measure(i: number): Readonly<RowStats>;
  /** Writes byLoss * dL/dz + byLabelProb * du/dz + byMaxProb * dv/dz of the row measured last to out[at …]. */
  gradient(byLoss: number, byLabelProb: number, byMaxProb: number, out: FloatArray, at: number): void;
}

export const newRowStats = (): RowStats => ({
  loss: 0,
  labelProb: 0,
  maxProb: 0,
  prediction: 0,
  weighted: true,
});

/** Marks a row with a NaN or infinite logit, so that everything computed from it is NaN. */
export function setNonFinite(row: RowStats): RowStats {
  row.loss = row.labelProb = row.maxProb = Number.NaN;
  row.prediction = -1;
  row.weighted = true;
  return row;
}
