import type { Batch } from "../../../backend.js";
import { newRowStats, type RowLoss, setNonFinite } from "./row.js";

/**
 * Softmax cross-entropy, focal loss (gamma > 0) and label smoothing (smoothing > 0).
 *
 * With m = max z and j its index, only r = sum over k != j of exp(z_k - m) is accumulated. Then 1 - v = r / S and,
 * when the label is j, the loss is log1p(r): forming 1 - s by subtraction would lose every digit on confident rows.
 */
export function softmaxRows(
  { logits, labels, classes }: Batch,
  { gamma, smoothing }: { gamma: number; smoothing: number },
): RowLoss {
  const row = newRowStats();
  let at = 0;
  let label = 0;
  let top = 0;
  let max = 0;
  let rest = 0;
  /** dL/dz = lossFactor * (s - e_y), before smoothing */
  let lossFactor = 1;

  return {
    measure(i) {
      at = i * classes;
      label = labels[i]!;
      top = 0;
      let finite = true;
      let sum = 0;
      for (let k = 0; k < classes; k++) {
        const z = logits[at + k]!;
        if (!Number.isFinite(z)) finite = false;
        if (z > logits[at + top]!) top = k;
      }
      if (!finite) return setNonFinite(row);
      max = logits[at + top]!;
      rest = 0;
      for (let k = 0; k < classes; k++) {
        const shifted = logits[at + k]! - max;
        if (k !== top) rest += Math.exp(shifted);
        sum += shifted;
      }
      const shiftedLabel = logits[at + label]! - max;
      const logPartition = Math.log1p(rest);
      const crossEntropy = logPartition - shiftedLabel;
      row.labelProb = Math.exp(shiftedLabel) / (1 + rest);
      row.maxProb = 1 / (1 + rest);
      row.prediction = top;
      row.loss =
        smoothing === 0
          ? crossEntropy
          : logPartition - (1 - smoothing) * shiftedLabel - (smoothing / classes) * sum;
      if (gamma > 0) applyFocal(crossEntropy);
      return row;
    },

    gradient(byLoss, byLabelProb, byMaxProb, out, offset) {
      const partition = 1 + rest;
      const restProb = rest / partition;
      const byLabel = byLoss * lossFactor - byLabelProb * row.labelProb;
      const byTop = -byMaxProb * row.maxProb;
      const smooth = byLoss * smoothing;
      for (let k = 0; k < classes; k++) {
        const s = Math.exp(logits[at + k]! - max) / partition;
        // s - 1 of the largest class is -rest / S, exact however close s is to 1.
        const minusOne = k === top ? -restProb : s - 1;
        const fromLabel = byLabel * (k === label ? minusOne : s);
        const fromTop = byTop * (k === top ? minusOne : s);
        const fromSmoothing = smooth === 0 ? 0 : smooth * ((k === label ? 1 : 0) - 1 / classes);
        out[offset + k] = fromLabel + fromTop + fromSmoothing;
      }
    },
  };

  /** L = (1-u)^gamma CE and F = (1-u)^gamma + gamma u (1-u)^(gamma-1) CE, with CE / (1-u) -> 1 as u -> 1. */
  function applyFocal(crossEntropy: number): void {
    const oneMinusU = -Math.expm1(-crossEntropy);
    const modulation = oneMinusU ** gamma;
    const ratio = oneMinusU === 0 ? 1 : crossEntropy / oneMinusU;
    row.loss = modulation * crossEntropy;
    lossFactor = modulation * (1 + gamma * row.labelProb * ratio);
  }
}
