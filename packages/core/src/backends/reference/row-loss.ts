import type { Batch, FloatArray, Loss } from "../../backend.js";
import { binaryRows } from "./rows/binary.js";
import { multiLabelRows } from "./rows/multi-label.js";
import { regressionRows } from "./rows/regression.js";
import { softmaxRows } from "./rows/softmax.js";

/** What the methods need to know of one sample. */
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
 * The rows of a batch under one loss. Every loss, however different, is seen through these two functions,
 * so each operation is written once.
 */
export interface RowLoss {
  /** Reads row i. The returned object is filled anew by the next call. */
  measure(i: number): Readonly<RowStats>;
  /** Writes byLoss * dL/dz + byLabelProb * du/dz + byMaxProb * dv/dz of the row measured last to out[at …]. */
  gradient(byLoss: number, byLabelProb: number, byMaxProb: number, out: FloatArray, at: number): void;
}

export function rowLoss(batch: Batch, loss: Loss): RowLoss {
  if (loss === "binary") return binaryRows(batch);
  if (loss === "multi-label") return multiLabelRows(batch);
  if (loss === "cross-entropy") return softmaxRows(batch, { gamma: 0, smoothing: 0 });
  if (loss.kind === "focal") return softmaxRows(batch, { gamma: loss.gamma, smoothing: 0 });
  if (loss.kind === "label-smoothing") return softmaxRows(batch, { gamma: 0, smoothing: loss.smoothing });
  return regressionRows(batch, loss.range);
}

export const newRowStats = (): RowStats => ({
  loss: 0,
  labelProb: 0,
  maxProb: 0,
  prediction: 0,
  weighted: true,
});

/** Marks a row with a NaN or infinite logit: whatever is computed from it is NaN too. */
export function setNonFinite(row: RowStats): RowStats {
  row.loss = row.labelProb = row.maxProb = Number.NaN;
  row.prediction = -1;
  row.weighted = true;
  return row;
}
