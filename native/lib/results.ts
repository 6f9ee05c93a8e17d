/// <reference lib="esnext.disposable" preserve="true" />
/** The scalars of the operations: structures of lilaw.h, float64 members first, then int64 ones. */
import { DeviceBuffer, type Stream } from "./device.js";

/** A structure on the host. */
export class ResultMemory {
  readonly bytes: Uint8Array;
  readonly #reals: Float64Array;
  readonly #halves: Uint32Array;

  constructor(members: number) {
    const memory = new ArrayBuffer(8 * members);
    this.bytes = new Uint8Array(memory);
    this.#reals = new Float64Array(memory);
    this.#halves = new Uint32Array(memory);
  }

  real(member: number): number {
    return this.#reals[member]!;
  }

  /** Counts are never negative, and addresses end long before 2^53. */
  count(member: number): number {
    return this.#halves[2 * member]! + 2 ** 32 * this.#halves[2 * member + 1]!;
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

/** Rows whose label is no class; on the host such a label is an error. */
interface InvalidLabels {
  invalidLabels: number;
}

export type DeviceWeightedLossScalars = NativeWeightedLossScalars & InvalidLabels;
/** `moved` is 1 where `metaStepCuda` moved the params, 0 where a result that is not finite kept them. */
export type DeviceMetaGradient = NativeMetaGradient & InvalidLabels & { moved: number };
export type DeviceAlignmentWeightsScalars = NativeAlignmentWeightsScalars & InvalidLabels;

/** How a structure is read. */
export interface ResultType<Scalars> {
  readonly members: number;
  read(memory: ResultMemory): Scalars;
}

export const weightedLossScalars: ResultType<NativeWeightedLossScalars> = {
  members: 6,
  read: (memory) => ({
    gradParams: { alpha: memory.real(0), beta: memory.real(1), delta: memory.real(2) },
    objective: memory.real(3),
    nonFiniteRows: memory.count(4),
  }),
};

export const metaGradientScalars: ResultType<NativeMetaGradient> = {
  members: 7,
  read: (memory) => ({
    alpha: memory.real(0),
    beta: memory.real(1),
    delta: memory.real(2),
    objective: memory.real(3),
    nonFiniteRows: memory.count(4),
  }),
};

export const alignmentWeightsScalars: ResultType<NativeAlignmentWeightsScalars> = {
  members: 2,
  read: (memory) => ({ nonFiniteRows: memory.count(0) }),
};

/** Scalars that an operation leaves on the device. */
export interface DeviceResult<Scalars> {
  /** Where the operation writes them */
  readonly buffer: DeviceBuffer<"uint8">;
  /** The scalars, once the work of `stream` is done: name the stream that fills them. */
  download(stream?: Stream): Scalars;
  /** Frees their memory. A second time does nothing. */
  dispose(): void;
  [Symbol.dispose](): void;
}

function create<Scalars>({ members, read }: ResultType<Scalars>): DeviceResult<Scalars> {
  const buffer = DeviceBuffer.create("uint8", 8 * members);
  return {
    buffer,
    download(stream) {
      const memory = new ResultMemory(members);
      buffer.download(memory.bytes, stream);
      return read(memory);
    },
    dispose: () => buffer.dispose(),
    [Symbol.dispose]: () => buffer.dispose(),
  };
}

/** Makes room for the scalars of an operation. */
export const DeviceResult = {
  ofWeightedLoss: (): DeviceResult<DeviceWeightedLossScalars> =>
    create({
      ...weightedLossScalars,
      read: (memory) => ({ ...weightedLossScalars.read(memory), invalidLabels: memory.count(5) }),
    }),
  ofMetaGradient: (): DeviceResult<DeviceMetaGradient> =>
    create({
      ...metaGradientScalars,
      read: (memory) => ({
        ...metaGradientScalars.read(memory),
        invalidLabels: memory.count(5),
        moved: memory.count(6),
      }),
    }),
  ofAlignmentWeights: (): DeviceResult<DeviceAlignmentWeightsScalars> =>
    create({
      ...alignmentWeightsScalars,
      read: (memory) => ({ ...alignmentWeightsScalars.read(memory), invalidLabels: memory.count(1) }),
    }),
};
