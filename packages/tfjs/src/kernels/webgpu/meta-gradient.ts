import type * as tf from "@tensorflow/tfjs-core";
import type { MetaGradientAttributes, MetaGradientInputs } from "../contract.js";
import { run } from "./program.js";
import { checkLength, rowStats, type SoftmaxLoss } from "./row-stats.js";
import { batchLanes, paramUniforms, rowAt, sumOfBatch, weigh } from "./wgsl.js";

/** [values]: one program for the rows, one for their sums. */
export function metaGradient(
  { logits, labels, coefficients, moved }: MetaGradientInputs,
  { params }: Omit<MetaGradientAttributes, "loss">,
  loss: SoftmaxLoss,
): tf.Tensor[] {
  checkLength("coefficients", coefficients, logits.shape[0]!);
  checkLength("moved", moved, 3);
  const stats = rowStats(logits, labels, loss);
  const coefficient = coefficients ? "coefficients[i]" : "row.loss";
  return [
    run({
      inputs: { stats, ...(coefficients && { coefficients }), ...(moved && { moved }) },
      uniforms: paramUniforms(params),
      outputShape: [5, 2],
      groups: 1,
      lanes: batchLanes,
      code: `${rowAt}${weigh(params, moved !== undefined)}${sumOfBatch}
fn main(index : i32) {
  var sums = vec4<f32>(0.0); // by alpha, beta and delta, and the objective
  var valid = vec4<f32>(0.0);
  for (var i = index; i < rowCount(); i += ${batchLanes}) {
    let row = rowAt(i);
    if (isValid(row)) {
      let w = weigh(row.labelProb, row.maxProb);
      sums += ${coefficient} * vec4<f32>(w.byParams, w.total);
      valid.x += 1.0;
    }
  }
  sums = sumOfLanes(sums);
  valid = sumOfLanes(valid);
  if (index != 0) {
    return;
  }
  let count = f32(rowCount());
  for (var i = 0; i < 4; i++) {
    result[2 * i] = select(uniforms.NAN, sums[i] / count, valid.x == count);
    result[2 * i + 1] = 0.0; // no low parts: the sums have the digits of one float
  }
  result[8] = count - valid.x;
  result[9] = 0.0;
}
`,
    }),
  ];
}
