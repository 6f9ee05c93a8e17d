/**
 * The three operations in float32, each in two forms.
 *
 * `weightedLoss` computes on the CPU, in arrays of exactly the types below. It allocates nothing.
 *
 * `weightedLossCuda` takes and returns arrays in device memory, without copying or waiting. It is queued on a stream
 * and reads its buffers when it runs, so a whole step of LiLAW can be queued: `metaStepCuda` moves the params that the
 * next `weightedLossCuda` reads. Logits are float32, float16 or bfloat16; tangents and gradients have the same type.
 * All arguments but the contents of the arrays are checked before the operation is queued: rows with a label that is no
 * class are treated like non-finite rows, and counted in `invalidLabels`.
 *
 * Outputs must not overlap each other or any other array of the call, except that `gradLogits` may be the logits.
 *
 * All throw an Error with a `code` (`INVALID_ARGUMENT`, `LENGTH_MISMATCH`, `UNSUPPORTED`, `OUT_OF_MEMORY`; on the host
 * `LABEL_OUT_OF_RANGE`; on the device `DISPOSED`, `CUDA_ERROR`) and then write nothing.
 */

import type {
  AlignmentWeightsArgsAt,
  AlignmentWeightsOutputsAt,
  AlignmentWeightsPositions,
  BatchAt,
  MetaGradientArgsAt,
  MetaGradientPositions,
  NativeParams,
  OnHost,
  WeightedLossArgsAt,
  WeightedLossOutputsAt,
  WeightedLossPositions,
} from "./call.js";
import { type DeviceBuffer, defaultStream, type Stream } from "./device.js";
import { expected } from "./errors.js";
import { binding } from "./load.js";
import {
  type CallMemory,
  marshalAlignmentWeights,
  marshalMetaGradient,
  marshalWeightedLoss,
  number,
  object,
} from "./marshal.js";
import {
  alignmentWeightsScalars,
  type DeviceAlignmentWeightsScalars,
  type DeviceMetaGradient,
  type DeviceResult,
  type DeviceWeightedLossScalars,
  metaGradientScalars,
  type NativeAlignmentWeightsScalars,
  type NativeMetaGradient,
  type NativeWeightedLossScalars,
  ResultMemory,
  type ResultType,
  weightedLossScalars,
} from "./results.js";

export type DeviceLogits = DeviceBuffer<"float32" | "float16" | "bfloat16">;

/** The types of arrays on the device. */
interface OnDevice {
  logits: DeviceLogits;
  labels: DeviceBuffer<"int32" | "uint8" | "float32">;
  floats: DeviceBuffer<"float32">;
  integers: DeviceBuffer<"int32">;
  params: DeviceBuffer<"float64">;
  doubles: DeviceBuffer<"float64">;
  bytes: DeviceBuffer<"uint8">;
}

export type NativeBatch = BatchAt<OnHost>;
export type NativeWeightedLossArgs = WeightedLossArgsAt<OnHost>;
export type NativeWeightedLossOutputs = WeightedLossOutputsAt<OnHost>;
export type NativeMetaGradientArgs = MetaGradientArgsAt<OnHost>;
export type NativeAlignmentWeightsArgs = AlignmentWeightsArgsAt<OnHost>;
export type NativeAlignmentWeightsOutputs = AlignmentWeightsOutputsAt<OnHost>;

export type DeviceBatch = BatchAt<OnDevice>;
export type DeviceWeightedLossArgs = WeightedLossArgsAt<OnDevice>;
export type DeviceMetaGradientArgs = MetaGradientArgsAt<OnDevice>;
export type DeviceAlignmentWeightsArgs = AlignmentWeightsArgsAt<OnDevice>;

export interface DeviceWeightedLossOutputs extends WeightedLossOutputsAt<OnDevice> {
  readonly result: DeviceResult<DeviceWeightedLossScalars>;
}

export interface DeviceAlignmentWeightsOutputs extends AlignmentWeightsOutputsAt<OnDevice> {
  readonly result: DeviceResult<DeviceAlignmentWeightsScalars>;
}

export interface DeviceMetaStepArgs extends DeviceMetaGradientArgs {
  /** Each finite and at least 0 */
  readonly learningRate: NativeParams;
  /** Each finite and at least 0 */
  readonly weightDecay: NativeParams;
  /** Keep delta >= beta and alpha >= 1 */
  readonly clamp: boolean;
}

/** The memory of a call on the host. */
class Scratch<Scalars> implements CallMemory<OnHost> {
  readonly #params = new Float64Array(3);
  readonly #typeOf: () => ResultType<Scalars>;
  #type: ResultType<Scalars> | undefined;
  #memory: ResultMemory | undefined;

  constructor(typeOf: () => ResultType<Scalars>) {
    this.#typeOf = typeOf;
  }

  params(params: NativeParams): Float64Array {
    if (params == null) throw expected("INVALID_ARGUMENT", "alpha, beta and delta", "params", params);
    const { alpha, beta, delta } = object(params, "params");
    this.#params[0] = number("params.alpha", alpha);
    this.#params[1] = number("params.beta", beta);
    this.#params[2] = number("params.delta", delta);
    return this.#params;
  }

