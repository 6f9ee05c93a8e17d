import type {
  FloatArray,
  GradientMode,
  LilawParams,
  Loss,
  Normalize,
  WeightedLossOutputs,
  WeightedLossScalars,
} from "../backend.js";
import { type BackendChoice, getBackend } from "../backends/select.js";
import type { DeviceWeightedLossOutputs, DeviceWeightedLossResult } from "../device.js";
import { expected } from "../errors.js";
import {
  type BatchInput,
  checkBatch,
  checkChoice,
  checkLength,
  checkLoss,
  checkOverlap,
  checkParams,
  isOnDevice,
  newFloats,
} from "./arguments.js";
import { type DeviceWeightedLossInput, weightedLossOnDevice } from "./on-device.js";

export interface WeightedLossInput<A extends FloatArray = FloatArray> extends BatchInput<A> {
  /** alpha, beta, delta; `null` for the plain loss (all weights 1) */
  readonly params: LilawParams | null;
  /** Default `"cross-entropy"` */
  readonly loss?: Loss | undefined;
  /** Default `"full"` */
  readonly gradient?: GradientMode | undefined;
  /** Default `"none"` */
  readonly normalize?: Normalize | undefined;
  /** [B], a factor on each row's loss */
  readonly sampleWeights?: FloatArray | undefined;
  readonly backend?: BackendChoice | undefined;
}

/** What {@link weightedLoss} allocates when no `out` is given: everything but the terms. */
export interface WeightedLossResult<A extends FloatArray = FloatArray> extends WeightedLossScalars {
  losses: A;
  weights: A;
  labelProbs: A;
  maxProbs: A;
  predictions: Int32Array;
  gradLogits: A;
}

/**
 * The weighted loss of a batch and its gradient on the logits: J = (1/B) sum_i W_i L_i with
 * W = sigmoid(alpha u - v) + sigmoid(-(beta u - v)) + exp(-(delta u - v)^2 / 2), u the probability of the observed
 * label, v the largest probability (LiLAW, arXiv 2509.20786).
 *
 * Results have the precision of the logits (Float32Array or Float64Array). With `out` only the arrays in it are
 * computed, and `out` is returned with `objective`, `gradParams` and `nonFiniteRows` set on it.
 *
 * With arrays of the device (`DeviceBuffer` of @lilaw/native, for the logits and for everything else) it is queued on
 * `stream`, and returns before it is done: results are arrays of the device, and `result` has the scalars. What is
 * left out of `out` but `result` is not computed; whoever makes arrays, or lets them be made here, disposes them.
 *
 * A NaN or infinite logit makes the outputs of its row NaN (prediction -1) and is counted in `nonFiniteRows`;
 * other rows are not touched, the objective is NaN.
 *
 * @throws LilawError `INVALID_ARGUMENT`, `LENGTH_MISMATCH`, `LABEL_OUT_OF_RANGE`, `NON_FINITE` (a regression
 *   target), `UNKNOWN_NAME`, `BACKEND_UNAVAILABLE`; on the device `DISPOSED`, `OUT_OF_MEMORY`, `UNSUPPORTED`,
 *   `CUDA_ERROR`, and no `LABEL_OUT_OF_RANGE` or `NON_FINITE`: `invalidLabels` counts such rows. Nothing is written then
 */
export function weightedLoss<A extends FloatArray>(input: WeightedLossInput<A>): WeightedLossResult<A>;
export function weightedLoss<O extends WeightedLossOutputs>(
  input: WeightedLossInput,
  out: O,
): O & WeightedLossScalars;
export function weightedLoss(input: DeviceWeightedLossInput): DeviceWeightedLossResult;
export function weightedLoss<O extends DeviceWeightedLossOutputs>(
  input: DeviceWeightedLossInput,
  out: O,
): O & Pick<DeviceWeightedLossResult, "result">;
export function weightedLoss(
  input: WeightedLossInput | DeviceWeightedLossInput,
  out?: WeightedLossOutputs | DeviceWeightedLossOutputs,
): object {
  return isOnDevice(input)
    ? weightedLossOnDevice(input, out as DeviceWeightedLossOutputs)
    : weightedLossOnHost(input, out as WeightedLossOutputs);
}

function weightedLossOnHost(
  input: WeightedLossInput,
  out?: WeightedLossOutputs,
): WeightedLossOutputs & WeightedLossScalars {
  const loss = checkLoss(input.loss ?? "cross-entropy");
  const { batch, count } = checkBatch(input, loss);
  const { params, sampleWeights } = input;
  if (params !== null) checkParams(params);
  const gradient = checkChoice("gradient", input.gradient ?? "full", ["full", "detached"]);
  const normalize = checkChoice("normalize", input.normalize ?? "none", ["none", "batch-mean"]);
  checkLength("sampleWeights", sampleWeights, count);
  const outputs = out ?? allocate(batch.logits, count);
  checkOutputs(outputs, batch.logits, count, params);

  const { logits, labels, classes } = batch;
  const args = { logits, labels, classes, loss, params, gradient, normalize, sampleWeights };
  return Object.assign(outputs, getBackend(input.backend).weightedLoss(args, outputs));
}

function allocate(logits: FloatArray, count: number): WeightedLossOutputs {
  return {
    losses: newFloats(logits, count),
    weights: newFloats(logits, count),
    labelProbs: newFloats(logits, count),
    maxProbs: newFloats(logits, count),
    predictions: new Int32Array(count),
    gradLogits: newFloats(logits, logits.length),
  };
}

function checkOutputs(
  out: WeightedLossOutputs,
  logits: FloatArray,
  count: number,
  params: LilawParams | null,
): void {
  for (const name of ["losses", "weights", "labelProbs", "maxProbs"] as const) {
    checkLength(`out.${name}`, out[name], count);
  }
  for (const name of ["alpha", "beta", "delta"] as const) {
    checkLength(`out.terms.${name}`, out.terms?.[name], count);
  }
  checkLength("out.gradLogits", out.gradLogits, logits.length);
  checkOverlap("out.gradLogits", out.gradLogits, logits);
  const { predictions } = out;
  if (predictions !== undefined && (!(predictions instanceof Int32Array) || predictions.length !== count)) {
    throw expected("LENGTH_MISMATCH", `an Int32Array of length ${count}`, "out.predictions", predictions);
  }
  if (out.terms !== undefined && params === null) {
    throw expected("INVALID_ARGUMENT", "alpha, beta and delta (out.terms was asked for)", "params", params);
  }
}
