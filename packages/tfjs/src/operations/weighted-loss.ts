import {
  checks,
  expected,
  losses,
  type TransitionMatrix,
  type WeightedLossInput,
  type WeightedLossOutputs,
} from "@lilaw/core";
import * as tf from "@tensorflow/tfjs-core";
import { type RowValueName, rowValueNames, type WeightedLossAttributes } from "../kernels/contract.js";
import { requireSynchronousReads, runKernel, scaledGradient } from "../kernels/register.js";
import { checkTensor } from "./check-tensor.js";
import { labelTensor, transitionOf } from "./labels.js";

export type WeightedLossOptions = Omit<WeightedLossInput, "logits" | "classes" | "backend">;
type RowOutputs = Omit<WeightedLossOutputs<Float32Array>, "gradLogits">;

/**
 * The weighted loss of a batch as a differentiable tfjs operation: the scalar objective, whose gradient on the
 * logits is the closed form of `weightedLoss` in @lilaw/core (where all options, results and errors are described).
 * Per-row results are written to the arrays in `out`; on webgl that waits for the device.
 *
 * @param logits float32 [B, C]
 * @throws LilawError as `weightedLoss` in @lilaw/core, `DISPOSED`, and
 *   `BACKEND_UNAVAILABLE` for `out` on webgpu, whose tensors cannot be read synchronously; nothing is written then
 */
export function weightedLoss(
  logits: tf.Tensor2D,
  options: WeightedLossOptions,
  out: RowOutputs = {},
): tf.Scalar {
  const { labels, loss, transition, params, gradient, normalize, sampleWeights } = checked(logits, options);
  const targets = checkedOutputs(logits.shape[0], { labels, params, sampleWeights }, out);
  const names = rowValueNames.filter((name) => targets[name] !== undefined);
  if (names.length > 0) requireSynchronousReads("the out of weightedLoss");
  const weights = sampleWeights && tf.tensor1d(Float32Array.from(sampleWeights));
  const settings = { labels, loss, transition, params, gradient, normalize, sampleWeights: weights };
  const { objective, rowValues } = weightedLossTensors(logits, settings, names);
  weights?.dispose();
  if (rowValues !== undefined) {
    const values = rowValues.dataSync<"float32">();
    names.forEach((name, i) => {
      targets[name]!.set(rowOf(values, i, names.length));
    });
    rowValues.dispose();
  }
  return objective;
}

/** The options, read once and checked as in @lilaw/core. */
function checked(logits: tf.Tensor2D, options: WeightedLossOptions) {
  checkTensor("logits", logits);
  if (logits.rank !== 2)
    throw expected("INVALID_ARGUMENT", "a tensor [B, C]", "logits", `rank ${logits.rank}`);
  const [count, classes] = logits.shape;
  const {
    labels,
    loss = "cross-entropy",
    transition,
    params,
    gradient,
    normalize,
    sampleWeights,
  } = {
    ...checks.optionsOf("options", options),
  };
  const checkedLoss = checks.checkLoss(loss);
  const units = checks.checkClasses(classes, checkedLoss);
  checks.checkLabels(labels, checkedLoss, units, checks.checkCount(count * classes, units));
  const matrix = transitionOf(transition, checkedLoss, units, labels);
  checks.checkLength("sampleWeights", sampleWeights, count);
  return {
    labels,
    loss: checkedLoss,
    transition: matrix,
    params: params === null ? null : checks.checkParams(params),
    gradient: checks.checkChoice("gradient", gradient ?? "full", losses.gradientModes),
    normalize: checks.checkChoice("normalize", normalize ?? "none", losses.normalizations),
    sampleWeights,
  };
}

type Targets = Partial<Record<RowValueName, Float32Array | Int32Array>>;

/** The arrays to fill, by name. */
function checkedOutputs(
  count: number,
  { labels, params, sampleWeights }: Pick<WeightedLossOptions, "labels" | "params" | "sampleWeights">,
  out: RowOutputs,
): Targets {
  const { weights, labelProbs, maxProbs, predictions, terms, ...rest } = { ...checks.optionsOf("out", out) };
  const three = terms && checks.checkTerms(terms, params, count);
  const floats = { losses: rest.losses, weights, labelProbs, maxProbs };
  for (const [name, array] of Object.entries(floats)) checks.checkLength(`out.${name}`, array, count);
  checks.checkIntegers("out.predictions", predictions, count);
  const targets = { ...floats, predictions, ...three } as Targets;
  const names = Object.keys(targets) as RowValueName[];
  const views = [labels, sampleWeights, ...names.map((name) => targets[name])];
  checks.checkApart(["labels", "sampleWeights", ...names.map((name) => `out.${name}`)], views, 2);
  return targets;
}

/** Row `i` of the values of a tensor with `rows` rows. */
export function rowOf(values: Float32Array, i: number, rows: number): Float32Array {
  const length = values.length / rows;
  return values.subarray(i * length, (i + 1) * length);
}

export interface WeightedLossTensorOptions extends Omit<WeightedLossOptions, "sampleWeights" | "transition"> {
  transition?: TransitionMatrix | null | undefined;
  /** [B] */
  sampleWeights?: tf.Tensor1D | undefined;
  /** [3], the change of alpha, beta and delta since `params` */
  moved?: tf.Tensor1D | undefined;
}

/** {@link weightedLoss} without reading: the requested row values are a tensor [names, B], which the caller disposes. */
export function weightedLossTensors(
  logits: tf.Tensor2D,
  options: WeightedLossTensorOptions,
  names: readonly RowValueName[],
): { objective: tf.Scalar; rowValues: tf.Tensor | undefined } {
  const { loss = "cross-entropy", gradient = "full", normalize = "none", params } = options;
  const { sampleWeights, moved, transition = null } = options;
  const attributes: WeightedLossAttributes = {
    loss,
    transition,
    params,
    gradient,
    normalize,
    rowValues: names,
  };
  let rowValues: tf.Tensor | undefined;
  // With the registered gradient tfjs would make zeros for the gradients of all outputs, [B, C] among them.
  const operation = tf.customGrad((...args: (tf.Tensor | tf.GradSaveFunc)[]) => {
    const [input, save] = args as [tf.Tensor2D, tf.GradSaveFunc];
    const labels = labelTensor(options.labels, loss, input.shape[0]);
    const inputs = {
      logits: input,
      labels,
      ...(sampleWeights && { sampleWeights }),
      ...(moved && { moved }),
    };
    const [objective, gradLogits, rows] = runKernel("weightedLoss", inputs, attributes);
    rowValues = rows && tf.keep(rows);
    labels.dispose();
    save([gradLogits]);
    return {
      value: objective,
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => scaledGradient(saved[0]!, dy),
    };
  });
  return { objective: operation(logits) as tf.Scalar, rowValues };
}
