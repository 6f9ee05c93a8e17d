/**
 * The operations on device memory: buffers in, buffers out, with no copy and without waiting. They are queued on a
 * stream and read their buffers when it is their turn, so a step of LiLAW can be queued whole: `metaStepCuda` moves
 * the params that the next `weightedLossCuda` reads.
 *
 * Logits are float32, float16 or bfloat16; tangents and gradients have the same type. Everything is checked before it
 * is queued but what is in the memory: rows with a label that is no class are treated like non-finite ones, and
 * counted in `invalidLabels`. Outputs lie apart from all other buffers of the call, but `gradLogits` may be the logits.
 *
 * They throw an Error with a `code` (`INVALID_ARGUMENT`, `LENGTH_MISMATCH`, `UNSUPPORTED`, `DISPOSED`, `CUDA_ERROR`),
 * and queue nothing then.
 */
import {
  type DeviceBuffer,
  defaultStream,
  bufferHandle as handle,
  resultOf,
  type Stream,
  streamHandle,
} from "./device.js";
import { binding, lossKind, lossParameter, type NativeLoss, type NativeParams } from "./operations.js";

export type DeviceLogits = DeviceBuffer<"float32" | "float16" | "bfloat16">;

export interface DeviceBatch {
  /** Row-major [rows, classes] */
  readonly logits: DeviceLogits;
  /** int32 class indices [rows], uint8 flags [rows, classes] for multi-label, float32 targets [rows] for regression */
  readonly labels: DeviceBuffer<"int32" | "uint8" | "float32">;
  readonly classes: number;
  readonly loss: NativeLoss;
}

export interface DeviceWeightedLossArgs extends DeviceBatch {
  /** alpha, beta, delta; null: the plain loss, every weight 1 */
  readonly params: DeviceBuffer<"float64"> | null;
  readonly gradient: "full" | "detached";
  readonly normalize: "none" | "batch-mean";
  /** [rows] */
  readonly sampleWeights?: DeviceBuffer<"float32"> | undefined;
}

/** Buffers to fill, each [rows] but `gradLogits`; those left out cost nothing. */
export interface DeviceWeightedLossOutputs {
  /** From `weightedLossResult.create()` */
  readonly result: DeviceBuffer<"uint8">;
  readonly losses?: DeviceBuffer<"float32"> | undefined;
  readonly weights?: DeviceBuffer<"float32"> | undefined;
  readonly labelProbs?: DeviceBuffer<"float32"> | undefined;
  readonly maxProbs?: DeviceBuffer<"float32"> | undefined;
  readonly predictions?: DeviceBuffer<"int32"> | undefined;
  readonly terms?:
    | {
        readonly alpha: DeviceBuffer<"float32">;
        readonly beta: DeviceBuffer<"float32">;
        readonly delta: DeviceBuffer<"float32">;
      }
    | undefined;
  /** [rows, classes], of the type of the logits; may be the logits themselves */
  readonly gradLogits?: DeviceLogits | undefined;
}

export interface DeviceMetaGradientArgs extends DeviceBatch {
  /** alpha, beta, delta */
  readonly params: DeviceBuffer<"float64">;
  /** [rows], in place of the row losses */
  readonly coefficients?: DeviceBuffer<"float32"> | undefined;
}

export interface DeviceMetaStepArgs extends DeviceMetaGradientArgs {
  /** Each finite and at least 0 */
  readonly learningRate: NativeParams;
  /** Each finite and at least 0 */
  readonly weightDecay: NativeParams;
  /** Keep delta >= beta and alpha >= 1 */
  readonly clamp: boolean;
}

export interface DeviceAlignmentWeightsArgs extends DeviceBatch {
  /** [rows, classes], of the type of the logits */
  readonly tangents: DeviceLogits;
}

/** Buffers to fill, each [rows]. */
export interface DeviceAlignmentWeightsOutputs {
  /** From `alignmentWeightsResult.create()` */
  readonly result: DeviceBuffer<"uint8">;
  readonly alignments?: DeviceBuffer<"float32"> | undefined;
  readonly weights?: DeviceBuffer<"float32"> | undefined;
}

export const weightedLossResult = resultOf(["objective"], ["nonFiniteRows", "invalidLabels"]);
/** `moved` is 1 where `metaStepCuda` moved the params, 0 where a result that is not finite kept them. */
export const metaGradientResult = resultOf(
  ["alpha", "beta", "delta", "objective"],
  ["nonFiniteRows", "invalidLabels", "moved"],
);
export const alignmentWeightsResult = resultOf([], ["nonFiniteRows", "invalidLabels"]);

const batchArguments = ({ logits, labels, classes, loss }: DeviceBatch) =>
  [
    logits.length / classes,
    classes,
    lossKind(loss),
    lossParameter(loss),
    handle(logits),
    handle(labels),
  ] as const;

const metaArguments = (args: DeviceMetaGradientArgs, result: DeviceBuffer<"uint8">) =>
  [...batchArguments(args), handle(args.params), handle(args.coefficients), handle(result)] as const;

/** Queues the weighted loss of a batch and its gradient on the logits. */
export function weightedLossCuda(
  args: DeviceWeightedLossArgs,
  out: DeviceWeightedLossOutputs,
  stream: Stream = defaultStream(),
): void {
  binding().weightedLossCuda(
    ...batchArguments(args),
    handle(args.params),
    args.gradient === "full" ? 0 : 1,
    args.normalize === "none" ? 0 : 1,
    handle(args.sampleWeights),
    handle(out.losses),
    handle(out.weights),
    handle(out.labelProbs),
    handle(out.maxProbs),
    handle(out.predictions),
    handle(out.terms?.alpha),
    handle(out.terms?.beta),
    handle(out.terms?.delta),
    handle(out.gradLogits),
    handle(out.result),
    streamHandle(stream),
  );
}

/** Queues the partial derivatives of the weighted validation loss by alpha, beta and delta, into `result`. */
export function metaGradientCuda(
  args: DeviceMetaGradientArgs,
  result: DeviceBuffer<"uint8">,
  stream: Stream = defaultStream(),
): void {
  binding().metaGradientCuda(...metaArguments(args, result), streamHandle(stream));
}

/**
 * Queues `metaGradientCuda`, then p <- p - learningRate * (gradient + weightDecay * p) on `params` themselves, unless
 * a result is not finite.
 */
export function metaStepCuda(
  args: DeviceMetaStepArgs,
  result: DeviceBuffer<"uint8">,
  stream: Stream = defaultStream(),
): void {
  const { learningRate, weightDecay } = args;
  binding().metaStepCuda(
    ...metaArguments(args, result),
    learningRate.alpha,
    learningRate.beta,
    learningRate.delta,
    weightDecay.alpha,
    weightDecay.beta,
    weightDecay.delta,
    args.clamp ? 1 : 0,
    streamHandle(stream),
  );
}

/** Queues the weights of Learning to Reweight from logits and tangent logits. */
export function alignmentWeightsCuda(
  args: DeviceAlignmentWeightsArgs,
  out: DeviceAlignmentWeightsOutputs,
  stream: Stream = defaultStream(),
): void {
  binding().alignmentWeightsCuda(
    ...batchArguments(args),
    handle(args.tangents),
    handle(out.alignments),
    handle(out.weights),
    handle(out.result),
    streamHandle(stream),
  );
}
