import type {
  FloatArray,
  LilawParams,
  WeightedLossArgs,
  WeightedLossOutputs,
  WeightedLossScalars,
  WeightTerms,
} from "../backend.js";
import { type BackendChoice, getBackend } from "../backends/select.js";
import type { DeviceWeightedLossOutputs, DeviceWeightedLossResult } from "../device.js";
import { type GradientMode, gradientModes, type Loss, type Normalize, normalizations } from "../losses.js";
import { lengthOf } from "../typed-array.js";
import {
  type BatchInput,
  checkApart,
  checkBatch,
  checkChoice,
  checkIntegers,
  checkLength,
  checkLoss,
  checkOut,
  checkParams,
  checkTerms,
  isOnDevice,
  newFloats,
  optionsOf,
  readTerms,
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

/** Arrays that {@link weightedLoss} allocates if no `out` is given: all but the terms. */
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
 * Results have the precision of the logits (Float32Array or Float64Array). With `out`, only the arrays in it are
 * computed, and `out` is returned with `objective`, `gradParams` and `nonFiniteRows` set on it. Its arrays must not share
 * memory with each other or with the inputs, except that `gradLogits` may be the logits.
 *
 * With arrays of the device (`DeviceBuffer` of @lilaw/native, for the logits and all other arrays) it is queued on
 * `stream`, and returns before it is done: results are arrays of the device, and `result` has the scalars. Arrays absent
 * from `out` are not computed; `result` always is. The caller disposes all arrays, also those created by this call.
 *
 * A NaN or infinite logit makes the outputs of its row NaN (prediction -1) and is counted in `nonFiniteRows`. Other rows
 * are not affected; the objective is NaN.
 *
 * Softmax losses in native kernels may round a probability to 0 if it is less than exp(-130), about 1e-57, times the
 * largest one in its row (1e-38 times on a GPU). In float32 this shows only under a factor, such as a sample weight,
 * beyond 1e11 (beyond 1 on a GPU).
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
  const {
    logits,
    labels,
    classes,
    transition,
    params,
    loss,
    gradient,
    normalize,
    sampleWeights,
    backend,
    stream,
  } = optionsOf("input", input as WeightedLossInput & Pick<DeviceWeightedLossInput, "stream">);
  const once = {
    logits,
    labels,
    classes,
    transition,
    params,
    loss,
    gradient,
    normalize,
    sampleWeights,
    backend,
  };
  return isOnDevice(logits)
    ? weightedLossOnDevice({ ...once, stream } as object as DeviceWeightedLossInput, out as object)
    : weightedLossOnHost(once, out as WeightedLossOutputs);
}

/** @param input a copy, for which all getters of the caller's object have already run */
function weightedLossOnHost(
  input: WeightedLossInput,
  out?: WeightedLossOutputs,
): WeightedLossOutputs & WeightedLossScalars {
  const loss = checkLoss(input.loss ?? "cross-entropy");
  const params = input.params === null ? null : checkParams(input.params);
  const given = out == null ? undefined : readOutputs(out);
  const { batch, count } = checkBatch(input, loss);
  const { logits, labels, classes, transition } = batch;
  const gradient = checkChoice("gradient", input.gradient ?? "full", gradientModes);
  const normalize = checkChoice("normalize", input.normalize ?? "none", normalizations);
  const { sampleWeights } = input;
  checkLength("sampleWeights", sampleWeights, count);
  const args = { logits, labels, classes, loss, transition, params, gradient, normalize, sampleWeights };
  if (given !== undefined) checkOutputs(given, args, count);
  const outputs = given ?? allocate(logits, count);
  const scalars = getBackend(input.backend).weightedLoss(args, outputs);
  return Object.assign(out ?? outputs, scalars);
}

function allocate(logits: FloatArray, count: number): WeightedLossOutputs {
  return {
    losses: newFloats(logits, count),
    weights: newFloats(logits, count),
    labelProbs: newFloats(logits, count),
    maxProbs: newFloats(logits, count),
    predictions: new Int32Array(count),
    // Set explicitly, so that reading it never finds a property of Object.prototype.
    terms: undefined,
    gradLogits: newFloats(logits, lengthOf(logits)),
  };
}

/** Names of the arrays of a call, as {@link checkOutputs} lists them. */
const names = [
  ...["logits", "labels", "sampleWeights"],
  ...["losses", "weights", "labelProbs", "maxProbs", "predictions"].map((name) => `out.${name}`),
  ...["alpha", "beta", "delta"].map((name) => `out.terms.${name}`),
  "out.gradLogits",
];

const noTerms: Partial<WeightTerms> = {};

/** The output arrays, read once and not checked. */
function readOutputs(out: WeightedLossOutputs): WeightedLossOutputs {
  checkOut(out, ["objective", "gradParams", "nonFiniteRows"]);
  const { losses, weights, labelProbs, maxProbs, predictions, terms, gradLogits } = optionsOf("out", out);
  const three = terms && readTerms(terms);
  return {
    losses,
    weights,
    labelProbs,
    maxProbs,
    predictions,
    terms: three,
    gradLogits,
  } as WeightedLossOutputs;
}

function checkOutputs(out: WeightedLossOutputs, args: WeightedLossArgs, count: number): void {
  const { losses, weights, labelProbs, maxProbs, predictions, terms, gradLogits } = out;
  const { logits, labels, sampleWeights } = args;
  checkLength("out.losses", losses, count);
  checkLength("out.weights", weights, count);
  checkLength("out.labelProbs", labelProbs, count);
  checkLength("out.maxProbs", maxProbs, count);
  checkIntegers("out.predictions", predictions, count);
  if (terms) checkTerms(terms, args.params, count);
  checkLength("out.gradLogits", gradLogits, lengthOf(logits));
  const { alpha, beta, delta } = terms ?? noTerms;
  const views = [
    logits,
    labels,
    sampleWeights,
    losses,
    weights,
    labelProbs,
    maxProbs,
    predictions,
    alpha,
    beta,
    delta,
    gradLogits,
  ];
  checkApart(names, views, 3);
}
