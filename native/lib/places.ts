/**
 * The arguments of the operations, each described once for both places that arrays can be in: what people pass, and
 * the positions in which the addon takes it. Positions, not names: reading an object in C++ would cost more than a
 * small kernel.
 */
import { expected } from "./errors.js";

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

/** The types of arrays on the host. */
export interface OnHost {
  logits: Float32Array;
  labels: NativeLabels;
  floats: Float32Array;
  integers: Int32Array;
  /** alpha, beta, delta */
  params: NativeParams;
  /** What the addon takes for them */
  doubles: Float64Array;
  bytes: Uint8Array;
}

/** The types of arrays in a place: on the host or on the device. */
export type Place = { [Name in keyof OnHost]: object } & { logits: { readonly length: number } };

export interface BatchAt<At extends Place> {
  /** Row-major [rows, classes] */
  readonly logits: At["logits"];
  readonly labels: At["labels"];
  readonly classes: number;
  readonly loss: NativeLoss;
}

export interface WeightedLossArgsAt<At extends Place> extends BatchAt<At> {
  /** alpha, beta, delta; null: the plain loss, every weight 1 */
  readonly params: At["params"] | null;
  readonly gradient: "full" | "detached";
  readonly normalize: "none" | "batch-mean";
  /** [rows] */
  readonly sampleWeights?: At["floats"] | undefined;
}

/** Arrays to fill, each [rows] but `gradLogits`; those left out cost nothing. */
export interface WeightedLossOutputsAt<At extends Place> {
  readonly losses?: At["floats"] | undefined;
  readonly weights?: At["floats"] | undefined;
  readonly labelProbs?: At["floats"] | undefined;
  readonly maxProbs?: At["floats"] | undefined;
  readonly predictions?: At["integers"] | undefined;
  readonly terms?:
    | {
        readonly alpha: At["floats"];
        readonly beta: At["floats"];
        readonly delta: At["floats"];
      }
    | undefined;
  /** [rows, classes], of the type of the logits; may be the logits themselves */
  readonly gradLogits?: At["logits"] | undefined;
}

export interface MetaGradientArgsAt<At extends Place> extends BatchAt<At> {
  readonly params: At["params"];
  /** [rows], in place of the row losses */
  readonly coefficients?: At["floats"] | undefined;
}

export interface AlignmentWeightsArgsAt<At extends Place> extends BatchAt<At> {
  /** [rows, classes], of the type of the logits */
  readonly tangents: At["logits"];
}

/** Arrays to fill, each [rows]; those left out cost nothing. */
export interface AlignmentWeightsOutputsAt<At extends Place> {
  readonly alignments?: At["floats"] | undefined;
  readonly weights?: At["floats"] | undefined;
}

type BatchPositions<At extends Place> = [
  rows: number,
  classes: number,
  lossKind: number,
  lossParameter: number,
  logits: At["logits"],
  labels: At["labels"],
];

type Maybe<T> = T | null | undefined;

export type WeightedLossPositions<At extends Place> = [
  ...BatchPositions<At>,
  params: Maybe<At["doubles"]>,
  gradient: number,
  normalize: number,
  sampleWeights: Maybe<At["floats"]>,
  losses: Maybe<At["floats"]>,
  weights: Maybe<At["floats"]>,
  labelProbs: Maybe<At["floats"]>,
  maxProbs: Maybe<At["floats"]>,
  predictions: Maybe<At["integers"]>,
  termAlpha: Maybe<At["floats"]>,
  termBeta: Maybe<At["floats"]>,
  termDelta: Maybe<At["floats"]>,
  gradLogits: Maybe<At["logits"]>,
  result: At["bytes"],
];

export type MetaGradientPositions<At extends Place> = [
  ...BatchPositions<At>,
  params: At["doubles"],
  coefficients: Maybe<At["floats"]>,
  result: At["bytes"],
];

export type AlignmentWeightsPositions<At extends Place> = [
  ...BatchPositions<At>,
  tangents: At["logits"],
  alignments: Maybe<At["floats"]>,
  weights: Maybe<At["floats"]>,
  result: At["bytes"],
];

const lossNames = [
  "cross-entropy",
  "focal",
  "label-smoothing",
  "binary",
  "multi-label",
  "regression",
] as const;
type LossName = (typeof lossNames)[number];

export const lossName = (loss: NativeLoss): LossName =>
  typeof loss === "string" ? loss : isReadable(loss) ? loss.kind : (undefined as never);

/** The values of `lilaw_loss` in lilaw.h. */
export function lossKind(name: LossName): number {
  switch (name) {
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
    default:
      throw expected("INVALID_ARGUMENT", `one of ${lossNames.join(", ")}`, "loss", name);
  }
}

