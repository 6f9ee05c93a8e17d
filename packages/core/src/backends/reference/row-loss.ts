import type { Batch, Loss } from "../../backend.js";
import { binaryRows } from "./rows/binary.js";
import { multiLabelRows } from "./rows/multi-label.js";
import { regressionRows } from "./rows/regression.js";
import type { RowLoss } from "./rows/row.js";
import { softmaxRows } from "./rows/softmax.js";

/** The rows of a batch under a loss. */
export function rowLoss(batch: Batch, loss: Loss): RowLoss {
  if (loss === "binary") return binaryRows(batch);
  if (loss === "multi-label") return multiLabelRows(batch);
  if (loss === "cross-entropy") return softmaxRows(batch, { gamma: 0, smoothing: 0 });
  if (loss.kind === "focal") return softmaxRows(batch, { gamma: loss.gamma, smoothing: 0 });
  if (loss.kind === "label-smoothing") return softmaxRows(batch, { gamma: 0, smoothing: loss.smoothing });
  return regressionRows(batch, loss.range);
}
