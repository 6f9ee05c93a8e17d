import type { Batch } from "../../../backend.js";
import type { Loss } from "../../../losses.js";
import { newRowStats, type RowLoss, setNonFinite } from "./row.js";

/**
 * Squared error of one output f against a target y. The weights read (p * f - y) / range in place of p * u - v,
 * which is u = f / range and v = y / range; v does not depend on the model.
 */
export function regressionRows({ logits, labels, loss }: Batch): RowLoss {
  const { range } = loss as Extract<Loss, { kind: "regression" }>;
  const row = newRowStats();
  let error = 0;

  return {
    measure(i) {
      const output = logits[i]!;
      if (!Number.isFinite(output)) return setNonFinite(row);
      error = output - labels[i]!;
      row.loss = error * error;
      row.labelProb = output / range;
      row.maxProb = labels[i]! / range;
      row.prediction = 0;
      return row;
    },

    gradient(byLoss, byLabelProb, _byMaxProb, out, at) {
      out[at] = byLoss * 2 * error + byLabelProb / range;
    },
  };
}