  /** Created in the first call, since the addon provides its layout. */
  get result(): Uint8Array {
    this.#type ??= this.#typeOf();
    this.#memory ??= new ResultMemory(this.#type.words);
    return this.#memory.bytes;
  }

  /** Once `result` has been filled. */
  scalars(): Scalars {
    return this.#type!.read(this.#memory!);
  }
}

/** Shared by all calls. */
const shared = {
  weightedLoss: new Scratch(weightedLossScalars),
  metaGradient: new Scratch(metaGradientScalars),
  alignmentWeights: new Scratch(alignmentWeightsScalars),
};

/** The memory of a call on the device, where the params are already. */
const onDevice = (result: DeviceResult<unknown> | undefined): CallMemory<OnDevice> => ({
  params: (params) => params,
  result: result?.buffer as DeviceBuffer<"uint8">,
});

/** The weighted loss of a batch and its gradient on the logits. */
export function weightedLoss(
  args: NativeWeightedLossArgs,
  out: NativeWeightedLossOutputs,
): NativeWeightedLossScalars {
  const scratch = shared.weightedLoss;
  marshalWeightedLoss(binding().weightedLoss, args, out, scratch);
  return scratch.scalars();
}

export function weightedLossCuda(
  args: DeviceWeightedLossArgs,
  out: DeviceWeightedLossOutputs,
  stream: Stream = defaultStream(),
): void {
  const { weightedLossCuda } = binding();
  const queue = (...positions: WeightedLossPositions<OnDevice>) => weightedLossCuda(...positions, stream);
  marshalWeightedLoss(queue, args, out, onDevice(out?.result));
}

/** The partial derivatives of the weighted validation loss by alpha, beta and delta. */
export function metaGradient(args: NativeMetaGradientArgs): NativeMetaGradient {
  const scratch = shared.metaGradient;
  marshalMetaGradient(binding().metaGradient, args, scratch);
  return scratch.scalars();
}

export function metaGradientCuda(
  args: DeviceMetaGradientArgs,
  result: DeviceResult<DeviceMetaGradient>,
  stream: Stream = defaultStream(),
): void {
  const { metaGradientCuda } = binding();
  const queue = (...positions: MetaGradientPositions<OnDevice>) => metaGradientCuda(...positions, stream);
  marshalMetaGradient(queue, args, onDevice(result));
}

/**
 * `metaGradientCuda`, then p <- p - learningRate * (gradient + weightDecay * p) in place on `params`, unless a result
 * is not finite. There is no such form on the host, where the owner of the params moves them.
 */
export function metaStepCuda(
  args: DeviceMetaStepArgs,
  result: DeviceResult<DeviceMetaGradient>,
  stream: Stream = defaultStream(),
): void {
  const { learningRate: rate, weightDecay: decay, clamp } = args;
  const own = [rate.alpha, rate.beta, rate.delta, decay.alpha, decay.beta, decay.delta] as const;
  const { metaStepCuda } = binding();
  const queue = (...positions: MetaGradientPositions<OnDevice>) =>
    metaStepCuda(...positions, ...own, clamp ? 1 : 0, stream);
  marshalMetaGradient<OnDevice, void>(queue, args, onDevice(result));
}

/** The weights of Learning to Reweight from logits and tangent logits. */
export function alignmentWeights(
  args: NativeAlignmentWeightsArgs,
  out: NativeAlignmentWeightsOutputs,
): NativeAlignmentWeightsScalars {
  const scratch = shared.alignmentWeights;
  marshalAlignmentWeights(binding().alignmentWeights, args, out, scratch);
  return scratch.scalars();
}

export function alignmentWeightsCuda(
  args: DeviceAlignmentWeightsArgs,
  out: DeviceAlignmentWeightsOutputs,
  stream: Stream = defaultStream(),
): void {
  const { alignmentWeightsCuda } = binding();
  const queue = (...positions: AlignmentWeightsPositions<OnDevice>) =>
    alignmentWeightsCuda(...positions, stream);
  marshalAlignmentWeights(queue, args, out, onDevice(out?.result));
}

/**
 * The instruction set in use: "avx512", "avx2", "sse2", "neon" or "baseline". `LILAW_CPU` forces one; if that does not
 * run here, this and every operation on the CPU throw `UNSUPPORTED` with the available names.
 */
export const cpuIsa = (): string => binding().cpuIsa();
/** Forces an instruction set, for tests; without a name, the best one. Throws `UNSUPPORTED` if it cannot run here. */
export const setCpuIsa = (name?: string): void => binding().setCpuIsa(name);
/** Threads that large operations use, the caller's included. */
export const threads = (): number => binding().threads();
/** Sets that number for the whole process, 1 to 256; 0 restores the default: `LILAW_THREADS`, else all processors. */
export const setThreads = (count: number): void => binding().setThreads(count);
