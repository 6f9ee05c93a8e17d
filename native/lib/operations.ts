/**
 * The three operations on the CPU, in float32: the argument objects of `@lilaw/core`, with arrays of exactly the
 * types below. Nothing is allocated but what `…Async` copies.
 *
 * All of them throw an Error with a `code` (`INVALID_ARGUMENT`, `LENGTH_MISMATCH`, `LABEL_OUT_OF_RANGE`,
 * `UNSUPPORTED`) and write nothing then. `…Async` rejects with it. It computes on copies of its inputs, on a thread
 * of libuv, so that these may be changed or transferred meanwhile; outputs are filled when it resolves, and it
 * rejects if one of them has been transferred by then.
 */
import type {
  AlignmentWeightsArguments,
  MetaGradientArguments,
  NativeBinding,
  WeightedLossArguments,
} from "./binding.js";
import { load } from "./load.js";

/** int32 class indices [rows], uint8 flags [rows * classes] for multi-label, float32 targets [rows] for regression. */
export type NativeLabels = Int32Array | Uint8Array | Float32Array;

export type NativeLoss =
  | "cross-entropy"
  | { readonly kind: "focal"; readonly gamma: number }
  | { readonly kind: "label-smoothing"; readonly smoothing: number }
  | "binary"
  | "multi-label"
  | { readonly kind: "regression"; readonly range: number };

export interface NativeParams {
  readonly alpha: number;
  readonly beta: number;
  readonly delta: number;
}

export interface NativeBatch {
  /** Row-major [rows, classes] */
  readonly logits: Float32Array;
  readonly labels: NativeLabels;
  readonly classes: number;
  readonly loss: NativeLoss;
}

export interface NativeWeightedLossArgs extends NativeBatch {
  /** null: the plain loss, every weight 1 */
  readonly params: NativeParams | null;
  readonly gradient: "full" | "detached";
  readonly normalize: "none" | "batch-mean";
  readonly sampleWeights?: Float32Array | undefined;
}

/** Arrays to fill; those left out cost nothing. */
export interface NativeWeightedLossOutputs {
  readonly losses?: Float32Array;
  readonly weights?: Float32Array;
  readonly labelProbs?: Float32Array;
  readonly maxProbs?: Float32Array;
  readonly predictions?: Int32Array;
  readonly terms?: {
    readonly alpha: Float32Array;
    readonly beta: Float32Array;
    readonly delta: Float32Array;
  };
  /** May be the logits themselves */
  readonly gradLogits?: Float32Array;
}

export interface NativeWeightedLossScalars {
  objective: number;
  nonFiniteRows: number;
}

export interface NativeMetaGradientArgs extends NativeBatch {
  readonly params: NativeParams;
  readonly coefficients?: Float32Array | undefined;
}

export interface NativeMetaGradient extends NativeWeightedLossScalars {
  alpha: number;
  beta: number;
  delta: number;
}

export interface NativeAlignmentWeightsArgs extends NativeBatch {
  readonly tangents: Float32Array;
}

export interface NativeAlignmentWeightsOutputs {
  readonly alignments?: Float32Array;
  readonly weights?: Float32Array;
}

export interface NativeAlignmentWeightsScalars {
  nonFiniteRows: number;
}

/** The addon, or an Error with the code `BACKEND_UNAVAILABLE` that says where it was looked for. */
export function binding(): NativeBinding {
  const found = load();
  if (found.binding) return found.binding;
  const tried = found.failures.map(({ source, path, reason }) => `${source} ${path}: ${reason}`);
  throw Object.assign(
    new Error(`Expected the addon of @lilaw/native but received none (${tried.join("; ")})`),
    { code: "BACKEND_UNAVAILABLE" },
  );
}

/** The values of `lilaw_loss` in lilaw.h. */
export function lossKind(loss: NativeLoss): number {
  switch (typeof loss === "string" ? loss : loss.kind) {
    case "cross-entropy":
      return 0;
    case "focal":
      return 1;
    case "label-smoothing":
      return 2;
    case "binary":
      return 3;
    case "multi-label":
      return 4;
    case "regression":
      return 5;
  }
}

export function lossParameter(loss: NativeLoss): number {
  if (typeof loss === "string") return 0;
  if (loss.kind === "focal") return loss.gamma;
  return loss.kind === "label-smoothing" ? loss.smoothing : loss.range;
}

function writeParams(to: Float64Array, { alpha, beta, delta }: NativeParams): Float64Array {
  to[0] = alpha;
  to[1] = beta;
  to[2] = delta;
  return to;
}

/** Where scalars go in and out: the same arrays for every synchronous call, new ones for every asynchronous one. */
const newScalars = () => ({
  params: new Float64Array(3),
  weightedLoss: new Float64Array(2),
  meta: new Float64Array(5),
  alignment: new Float64Array(1),
});
type Scalars = ReturnType<typeof newScalars>;
const shared = newScalars();

