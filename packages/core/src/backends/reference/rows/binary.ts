import type { Batch } from "../../../backend.js";
import { sigmoid, softplus } from "../scalars.js";
import { newRowStats, type RowLoss, setNonFinite } from "./row.js";

/** One logit a sample, labels 0 or 1: the two-class softmax on [0, z], ties to class 0 included. */
export function binaryRows({ logits, labels }: Batch): RowLoss {
  const row = newRowStats();
  let logit = 0;
  let side = 1;

  return {
    measure(i) {
      logit = logits[i]!;
      if (!Number.isFinite(logit)) return setNonFinite(row);
      side = labels[i] === 1 ? 1 : -1;
      row.loss = softplus(-side * logit);
      row.labelProb = sigmoid(side * logit);
      row.maxProb = sigmoid(Math.abs(logit));
      row.prediction = logit > 0 ? 1 : 0;
      return row;
    },

    gradient(byLoss, byLabelProb, byMaxProb, out, at) {
      const slope = sigmoid(logit) * sigmoid(-logit);
      const fromLoss = -side * sigmoid(-side * logit);
      const topSide = row.prediction === 1 ? 1 : -1;
      out[at] = byLoss * fromLoss + (byLabelProb * side + byMaxProb * topSide) * slope;
    },
  };
}
