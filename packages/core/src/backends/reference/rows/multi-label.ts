import type { Batch } from "../../../backend.js";
import { sigmoid, softplus } from "../scalars.js";
import { newRowStats, type RowLoss, setNonFinite } from "./row.js";

/**
 * Any number of labels a sample. With k observed labels, u is the mean probability over them and v the mean of
 * the k largest probabilities (ties: lowest index). Without labels the weight is 1.
 */
export function multiLabelRows({ logits, labels, classes }: Batch): RowLoss {
  const row = newRowStats();
  const order = new Int32Array(classes);
  const isTop = new Uint8Array(classes);
  let at = 0;
  let observed = 0;

  return {
    measure(i) {
      at = i * classes;
      observed = 0;
      let loss = 0;
      let labelProb = 0;
      for (let k = 0; k < classes; k++) {
        const z = logits[at + k]!;
        if (!Number.isFinite(z)) return setNonFinite(row);
        const y = labels[at + k]!;
        // softplus(z) - z as softplus(-z): no digits lost where z is large.
        loss += softplus(y === 1 ? -z : z);
        // A count, not a sum of labels: shared memory may have changed since the check, and the loop below must end.
        if (y === 1) {
          observed++;
          labelProb += sigmoid(z);
        }
        order[k] = k;
      }
      order.sort((a, b) => logits[at + b]! - logits[at + a]! || a - b);
      isTop.fill(0);
      let maxProb = 0;
      for (let n = 0; n < observed; n++) {
        isTop[order[n]!] = 1;
        maxProb += sigmoid(logits[at + order[n]!]!);
      }
      row.loss = loss / classes;
      row.prediction = order[0]!;
      row.weighted = observed > 0;
      row.labelProb = row.weighted ? labelProb / observed : 0;
      row.maxProb = row.weighted ? maxProb / observed : 0;
      return row;
    },

    gradient(byLoss, byLabelProb, byMaxProb, out, offset) {
      const share = row.weighted ? 1 / observed : 0;
      for (let k = 0; k < classes; k++) {
        const z = logits[at + k]!;
        const y = labels[at + k]!;
        // p - y for y = 1 is -sigmoid(-z): no digits lost near p = 1.
        const error = y === 1 ? -sigmoid(-z) : sigmoid(z);
        const slope = sigmoid(z) * sigmoid(-z);
        out[offset + k] =
          (byLoss * error) / classes + slope * share * (byLabelProb * y + byMaxProb * isTop[k]!);
      }
    },
  };
}
