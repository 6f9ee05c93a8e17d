/// <reference lib="esnext.disposable" preserve="true" />
/** The scalars of the operations: structures of lilaw.h with float64 and int64 members. */
import { DeviceBuffer, type Stream } from "./device.js";
import type { Layout, ResultLayout } from "./layout.js";
import { addon } from "./load.js";

/** A structure on the host. */
export class ResultMemory<Member extends string = string> {
  readonly bytes: Uint8Array;
  readonly #members: Readonly<Record<Member, number>>;
  readonly #reals: Float64Array;
  readonly #halves: Uint32Array;

  constructor({ words, members }: ResultLayout<Member>) {
    const memory = new ArrayBuffer(8 * words);
    this.bytes = new Uint8Array(memory);
    this.#members = members;
    this.#reals = new Float64Array(memory);
    this.#halves = new Uint32Array(memory);
  }

  real(member: Member): number {
    return this.#reals[this.#members[member]]!;
  }

  /** A count as a number: it is never negative, and far below 2^53. */
  count(member: Member): number {
    const word = this.#members[member];
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

/** How to read a structure: its layout, which the addon provides, and the meaning of its members. */
export interface ResultType<Scalars, Member extends string = string> {
  layout(): ResultLayout<Member>;
  read(memory: ResultMemory<Member>): Scalars;
}

export const weightedLossScalars: ResultType<
  NativeWeightedLossScalars,
  keyof Layout["weightedLossResult"]["members"]
> = {
  layout: () => addon().names.layout.weightedLossResult,
  read: (memory) => ({
    gradParams: { alpha: memory.real("alpha"), beta: memory.real("beta"), delta: memory.real("delta") },
    objective: memory.real("objective"),
    nonFiniteRows: memory.count("nonFiniteRows"),
  }),
};

export const metaGradientScalars: ResultType<
  NativeMetaGradient,
  keyof Layout["metaGradientResult"]["members"]
> = {
  layout: () => addon().names.layout.metaGradientResult,
  read: (memory) => ({
    alpha: memory.real("alpha"),
    beta: memory.real("beta"),
    delta: memory.real("delta"),
    objective: memory.real("objective"),
    nonFiniteRows: memory.count("nonFiniteRows"),
  }),
};

export const alignmentWeightsScalars: ResultType<
  NativeAlignmentWeightsScalars,
  keyof Layout["alignmentWeightsResult"]["members"]
> = {
  layout: () => addon().names.layout.alignmentWeightsResult,
  read: (memory) => ({ nonFiniteRows: memory.count("nonFiniteRows") }),
};

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

function create<Scalars, Member extends string>({
  layout,
  read,
}: ResultType<Scalars, Member>): DeviceResult<Scalars> {
  const members = layout();
  const buffer = DeviceBuffer.create("uint8", 8 * members.words);
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

/** Allocates the scalars of an operation. */
export const DeviceResult = {
  ofWeightedLoss: (): DeviceResult<DeviceWeightedLossScalars> =>
    create({
      ...weightedLossScalars,
      read: (memory) => ({
        ...weightedLossScalars.read(memory),
        invalidLabels: memory.count("invalidLabels"),
      }),
    }),
  ofMetaGradient: (): DeviceResult<DeviceMetaGradient> =>
    create({
      ...metaGradientScalars,
      read: (memory) => ({
        ...metaGradientScalars.read(memory),
        invalidLabels: memory.count("invalidLabels"),
        moved: memory.count("moved"),
      }),
    }),
  ofAlignmentWeights: (): DeviceResult<DeviceAlignmentWeightsScalars> =>
    create({
      ...alignmentWeightsScalars,
      read: (memory) => ({
        ...alignmentWeightsScalars.read(memory),
        invalidLabels: memory.count("invalidLabels"),
      }),
    }),
};
