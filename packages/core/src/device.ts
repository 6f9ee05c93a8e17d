/// <reference lib="esnext.disposable" preserve="true" />
/**
 * Arrays in the memory of a GPU. They are created with `@lilaw/native` (`DeviceBuffer`, `Stream`), and described here by
 * structural types, since this package must also work without that one, for example in browsers.
 *
 * Operations on them are queued on a stream: inputs and outputs are arrays of the device, nothing is copied, and only
 * `upload` and `download` wait.
 */
import type { AlignmentWeightsScalars, MetaGradient, WeightedLossScalars } from "./backend.js";

/** The host array for each type on the device. 16-bit floats are stored as their bits. */
export interface HostArrays {
  float32: Float32Array;
  float16: Uint16Array;
  bfloat16: Uint16Array;
  float64: Float64Array;
  int32: Int32Array;
  uint8: Uint8Array;
}

export type DeviceDtype = keyof HostArrays;

/** An array of the device: a `DeviceBuffer`. */
export interface DeviceArray<D extends DeviceDtype = DeviceDtype> {
  readonly dtype: D;
  readonly length: number;
  /** Copies an array of the same length into it after the work of `stream`, and waits for the copy. */
  upload(source: HostArrays[D], stream?: DeviceStream): this;
  /** Copies it into `out` after the work of `stream`, and waits for the copy. */
  download(out?: HostArrays[D], stream?: DeviceStream): HostArrays[D];
  /** A view of the elements from `begin` up to but not including `end` */
  slice(begin: number, end?: number): DeviceArray<D>;
  dispose(): void;
  [Symbol.dispose](): void;
}

/** Work on the device, in the order in which it was queued: a `Stream`. */
export interface DeviceStream {
  synchronize(): void;
  /** Captures the work that `record` queues on this stream, to run it at each launch. */
  capture(record: () => void): DeviceGraph;
  dispose(): void;
  [Symbol.dispose](): void;
}

export interface DeviceGraph {
  readonly stream: DeviceStream;
  launch(): void;
  dispose(): void;
  [Symbol.dispose](): void;
}

/** The numbers that an operation leaves on the device. */
export interface DeviceResult<Scalars> {
  readonly buffer: DeviceArray<"uint8">;
  /** Waits for the work of `stream`, which must be the one that the operation was queued on, and returns the numbers. */
  download(stream?: DeviceStream): Scalars;
  dispose(): void;
  [Symbol.dispose](): void;
}

/** Labels are checked on the device: a row with an invalid label becomes NaN, and is counted. */
interface InvalidLabels {
  invalidLabels: number;
}

export type DeviceWeightedLossScalars = WeightedLossScalars & InvalidLabels;
/** `moved`: 1 if a step moved alpha, beta and delta; 0 if a non-finite result left them unchanged */
export type DeviceMetaGradient = MetaGradient & InvalidLabels & { moved: number };
export type DeviceAlignmentWeightsScalars = AlignmentWeightsScalars & InvalidLabels;

export type DeviceFloats = DeviceArray<"float32">;
/** float32, or 16-bit floats that are computed on in float32 */
export type DeviceLogits = DeviceArray<"float32" | "float16" | "bfloat16">;

/** A batch as users type it: `classes` may be left out where a sample has one logit. */
export interface DeviceBatchInput {
  /** Row-major [B, C]; [B] for binary and regression */
  readonly logits: DeviceLogits;
  /** int32 [B]; uint8 [B, C] for `"multi-label"`, float32 [B] for regression */
  readonly labels: DeviceArray<"int32" | "uint8" | "float32">;
  /** C; 1 (the default) for binary and regression */
  readonly classes?: number | undefined;
  /**
   * [C, C], float32: `byLabel` of a `TransitionMatrix`. Numbers on the device are not checked; each is in [0, 1], and every
   * label of the batch has one above 0.
   */
  readonly transition?: DeviceFloats | undefined;
  /** Stream for the work. Default: the default stream, shared by all work without a stream of its own */
  readonly stream?: DeviceStream | undefined;
}

/** Output arrays, each [B] but `gradLogits`; those left out are not computed. */
export interface DeviceWeightedLossOutputs {
  /** Created if absent */
  readonly result?: DeviceResult<DeviceWeightedLossScalars> | undefined;
  readonly losses?: DeviceFloats | undefined;
  readonly weights?: DeviceFloats | undefined;
  readonly labelProbs?: DeviceFloats | undefined;
  readonly maxProbs?: DeviceFloats | undefined;
  readonly predictions?: DeviceArray<"int32"> | undefined;
  readonly terms?:
    | { readonly alpha: DeviceFloats; readonly beta: DeviceFloats; readonly delta: DeviceFloats }
    | undefined;
  /** [B, C], of the type of the logits; may be the logits themselves */
  readonly gradLogits?: DeviceLogits | undefined;
}

/** Arrays that a call allocates if no `out` is given: all but the terms. */
export interface DeviceWeightedLossResult {
  result: DeviceResult<DeviceWeightedLossScalars>;
  losses: DeviceFloats;
  weights: DeviceFloats;
  labelProbs: DeviceFloats;
  maxProbs: DeviceFloats;
  predictions: DeviceArray<"int32">;
  gradLogits: DeviceLogits;
}

export interface DeviceAlignmentWeightsOutputs {
  /** Created if absent */
  readonly result?: DeviceResult<DeviceAlignmentWeightsScalars> | undefined;
  readonly alignments?: DeviceFloats | undefined;
  readonly weights?: DeviceFloats | undefined;
}

export interface DeviceAlignmentWeightsResult {
  result: DeviceResult<DeviceAlignmentWeightsScalars>;
  alignments: DeviceFloats;
  weights: DeviceFloats;
}