/** gamma, smoothing or range of the loss of this name; 0 where it has none. */
export function lossParameter(name: LossName, loss: NativeLoss): number {
  switch (name) {
    case "focal":
      return (loss as { gamma: number }).gamma;
    case "label-smoothing":
      return (loss as { smoothing: number }).smoothing;
    case "regression":
      return (loss as { range: number }).range;
    default:
      return 0;
  }
}

/** Where the params of a call go in and its scalars come out. */
export interface CallMemory<At extends Place> {
  params(params: At["params"]): At["doubles"];
  readonly result: At["bytes"];
}

// The objects of a caller are read once, and all of them before anything is written to the memory of the
// call: a getter may make a call of its own, on the same memory.

/** Calls a form of weightedLoss. An array of the arguments in between would cost more than a small kernel. */
export function placeWeightedLoss<At extends Place, R>(
  call: (...args: WeightedLossPositions<At>) => R,
  args: WeightedLossArgsAt<At>,
  out: WeightedLossOutputsAt<At>,
  memory: CallMemory<At>,
): R {
  const { logits, labels, classes, loss, params, gradient, normalize, sampleWeights } = object(args, "args");
  const { losses, weights, labelProbs, maxProbs, predictions, terms, gradLogits } = object(out, "out");
  const alpha = terms?.alpha;
  const beta = terms?.beta;
  const delta = terms?.delta;
  const name = lossName(loss);
  const parameter = lossParameter(name, loss);
  const rows = rowsOf(logits, classes);
  const { result } = memory;
  return call(
    rows,
    classes,
    lossKind(name),
    parameter,
    logits,
    labels,
    params && memory.params(params),
    gradient === "full" ? 0 : 1,
    normalize === "none" ? 0 : 1,
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
    result,
  );
}

export function placeMetaGradient<At extends Place, R>(
  call: (...args: MetaGradientPositions<At>) => R,
  args: MetaGradientArgsAt<At>,
  memory: CallMemory<At>,
): R {
  const { logits, labels, classes, loss, params, coefficients } = object(args, "args");
  const name = lossName(loss);
  const parameter = lossParameter(name, loss);
  const rows = rowsOf(logits, classes);
  const { result } = memory;
  return call(
    rows,
    classes,
    lossKind(name),
    parameter,
    logits,
    labels,
    memory.params(params),
    coefficients,
    result,
  );
}

export function placeAlignmentWeights<At extends Place, R>(
  call: (...args: AlignmentWeightsPositions<At>) => R,
  args: AlignmentWeightsArgsAt<At>,
  out: AlignmentWeightsOutputsAt<At>,
  memory: CallMemory<At>,
): R {
  const { logits, labels, classes, loss, tangents } = object(args, "args");
  const { alignments, weights } = object(out, "out");
  const name = lossName(loss);
  const parameter = lossParameter(name, loss);
  const rows = rowsOf(logits, classes);
  const { result } = memory;
  return call(
    rows,
    classes,
    lossKind(name),
    parameter,
    logits,
    labels,
    tangents,
    alignments,
    weights,
    result,
  );
}

/** Not whole where the logits are none, or do not divide by the classes, which the addon refuses. */
function rowsOf(logits: { readonly length: number } | undefined, classes: number): number {
  if (typeof classes !== "number") throw expected("INVALID_ARGUMENT", "a number", "classes", classes);
  const length = lengthOf(logits);
  return typeof length === "number" ? length / classes : Number.NaN;
}

/** Of typed arrays, whatever their own properties say. */
const typedLength = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Float32Array.prototype), "length")!
  .get!;

/** Undefined for anything that has none, such as a proxy of a typed array. */
function lengthOf(logits: { readonly length: number } | undefined): number | undefined {
  try {
    return ArrayBuffer.isView(logits) ? typedLength.call(logits) : logits?.length;
  } catch {
    return undefined;
  }
}

const everyObject: object = {};

/** An object, unless it is a proxy that answers nothing any more. */
function isReadable(value: unknown): value is object {
  try {
    return typeof value === "object" && value !== null && Object.getPrototypeOf(value) !== undefined;
  } catch {
    return false;
  }
}

/** An object of arguments, without the names that all objects share. */
export function object<T extends object>(value: T, name: string): T {
  if (!isReadable(value)) throw expected("INVALID_ARGUMENT", "an object", name, value);
  // A name that was put on Object.prototype is one of every object, and no argument.
  for (const _ in everyObject) return Object.assign(Object.create(null), value);
  return value;
}
