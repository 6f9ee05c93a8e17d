import * as tf from "@tensorflow/tfjs-core";
import type { RowValueName, WeightedLossAttributes, WeightedLossInputs } from "../contract.js";
import { type Program, run } from "./program.js";
import { checkLength, rowStats, type SoftmaxLoss } from "./row-stats.js";
import { batchLanes, gradientAt, paramUniforms, rowAt, sumOfBatch, weigh } from "./wgsl.js";

/**
 * [objective, gradLogits, rowValues]: one program for the rows, one for the objective, one for the gradient, and one
 * more each for row values and for the batch means, if they are asked for.
 */
export function weightedLoss(
  { logits, labels, sampleWeights, moved }: WeightedLossInputs,
  { params, gradient, normalize, rowValues }: Omit<WeightedLossAttributes, "loss">,
  loss: SoftmaxLoss,
): tf.Tensor[] {
  const [count, classes] = logits.shape as [number, number];
  checkLength("sampleWeights", sampleWeights, count);
  checkLength("moved", moved, 3);
  const stats = rowStats(logits, labels, loss);
  const uniforms = paramUniforms(params);
  // WebGPU refuses an input that the code does not read.
  const movedBy: Program["inputs"] = moved && params !== null ? { moved } : {};
  const rows = `${rowAt}${weigh(params, "moved" in movedBy)}`;
  const factors: Program["inputs"] = sampleWeights ? { sampleWeights } : {};
  const factorAt = `fn factorAt(i : i32) -> f32 { return ${sampleWeights ? "sampleWeights[i]" : "1.0"}; }`;

  const overBatch = (outputs: readonly string[]): tf.Tensor =>
    run({
      inputs: { stats, ...factors, ...movedBy },
      uniforms,
      outputShape: [outputs.length],
      groups: 1,
      lanes: batchLanes,
      code: `${rows}${factorAt}${batchCode(outputs)}`,
    });
  const overElements = (inputs: Program["inputs"], outputShape: [number, number], code: string): tf.Tensor =>
    run({
      inputs: { stats, ...inputs, ...movedBy },
      uniforms: { ...uniforms, smoothing: loss.smoothing },
      outputShape,
      groups: Math.ceil((outputShape[0] * outputShape[1]) / batchLanes),
      lanes: batchLanes,
      code: `${rows}${code}`,
    });

  const normalized = normalize === "batch-mean" && params !== null;
  const divisor = normalized ? `count * ${meanWeight}` : "count";
  const objective = overBatch([`select(uniforms.NAN, sums.x / (${divisor}), sums.z == count)`]);
  const means: Program["inputs"] = normalized ? { means: overBatch([meanWeight, "sums.x / sums.y"]) } : {};
  const meansAt = `
fn meanWeight() -> f32 { return ${normalized ? "means[0]" : "1.0"}; }
fn pull() -> f32 { return ${normalized ? "means[1]" : "0.0"}; }`;
  const gradLogits = overElements(
    { logits, labels, ...factors, ...means },
    [count, classes],
    `${factorAt}${meansAt}${gradientCode(gradient === "full")}`,
  );
  if (rowValues.length === 0) return [tf.reshape(objective, []), gradLogits];
  const rowInputs = rowValues.includes("weights") ? means : {};
  const values = overElements(rowInputs, [rowValues.length, count], `${meansAt}${rowValueCode(rowValues)}`);
  return [tf.reshape(objective, []), gradLogits, values];
}

/** Of `sums` below, over the valid rows: a NaN row spoils no other. */
const meanWeight = "(sums.y / sums.z)";

/** A single workgroup: each lane sums every so many rows, then the lanes are summed. */
function batchCode(outputs: readonly string[]): string {
  return `
${sumOfBatch}
fn main(index : i32) {
  var sums = vec4<f32>(0.0); // weighted losses, weights and number of valid rows
  for (var i = index; i < rowCount(); i += ${batchLanes}) {
    let row = rowAt(i);
    if (isValid(row)) {
      let weight = weigh(row.labelProb, row.maxProb).total;
      sums += vec4<f32>(factorAt(i) * weight * row.loss, weight, 1.0, 0.0);
    }
  }
  sums = sumOfLanes(sums);
  let count = f32(rowCount());
  if (index == 0) {
    ${outputs.map((value, i) => `result[${i}] = ${value};`).join("\n    ")}
  }
}
`;
}

function gradientCode(full: boolean): string {
  return `${gradientAt}
fn main(index : i32) {
  let classes = uniforms.outShape.y;
  let i = index / classes;
  if (i >= rowCount()) {
    return;
  }
  let row = rowAt(i);
  let w = weigh(row.labelProb, row.maxProb);
  let scale = 1.0 / (f32(rowCount()) * meanWeight());
  let byWeight = ${full ? "scale * (factorAt(i) * row.loss - pull())" : "0.0"};
  let value = gradientAt(row, i32(labels[i]), index - i * classes, logits[index], classes,
    scale * factorAt(i) * w.total, byWeight * w.byLabelProb, byWeight * w.byMaxProb);
  result[index] = select(uniforms.NAN, value, isValid(row));
}
`;
}

const rowValueExpressions: Record<RowValueName, string> = {
  losses: "row.loss",
  weights: "w.total / meanWeight()",
  labelProbs: "row.labelProb",
  maxProbs: "row.maxProb",
  predictions: "row.prediction",
  alpha: "w.terms.x",
  beta: "w.terms.y",
  delta: "w.terms.z",
};

function rowValueCode(names: readonly RowValueName[]): string {
  const cases = names.map((name, i) => `case ${i}: { value = ${rowValueExpressions[name]}; }`);
  const prediction = names.indexOf("predictions");
  return `
fn main(index : i32) {
  let name = index / rowCount();
  if (name >= uniforms.outShape.x) {
    return;
  }
  let row = rowAt(index - name * rowCount());
  let w = weigh(row.labelProb, row.maxProb);
  var value = 0.0;
  switch (name) {
    ${cases.join("\n    ")}
    default: {}
  }
  result[index] = select(uniforms.NAN, value, isValid(row) || name == ${prediction});
}
`;
}
