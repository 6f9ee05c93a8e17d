import type { Batch } from "../../../backend.js";
import { lossOfLabelProb } from "../../../losses.js";
import type { TransitionMatrix } from "../../../transition-matrix.js";
import { newRowStats, type RowLoss, setNonFinite } from "./row.js";

/**
 * The losses of u, the probability of the observed label under a transition matrix: u = sum over k of s_k T_k, where T_k
 * is the probability of the label if k is the true class (forward correction, Patrini et al. 2017).
 *
 * P_k = s_k T_k / u is the probability of class k given the label; without the matrix it is 1 for the label, else 0.
 */
export function transitionRows(
  { logits, labels, classes, loss }: Batch,
  { byLabel }: TransitionMatrix,
): RowLoss {
  const ofLabelProb = lossOfLabelProb(loss);
  const row = newRowStats();
  const probs = new Float64Array(classes);
  const posterior = new Float64Array(classes);
  /** s_top - 1, and s_top - P_top, neither of them by a subtraction that loses digits */
  let topMinusOne = 0;
  let topApart = 0;
  let lossFactor = 1;

  return {
    measure(i) {
      const at = i * classes;
      const of = labels[i]! * classes;
      let top = 0;
      let likely = -1;
      let finite = true;
      for (let k = 0; k < classes; k++) {
        const z = logits[at + k]!;
        if (!Number.isFinite(z)) finite = false;
        if (z > logits[at + top]!) top = k;
        if (byLabel[of + k]! > 0 && (likely < 0 || z > logits[at + likely]!)) likely = k;
      }
      if (!finite || likely < 0) return setNonFinite(row);
      const max = logits[at + top]!;
      const shift = logits[at + likely]! - max;
      const atTop = byLabel[of + top]!;
      let rest = 0;
      let beside = 0;
      let jointRest = 0;
      for (let k = 0; k < classes; k++) {
        const t = byLabel[of + k]!;
        probs[k] = Math.exp(logits[at + k]! - max);
        // Relative to the largest of the classes that can give the label, so that not all terms underflow.
        posterior[k] = t > 0 ? t * Math.exp(logits[at + k]! - max - shift) : 0;
        if (k === top) continue;
        rest += probs[k]!;
        beside += probs[k]! * (1 - t);
        jointRest += posterior[k]!;
      }
      const partition = 1 + rest;
      const joint = jointRest + posterior[top]!;
      const oneMinusU = (1 - atTop + beside) / partition;
      const minusLogU = Math.log1p(rest) - shift - Math.log(joint);
      const u = (joint * Math.exp(shift)) / partition;
      row.labelProb = u;
      row.maxProb = 1 / partition;
      row.prediction = top;
      const p = { u, oneMinusU, minusLogU: u > 0.5 ? -Math.log1p(-oneMinusU) : minusLogU };
      ({ loss: row.loss, factor: lossFactor } = ofLabelProb(p));
      topMinusOne = -rest / partition;
      topApart = atTop > 0 ? (jointRest - posterior[top]! * rest) / (joint * partition) : row.maxProb;
      for (let k = 0; k < classes; k++) {
        probs[k]! /= partition;
        posterior[k]! /= joint;
      }
      return row;
    },

    gradient(byLoss, byLabelProb, byMaxProb, out, offset) {
      const fromLabel = byLoss * lossFactor - byLabelProb * row.labelProb;
      const fromTop = -byMaxProb * row.maxProb;
      const top = row.prediction;
      for (let k = 0; k < classes; k++) {
        out[offset + k] =
          k === top
            ? fromLabel * topApart + fromTop * topMinusOne
            : fromLabel * (probs[k]! - posterior[k]!) + fromTop * probs[k]!;
      }
    },
  };
}
