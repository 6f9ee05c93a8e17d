import type * as tf from "@tensorflow/tfjs-core";
import type { AlignmentWeightsInputs } from "../contract.js";
import { run } from "./program.js";
import { checkLength, rowLayout, rowStats, type SoftmaxLoss } from "./row-stats.js";
import { batchLanes, finiteness, gradientAt, overLanes, rowAt, sumOfBatch } from "./wgsl.js";

/** [alignments, weights]: one program for the rows, one for their products with the tangents, one for the weights. */
export function alignmentWeights(
  { logits, tangents, labels }: AlignmentWeightsInputs,
  loss: SoftmaxLoss,
): tf.Tensor[] {
  const [count, classes] = logits.shape as [number, number];
  checkLength("tangents", tangents, count * classes);
  const stats = rowStats(logits, labels, loss);
  const layout = rowLayout(count, classes);
  const alignments = run({
    inputs: { logits, tangents, labels, stats },
    uniforms: { smoothing: loss.smoothing },
    outputShape: [count],
    groups: layout.groups,
    lanes: layout.lanes,
    code: alignmentCode(layout.lanes, layout.width),
  });
  const weights = run({
    inputs: { alignments },
    outputShape: [count],
    groups: 1,
    lanes: batchLanes,
    code: weightCode,
  });
  return [alignments, weights];
}

const alignmentCode = (lanes: number, width: number): string => `
${finiteness}${rowAt}${gradientAt}${overLanes("sumOfLanes", lanes, width, "a + b")}
fn main(index : i32) {
  let i = index / ${width};
  let lane = index % ${width};
  let classes = uniforms.logitsShape.y;
  let inside = i < rowCount();
  let row = rowAt(min(i, rowCount() - 1));
  var sums = vec4<f32>(0.0); // products, number of tangents that are not finite
  for (var k = lane; inside && k < classes; k += ${width}) {
    let at = i * classes + k;
    let slope = gradientAt(row, i32(labels[i]), k, logits[at], classes, 1.0, 0.0, 0.0);
    sums += vec4<f32>(slope * tangents[at], select(1.0, 0.0, isFinite(tangents[at])), 0.0, 0.0);
  }
  sums = sumOfLanes(sums);
  if (inside && lane == 0) {
    result[i] = select(uniforms.NAN, sums.x, isValid(row) && sums.y == 0.0 && isFinite(sums.x));
  }
}
`;

/** A single workgroup: the sum of the positive alignments, then the share of each. */
const weightCode = `
${finiteness}${sumOfBatch}
fn main(index : i32) {
  let count = uniforms.alignmentsShape;
  var sums = vec4<f32>(0.0);
  for (var i = index; i < count; i += ${batchLanes}) {
    let alignment = alignments[i];
    if (isFinite(alignment)) {
      sums.x += max(alignment, 0.0);
    }
  }
  sums = sumOfLanes(sums);
  let divisor = select(1.0, sums.x, sums.x > 0.0);
  for (var i = index; i < count; i += ${batchLanes}) {
    result[i] = select(uniforms.NAN, max(alignments[i], 0.0) / divisor, isFinite(alignments[i]));
  }
}
`;
