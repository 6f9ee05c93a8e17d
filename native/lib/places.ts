/**
 * The arguments of the operations, each described once for both places that arrays can be in: what people pass, and
 * the positions in which the addon takes it. Positions, not names: reading an object in C++ would cost more than a
 * small kernel.
 */
import type { DeviceBuffer } from "./device.js";

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

export type DeviceLogits = DeviceBuffer<"float32" | "float16" | "bfloat16">;

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

/** The same on the device. */
export interface OnDevice {
  logits: DeviceLogits;
  labels: DeviceBuffer<"int32" | "uint8" | "float32">;
  floats: DeviceBuffer<"float32">;
  integers: DeviceBuffer<"int32">;
  params: DeviceBuffer<"float64">;
  doubles: DeviceBuffer<"float64">;
  bytes: DeviceBuffer<"uint8">;
}

type Place = OnHost | OnDevice;

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

/** gamma, smoothing or range; 0 where the loss has none. */
export function lossParameter(loss: NativeLoss): number {
  if (typeof loss === "string") return 0;
  if (loss.kind === "focal") return loss.gamma;
  return loss.kind === "label-smoothing" ? loss.smoothing : loss.range;
}

/** Calls a form of weightedLoss. An array of the arguments in between would cost more than a small kernel. */
export function placeWeightedLoss<At extends Place, R>(
  call: (...args: WeightedLossPositions<At>) => R,
  args: WeightedLossArgsAt<At>,
  out: WeightedLossOutputsAt<At>,
  params: At["doubles"] | null,
  result: At["bytes"],
): R {
  const { logits, labels, classes, loss } = args;
  return call(
    logits.length / classes,
    classes,
    lossKind(loss),
    lossParameter(loss),
    logits,
    labels,
    params,
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
    result,
  );
}

export function placeMetaGradient<At extends Place, R>(
  call: (...args: MetaGradientPositions<At>) => R,
  args: MetaGradientArgsAt<At>,
  params: At["doubles"],
  result: At["bytes"],
): R {
  const { logits, labels, classes, loss } = args;
  return call(
    logits.length / classes,
    classes,
    lossKind(loss),
    lossParameter(loss),
    logits,
    labels,
    params,
    args.coefficients,
    result,
  );
}

export function placeAlignmentWeights<At extends Place, R>(
  call: (...args: AlignmentWeightsPositions<At>) => R,
  args: AlignmentWeightsArgsAt<At>,
  out: AlignmentWeightsOutputsAt<At>,
  result: At["bytes"],
): R {
  const { logits, labels, classes, loss } = args;
  return call(
    logits.length / classes,
    classes,
    lossKind(loss),
    lossParameter(loss),
    logits,
    labels,
    args.tangents,
    out.alignments,
    out.weights,
    result,
  );
}
