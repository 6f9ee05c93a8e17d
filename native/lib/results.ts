/// <reference lib="esnext.disposable" preserve="true" />
/** The scalars of the operations: structures of lilaw.h, float64 members first, then int64 ones. */
import { DeviceBuffer, defaultStream, type Stream } from "./device.js";

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
  objective: number;
  nonFiniteRows: number;
}

export interface NativeMetaGradient extends NativeWeightedLossScalars {
  alpha: number;
  beta: number;
  delta: number;
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
  members: 3,
  read: (memory) => ({ objective: memory.real(0), nonFiniteRows: memory.count(1) }),
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
export class DeviceResult<Scalars> {
  /** Where the operation writes them */
  readonly buffer: DeviceBuffer<"uint8">;
  readonly #type: ResultType<Scalars>;

  private constructor(type: ResultType<Scalars>) {
    this.buffer = DeviceBuffer.create("uint8", 8 * type.members);
    this.#type = type;
  }

  static ofWeightedLoss(): DeviceResult<DeviceWeightedLossScalars> {
    const { members, read } = weightedLossScalars;
    return new DeviceResult({
      members,
      read: (memory) => ({ ...read(memory), invalidLabels: memory.count(2) }),
    });
  }

  static ofMetaGradient(): DeviceResult<DeviceMetaGradient> {
    const { members, read } = metaGradientScalars;
    return new DeviceResult({
      members,
      read: (memory) => ({ ...read(memory), invalidLabels: memory.count(5), moved: memory.count(6) }),
    });
  }

  static ofAlignmentWeights(): DeviceResult<DeviceAlignmentWeightsScalars> {
    const { members, read } = alignmentWeightsScalars;
    return new DeviceResult({
      members,
      read: (memory) => ({ ...read(memory), invalidLabels: memory.count(1) }),
    });
  }

  /** The scalars, once the work of `stream` is done: name the stream that fills them. */
  download(stream: Stream = defaultStream()): Scalars {
    const memory = new ResultMemory(this.#type.members);
    this.buffer.download(memory.bytes, stream);
    return this.#type.read(memory);
  }

  /** Frees their memory. A second time does nothing. */
  dispose(): void {
    this.buffer.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
