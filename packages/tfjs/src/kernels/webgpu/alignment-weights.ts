import type { Loss } from "@lilaw/core";
import type { AlignmentWeightsInputs, AlignmentWeightsResult } from "../contract.js";
import { run } from "./program.js";
import { overRows } from "./rows.js";
import { mailbox, mailboxLength, overLanes } from "./wgsl.js";

/** [alignments, weights]: each workgroup computes the alignments of its rows, the last one divides them by their sum. */
export function alignmentWeights(
  { logits, tangents, labels }: AlignmentWeightsInputs,
  loss: Loss,
): AlignmentWeightsResult {
  const count = logits.shape[0]!;
  const rows = overRows(logits, labels, loss);
  return run({
    ...rows,
    inputs: { ...rows.inputs, tangents },
    outputs: { alignments: [count], weights: [count] },
    mailbox: mailboxLength(count),
    code: `${rows.code}${mailbox}${overLanes("sumOfLanes", rows.lanes, rows.lanes, "a + b")}
fn main(index : i32) {
  let i = index / width;
  let lane = index % width;
  let classes = classCount();
  let row = rowOf(i, lane);
  var sums = vec4<f32>(0.0); // products, number of tangents that are not finite
  for (var k = lane; i < rowCount() && k < classes; k += width) {
    let at = i * classes + k;
    let slope = gradientAt(row, k, logits[at], 1.0, 0.0, 0.0);
    sums += vec4<f32>(slope * tangents[at], select(1.0, 0.0, isFinite(tangents[at])), 0.0, 0.0);
  }
  sums = sumOfRow(sums);
  if (i < rowCount() && lane == 0) {
    mailboxStore(i, select(uniforms.NAN, sums.x, row.isValid && sums.y == 0.0 && isFinite(sums.x)));
  }
  if (!isLastWorkgroup()) {
    return;
  }
  var total = vec4<f32>(0.0);
  for (var i = i32(localIndex); i < rowCount(); i += ${rows.lanes}) {
    let alignment = mailboxLoad(i);
    alignments[i] = alignment;
    total.x += select(0.0, max(alignment, 0.0), isFinite(alignment));
  }
  total = sumOfLanes(total);
  let divisor = select(1.0, total.x, total.x > 0.0);
  for (var i = i32(localIndex); i < rowCount(); i += ${rows.lanes}) {
    weights[i] = select(uniforms.NAN, max(alignments[i], 0.0) / divisor, isFinite(alignments[i]));
  }
}
`,
  });
}
