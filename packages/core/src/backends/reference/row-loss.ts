import type { Batch } from "../../backend.js";
import { type LabelType, labelTypeOf } from "../../losses.js";
import { binaryRows } from "./rows/binary.js";
import { multiLabelRows } from "./rows/multi-label.js";
import { regressionRows } from "./rows/regression.js";
import type { RowLoss } from "./rows/row.js";
import { softmaxRows } from "./rows/softmax.js";
import { transitionRows } from "./rows/transition.js";

/** The implementation of rows that belongs to the loss of a batch. */
export function rowLoss(batch: Batch): RowLoss {
  return rowsOf[labelTypeOf(batch.loss)](batch);
}

const rowsOf: Readonly<Record<LabelType, (batch: Batch) => RowLoss>> = {
  class: (batch) =>
    batch.transition === null ? softmaxRows(batch) : transitionRows(batch, batch.transition),
  binary: binaryRows,
  flags: multiLabelRows,
  target: regressionRows,
};