/** Calls a function of the addon with the arguments by position; an array of them in between would cost more. */
function weightedLossWith<R>(
  call: (...args: WeightedLossArguments) => R,
  args: NativeWeightedLossArgs,
  out: NativeWeightedLossOutputs,
  scalars: Scalars,
): R {
  const { logits, labels, classes, loss, params } = args;
  return call(
    logits.length / classes,
    classes,
    lossKind(loss),
    lossParameter(loss),
    logits,
    labels,
    params && writeParams(scalars.params, params),
    args.gradient === "full" ? 0 : 1,
    args.normalize === "none" ? 0 : 1,
    args.sampleWeights,
    out.losses,
    out.weights,
    out.labelProbs,
    out.maxProbs,
    out.predictions,
    out.terms?.alpha,
    out.terms?.beta,
    out.terms?.delta,
    out.gradLogits,
    scalars.weightedLoss,
  );
}

const weightedLossScalars = ({ weightedLoss: [objective, nonFiniteRows] }: Scalars) =>
  ({ objective, nonFiniteRows }) as NativeWeightedLossScalars;

/** The weighted loss of a batch and its gradient on the logits. */
export function weightedLoss(
  args: NativeWeightedLossArgs,
  out: NativeWeightedLossOutputs,
): NativeWeightedLossScalars {
  weightedLossWith(binding().weightedLoss, args, out, shared);
  return weightedLossScalars(shared);
}

export async function weightedLossAsync(
  args: NativeWeightedLossArgs,
  out: NativeWeightedLossOutputs,
): Promise<NativeWeightedLossScalars> {
  const scalars = newScalars();
  await weightedLossWith(binding().weightedLossAsync, args, out, scalars);
  return weightedLossScalars(scalars);
}

function metaGradientWith<R>(
  call: (...args: MetaGradientArguments) => R,
  args: NativeMetaGradientArgs,
  scalars: Scalars,
): R {
  const { logits, labels, classes, loss, params, coefficients } = args;
  return call(
    logits.length / classes,
    classes,
    lossKind(loss),
    lossParameter(loss),
    logits,
    labels,
    writeParams(scalars.params, params),
    coefficients,
    scalars.meta,
  );
}

const metaGradientScalars = ({ meta: [alpha, beta, delta, objective, nonFiniteRows] }: Scalars) =>
  ({ alpha, beta, delta, objective, nonFiniteRows }) as NativeMetaGradient;

/** The partial derivatives of the weighted validation loss by alpha, beta and delta. */
export function metaGradient(args: NativeMetaGradientArgs): NativeMetaGradient {
  metaGradientWith(binding().metaGradient, args, shared);
  return metaGradientScalars(shared);
}

export async function metaGradientAsync(args: NativeMetaGradientArgs): Promise<NativeMetaGradient> {
  const scalars = newScalars();
  await metaGradientWith(binding().metaGradientAsync, args, scalars);
  return metaGradientScalars(scalars);
}

function alignmentWeightsWith<R>(
  call: (...args: AlignmentWeightsArguments) => R,
  args: NativeAlignmentWeightsArgs,
  out: NativeAlignmentWeightsOutputs,
  scalars: Scalars,
): R {
  const { logits, labels, classes, loss, tangents } = args;
  return call(
    logits.length / classes,
    classes,
    lossKind(loss),
    lossParameter(loss),
    logits,
    labels,
    tangents,
    out.alignments,
    out.weights,
    scalars.alignment,
  );
}

const alignmentWeightsScalars = ({ alignment: [nonFiniteRows] }: Scalars) =>
  ({ nonFiniteRows }) as NativeAlignmentWeightsScalars;

/** The weights of Learning to Reweight from logits and tangent logits. */
export function alignmentWeights(
  args: NativeAlignmentWeightsArgs,
  out: NativeAlignmentWeightsOutputs,
): NativeAlignmentWeightsScalars {
  alignmentWeightsWith(binding().alignmentWeights, args, out, shared);
  return alignmentWeightsScalars(shared);
}

export async function alignmentWeightsAsync(
  args: NativeAlignmentWeightsArgs,
  out: NativeAlignmentWeightsOutputs,
): Promise<NativeAlignmentWeightsScalars> {
  const scalars = newScalars();
  await alignmentWeightsWith(binding().alignmentWeightsAsync, args, out, scalars);
  return alignmentWeightsScalars(scalars);
}

/** The instruction set in use: "avx512", "avx2", "sse2", "neon" or "baseline". `LILAW_CPU` forces one. */
export const cpuIsa = (): string => binding().cpuIsa();
/** Forces an instruction set, for tests; without a name the best again. Throws `UNSUPPORTED` if it cannot run here. */
export const setCpuIsa = (name?: string): void => binding().setCpuIsa(name);
/** Threads that large operations use, the caller's included. */
export const threads = (): number => binding().threads();
/** Sets them, 1 to 256, for the whole process; 0 chooses again: `LILAW_THREADS`, else the processors there are. */
export const setThreads = (count: number): void => binding().setThreads(count);
