import type { Batch } from "../../../backend.js";
import { isOfLabelProb, lossOfLabelProb, nameOfLoss } from "../../../losses.js";
import { newRowStats, type RowLoss, setNonFinite } from "./row.js";

/**
 * The losses of u, the softmax probability of the label, and label smoothing.
 *
 * With m = max z and j its index, only r = sum over k != j of exp(z_k - m) is accumulated. Then 1 - v = r / S and,
 * when the label is j, the loss is log1p(r): forming 1 - s by subtraction would lose every digit on confident rows.
 */
export function softmaxRows({ logits, labels, classes, loss }: Batch): RowLoss {
  const smoothing = nameOfLoss(loss) === "label-smoothing" ? (loss as { smoothing: number }).smoothing : 0;
  const ofLabelProb = isOfLabelProb(loss) ? lossOfLabelProb(loss) : null;
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
      if (ofLabelProb === null) {
        row.loss = logPartition - (1 - smoothing) * shiftedLabel - (smoothing / classes) * sum;
        return row;
      }
      const p = { u: row.labelProb, oneMinusU: -Math.expm1(-crossEntropy), minusLogU: crossEntropy };
      ({ loss: row.loss, factor: lossFactor } = ofLabelProb(p));
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
}
