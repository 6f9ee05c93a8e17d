/**
 * The operations on arrays of the device. The kernels check types and lengths of arrays before they are queued; all other
 * arguments are checked here.
 */
import type { DeviceBatch } from "@lilaw/native";
import type { LilawParams } from "../backend.js";
import { deviceKernels } from "../backends/device.js";
import { asLilawError, Held } from "../backends/held.js";
import type { BackendChoice } from "../backends/select.js";
import type {
  DeviceAlignmentWeightsOutputs,
  DeviceAlignmentWeightsScalars,
  DeviceArray,
  DeviceBatchInput,
  DeviceFloats,
  DeviceLogits,
  DeviceMetaGradient,
  DeviceResult,
  DeviceWeightedLossOutputs,
  DeviceWeightedLossScalars,
} from "../device.js";
import { type GradientMode, gradientModes, type Loss, type Normalize, normalizations } from "../losses.js";
import { checkChoice, checkClasses, checkCount, checkLoss, checkOut, optionsOf } from "./arguments.js";

interface DeviceInput extends DeviceBatchInput {
  /** Default `"cross-entropy"` */
  readonly loss?: Loss | undefined;
  /** `"auto"` or `"cuda"`, which are the same here */
  readonly backend?: BackendChoice | undefined;
}

export interface DeviceWeightedLossInput extends DeviceInput {
  /** alpha, beta, delta; `null` for the plain loss (all weights 1) */
  readonly params: DeviceArray<"float64"> | null;
  /** Default `"full"` */
  readonly gradient?: GradientMode | undefined;
  /** Default `"none"` */
  readonly normalize?: Normalize | undefined;
  /** [B], a factor on each row's loss */
  readonly sampleWeights?: DeviceFloats | undefined;
}

export interface DeviceMetaGradientInput extends DeviceInput {
  /** alpha, beta, delta */
  readonly params: DeviceArray<"float64">;
  /** [M], in place of the row losses: other meta-objectives */
  readonly coefficients?: DeviceFloats | undefined;
}

export interface DeviceMetaStepInput extends DeviceMetaGradientInput {
  readonly learningRate: LilawParams;
  readonly weightDecay: LilawParams;
  readonly clamp: boolean;
}

export interface DeviceAlignmentWeightsInput extends DeviceInput {
  /** [B, C], of the type of the logits */
  readonly tangents: DeviceLogits;
}

export function weightedLossOnDevice(
  input: DeviceWeightedLossInput,
  out?: DeviceWeightedLossOutputs,
): DeviceWeightedLossOutputs & { result: DeviceResult<DeviceWeightedLossScalars> } {
  const { params, sampleWeights, stream } = input;
  const gradient = checkChoice("gradient", input.gradient ?? "full", gradientModes);
  const normalize = checkChoice("normalize", input.normalize ?? "none", normalizations);
  return queued(input, (batch, made) => {
    if (out != null) checkOut(out, ["result"]);
    const outputs = out ?? lossOutputs(batch, made);
    const { losses, weights, labelProbs, maxProbs, predictions, terms, gradLogits, ...given } =
      optionsOf<DeviceWeightedLossOutputs>("out", outputs);
    const result = given.result ?? made.hold(made.native.DeviceResult.ofWeightedLoss());
    const args = { ...batch, params, gradient, normalize, sampleWeights };
    const arrays = { losses, weights, labelProbs, maxProbs, predictions, terms, gradLogits };
    made.native.weightedLossCuda(args, { ...arrays, result }, stream);
    return Object.assign(outputs, { result });
  });
}

function lossOutputs({ logits, classes }: DeviceBatch, made: Held): DeviceWeightedLossOutputs {
  const count = checkCount(logits.length, classes);
  return {
    losses: made.allocate("float32", count),
    weights: made.allocate("float32", count),
    labelProbs: made.allocate("float32", count),
    maxProbs: made.allocate("float32", count),
    predictions: made.allocate("int32", count),
    gradLogits: made.allocate(logits.dtype, logits.length),
  };
}

export function metaGradientOnDevice(
  input: DeviceMetaGradientInput,
  out?: DeviceResult<DeviceMetaGradient>,
): DeviceResult<DeviceMetaGradient> {
  const { params, coefficients, stream } = input;
  return queued(input, (batch, made) => {
    const result = out ?? made.hold(made.native.DeviceResult.ofMetaGradient());
    made.native.metaGradientCuda({ ...batch, params, coefficients }, result, stream);
    return result;
  });
}

/** The step of LiLAW, on scalars in device memory. */
export function metaStepOnDevice(
  input: DeviceMetaStepInput,
  result: DeviceResult<DeviceMetaGradient>,
): DeviceResult<DeviceMetaGradient> {
  const { params, coefficients, learningRate, weightDecay, clamp, stream } = input;
  return queued(input, (batch, { native }) => {
    const args = { ...batch, params, coefficients, learningRate, weightDecay, clamp };
    native.metaStepCuda(args, result, stream);
    return result;
  });
}

export function alignmentWeightsOnDevice(
  input: DeviceAlignmentWeightsInput,
  out?: DeviceAlignmentWeightsOutputs,
): DeviceAlignmentWeightsOutputs & { result: DeviceResult<DeviceAlignmentWeightsScalars> } {
  const { tangents, stream } = input;
  return queued(input, (batch, made) => {
    if (out != null) checkOut(out, ["result"]);
    const outputs = out ?? alignmentOutputs(batch, made);
    const { alignments, weights, ...given } = optionsOf<DeviceAlignmentWeightsOutputs>("out", outputs);
    const result = given.result ?? made.hold(made.native.DeviceResult.ofAlignmentWeights());
    made.native.alignmentWeightsCuda({ ...batch, tangents }, { alignments, weights, result }, stream);
    return Object.assign(outputs, { result });
  });
}

function alignmentOutputs({ logits, classes }: DeviceBatch, made: Held): DeviceAlignmentWeightsOutputs {
  const count = checkCount(logits.length, classes);
  return { alignments: made.allocate("float32", count), weights: made.allocate("float32", count) };
}

/** Queues an operation. If it fails, the objects created for it are disposed. */
function queued<R>(input: DeviceInput, run: (batch: DeviceBatch, made: Held) => R): R {
  const { logits, labels, transition } = input;
  const loss = checkLoss(input.loss ?? "cross-entropy");
  const classes = checkClasses(input.classes, loss);
  const made = new Held(deviceKernels(input.backend));
  try {
    return run({ logits, labels, classes, loss, transition }, made);
  } catch (error) {
    made.dispose();
    throw asLilawError(error);
  }
}
