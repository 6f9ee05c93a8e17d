import type { Loss } from "@lilaw/core";
import type * as tf from "@tensorflow/tfjs-core";
import type {
  RowValueName,
  WeightedLossAttributes,
  WeightedLossInputs,
  WeightedLossResult,
} from "../contract.js";
import { type Program, run } from "./program.js";
import { overRows } from "./rows.js";
import { mailboxLength, paramUniforms, sumsOfRows, weigh } from "./wgsl.js";

/**
 * [objective, gradLogits, rowValues]: a workgroup reduces its rows, then writes their gradients and row values; the last
 * workgroup sums the objective. With batch-mean normalisation the gradient depends on means over the batch, for which
 * workgroups cannot wait: a first program computes the objective and the means then.
 */
export function weightedLoss(
  { logits, labels, sampleWeights, moved }: WeightedLossInputs,
  { params, gradient, normalize, rowValues }: Omit<WeightedLossAttributes, "loss" | "transition">,
  loss: Loss,
): WeightedLossResult {
  const [count, classes] = logits.shape as [number, number];
  const rows = overRows(logits, labels, loss);
  // WebGPU refuses inputs that the code does not read.
  const movedBy: Program["inputs"] = moved && params !== null ? { moved } : {};
  const factors: Program["inputs"] = sampleWeights ? { sampleWeights } : {};

  const runOnRows = <T extends tf.Tensor[]>({ inputs, outputs, mailbox, functions, main }: Body): T =>
    run({
      ...rows,
      inputs: { ...rows.inputs, ...factors, ...movedBy, ...inputs },
      uniforms: { ...rows.uniforms, ...paramUniforms(params) },
      outputs,
      ...(mailbox !== undefined && { mailbox }),
      code: `${rows.code}${weigh(params, "moved" in movedBy)}${functions}
fn factorAt(i : i32) -> f32 { return ${sampleWeights ? "sampleWeights[i]" : "1.0"}; }
fn main(index : i32) {
  let i = index / width;
  let lane = index % width;
  let row = rowOf(i, lane);
  let w = weigh(row.labelProb, row.maxProb);
  ${main}
}
`,
    });

  const ofRows = {
    outputs: {
      gradLogits: [count, classes],
      ...(rowValues.length > 0 && { rowValues: [rowValues.length, count] }),
    },
    main: rowCode(gradient === "full", rowValues),
  };
  if (normalize === "none" || params === null) {
    return runOnRows({
      outputs: { objective: [], ...ofRows.outputs },
      mailbox: mailboxLength(count),
      functions: `${sumsOfRows(1, rows.lanes)}${meansAt("1.0", "0.0")}`,
      main: `${ofRows.main}${batchCode("sums.values.x / count")}`,
    });
  }
  const [objective, means] = runOnRows<[tf.Scalar, tf.Tensor1D]>({
    outputs: { objective: [], means: [2] },
    mailbox: mailboxLength(2 * count),
    functions: sumsOfRows(2, rows.lanes),
    main: batchCode(
      "sums.values.x / (count * (sums.values.y / sums.valid))",
      "means[0] = sums.values.y / sums.valid; means[1] = sums.values.x / sums.values.y;",
    ),
  });
  const functions = meansAt("means[0]", "means[1]");
  const [gradLogits, ...values] = runOnRows<[tf.Tensor2D, ...tf.Tensor[]]>({
    ...ofRows,
    inputs: { means },
    functions,
  });
  return [objective, gradLogits, ...values];
}

/** The part of a program that differs. */
interface Body extends Pick<Program, "outputs" | "mailbox"> {
  readonly inputs?: Program["inputs"];
  readonly functions: string;
  readonly main: string;
}

const meansAt = (meanWeight: string, pull: string): string => `
fn meanWeight() -> f32 { return ${meanWeight}; }
fn pull() -> f32 { return ${pull}; }`;

/** Gradient and values of row i. */
const rowCode = (full: boolean, names: readonly RowValueName[]): string => `
  let scale = 1.0 / (f32(rowCount()) * meanWeight());
  for (var k = lane; i < rowCount() && k < classCount(); k += width) {
    let at = i * classCount() + k;
    let byWeight = ${full ? "scale * (factorAt(i) * row.loss - pull())" : "0.0"};
    let value = gradientAt(row, k, logits[at],
      scale * factorAt(i) * w.total, byWeight * w.byLabelProb, byWeight * w.byMaxProb);
    gradLogits[at] = select(uniforms.NAN, value, row.isValid);
  }
  if (i < rowCount() && lane == 0) {
    ${names.map((name, n) => `rowValues[${n} * rowCount() + i] = ${rowValueCode(name)};`).join("\n    ")}
  }`;

const rowValueCode = (name: RowValueName): string =>
  name === "predictions"
    ? "f32(row.prediction)"
    : `select(uniforms.NAN, ${rowValueExpressions[name]}, row.isValid)`;

const rowValueExpressions: Record<Exclude<RowValueName, "predictions">, string> = {
  losses: "row.loss",
  weights: "w.total / meanWeight()",
  labelProbs: "row.labelProb",
  maxProbs: "row.maxProb",
  alpha: "w.terms.x",
  beta: "w.terms.y",
  delta: "w.terms.z",
};

/** The objective from the sums of weighted losses and of weights over the valid rows. */
const batchCode = (objective: string, means = ""): string => `
  if (i < rowCount() && lane == 0) {
    let terms = vec4<f32>(factorAt(i) * w.total * row.loss, w.total, 0.0, 0.0);
    storeRow(i, select(vec4<f32>(uniforms.NAN), terms, row.isValid));
  }
  if (!isLastWorkgroup()) {
    return;
  }
  let sums = sumOfRows();
  let count = f32(rowCount());
  if (localIndex == 0u) {
    objective[0] = select(uniforms.NAN, ${objective}, sums.valid == count);
    ${means}
  }`;
