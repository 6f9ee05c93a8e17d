import type { Loss } from "@lilaw/core";
import type { MetaGradientAttributes, MetaGradientInputs, MetaGradientResult } from "../contract.js";
import { run } from "./program.js";
import { overRows } from "./rows.js";
import { mailboxLength, paramUniforms, sumsOfRows, weigh } from "./wgsl.js";

/** [values]: each workgroup reduces its rows, the last one sums over all. */
export function metaGradient(
  { logits, labels, coefficients, moved }: MetaGradientInputs,
  { params }: Omit<MetaGradientAttributes, "loss" | "transition">,
  loss: Loss,
): MetaGradientResult {
  const count = logits.shape[0]!;
  const rows = overRows(logits, labels, loss);
  return run({
    ...rows,
    inputs: { ...rows.inputs, ...(coefficients && { coefficients }), ...(moved && { moved }) },
    uniforms: { ...rows.uniforms, ...paramUniforms(params) },
    outputs: { values: [5, 2] },
    mailbox: mailboxLength(4 * count),
    code: `${rows.code}${weigh(params, moved !== undefined)}${sumsOfRows(4, rows.lanes)}
fn main(index : i32) {
  let i = index / width;
  let lane = index % width;
  let row = rowOf(i, lane);
  if (i < rowCount() && lane == 0) {
    let w = weigh(row.labelProb, row.maxProb);
    let terms = ${coefficients ? "coefficients[i]" : "row.loss"} * vec4<f32>(w.byParams, w.total);
    storeRow(i, select(vec4<f32>(uniforms.NAN), terms, row.isValid));
  }
  if (!isLastWorkgroup()) {
    return;
  }
  let sums = sumOfRows(); // by alpha, beta and delta, and the objective
  let count = f32(rowCount());
  if (localIndex == 0u) {
    for (var n = 0; n < 4; n++) {
      values[2 * n] = select(uniforms.NAN, sums.values[n] / count, sums.valid == count);
      values[2 * n + 1] = 0.0; // no low parts: the sums have the digits of one float
    }
    values[8] = count - sums.valid;
    values[9] = 0.0;
  }
}
`,
  });
}
