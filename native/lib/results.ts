/// <reference lib="esnext.disposable" preserve="true" />
/** The scalars of the operations: structures of lilaw.h with float64 and int64 members. */
import { DeviceBuffer, type Stream } from "./device.js";
import { addon } from "./load.js";

/** A structure on the host. */
export class ResultMemory {
  readonly bytes: Uint8Array;
  readonly #reals: Float64Array;
  readonly #halves: Uint32Array;

  constructor(words: number) {
    const memory = new ArrayBuffer(8 * words);
    this.bytes = new Uint8Array(memory);
    this.#reals = new Float64Array(memory);
    this.#halves = new Uint32Array(memory);
  }

  real(word: number): number {
    return this.#reals[word]!;
  }

  /** A count as a number: it is never negative, and far below 2^53. */
  count(word: number): number {
    return this.#halves[2 * word]! + 2 ** 32 * this.#halves[2 * word + 1]!;
  }
}

export interface NativeWeightedLossScalars {
  /** Partial derivatives of the objective by the three scalars; 0 without params */
  gradParams: { alpha: number; beta: number; delta: number };
  objective: number;
  nonFiniteRows: number;
}

export interface NativeMetaGradient {
  alpha: number;
  beta: number;
  delta: number;
  objective: number;
  nonFiniteRows: number;
}

export interface NativeAlignmentWeightsScalars {
  nonFiniteRows: number;
}

/** Number of rows whose label is no class; on the host such a label is an error. */
interface InvalidLabels {
  invalidLabels: number;
}

export type DeviceWeightedLossScalars = NativeWeightedLossScalars & InvalidLabels;
/** `moved` is 1 if `metaStepCuda` moved the params, 0 if a non-finite result left them unchanged. */
export type DeviceMetaGradient = NativeMetaGradient & InvalidLabels & { moved: number };
export type DeviceAlignmentWeightsScalars = NativeAlignmentWeightsScalars & InvalidLabels;

/** How to read a structure of results. */
export interface ResultType<Scalars> {
  /** Its size, in words of 8 bytes */
  readonly words: number;
  read(memory: ResultMemory): Scalars;
}

// Each is a function, since the addon provides the layout. Members are looked up by name there, and are numbers in a
// call.

export function weightedLossScalars(): ResultType<NativeWeightedLossScalars> {
  const { words, members: at } = addon().names.layout.weightedLossResult;
  return {
    words,
    read: (memory) => ({
      gradParams: { alpha: memory.real(at.alpha), beta: memory.real(at.beta), delta: memory.real(at.delta) },
      objective: memory.real(at.objective),
      nonFiniteRows: memory.count(at.nonFiniteRows),
    }),
  };
}

export function metaGradientScalars(): ResultType<NativeMetaGradient> {
  const { words, members: at } = addon().names.layout.metaGradientResult;
  return {
    words,
    read: (memory) => ({
      alpha: memory.real(at.alpha),
      beta: memory.real(at.beta),
      delta: memory.real(at.delta),
      objective: memory.real(at.objective),
      nonFiniteRows: memory.count(at.nonFiniteRows),
    }),
  };
}

export function alignmentWeightsScalars(): ResultType<NativeAlignmentWeightsScalars> {
  const { words, members: at } = addon().names.layout.alignmentWeightsResult;
  return { words, read: (memory) => ({ nonFiniteRows: memory.count(at.nonFiniteRows) }) };
}

/** Scalars that an operation leaves on the device. */
export interface DeviceResult<Scalars> {
  /** Memory that the operation writes them to */
  readonly buffer: DeviceBuffer<"uint8">;
  /** Waits for the work of `stream` and returns the scalars. Pass the stream that fills them. */
  download(stream?: Stream): Scalars;
  /** Frees their memory. A second call does nothing. */
  dispose(): void;
  [Symbol.dispose](): void;
}

function create<Scalars extends object, More extends object>(
  { words, read }: ResultType<Scalars>,
  readMore: (memory: ResultMemory) => More,
): DeviceResult<Scalars & More> {
  const buffer = DeviceBuffer.create("uint8", 8 * words);
  return {
    buffer,
    download(stream) {
      const memory = new ResultMemory(words);
      buffer.download(memory.bytes, stream);
      return { ...read(memory), ...readMore(memory) };
    },
    dispose: () => buffer.dispose(),
    [Symbol.dispose]: () => buffer.dispose(),
  };
}

/** Allocates the scalars of an operation, which on the device are more than on the host. */
export const DeviceResult = {
  ofWeightedLoss(): DeviceResult<DeviceWeightedLossScalars> {
    const { members: at } = addon().names.layout.weightedLossResult;
    return create(weightedLossScalars(), (memory) => ({ invalidLabels: memory.count(at.invalidLabels) }));
  },
  ofMetaGradient(): DeviceResult<DeviceMetaGradient> {
    const { members: at } = addon().names.layout.metaGradientResult;
    return create(metaGradientScalars(), (memory) => ({
      invalidLabels: memory.count(at.invalidLabels),
      moved: memory.count(at.moved),
    }));
  },
  ofAlignmentWeights(): DeviceResult<DeviceAlignmentWeightsScalars> {
    const { members: at } = addon().names.layout.alignmentWeightsResult;
    return create(alignmentWeightsScalars(), (memory) => ({ invalidLabels: memory.count(at.invalidLabels) }));
  },
};
