/**
 * The arguments of the operations, each described once for arrays on the host and on the device: as objects, the form
 * that people write, and by position, the form that the addon takes. Reading an object in C++ would cost more than a
 * small kernel.
 */
/** int32 class indices [rows], uint8 flags [rows * classes] for multi-label, float32 targets [rows] for regression. */
export type NativeLabels = Int32Array | Uint8Array | Float32Array;

/**
 * The name of a loss, or an object with its name as `kind` and its parameters, as in `{ kind: "focal", gamma: 2 }`.
 * Names and parameters are in `load().names.layout.losses`, formulas in `include/lilaw.h`.
 */
export type NativeLoss = string | { readonly kind: string };

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
  /** The params as the addon takes them */
  doubles: Float64Array;
  bytes: Uint8Array;
}

/** The types of arrays in one place: on the host or on the device. */
export type Place = { [Name in keyof OnHost]: object } & { logits: { readonly length: number } };

export interface BatchAt<At extends Place> {
  /** Row-major [rows, classes] */
  readonly logits: At["logits"];
  readonly labels: At["labels"];
  readonly classes: number;
  readonly loss: NativeLoss;
  /**
   * [classes, classes], a transition matrix by observed labels: row y, column k is the probability that a sample of
   * class k is labelled y, in [0, 1]. For losses of u (`ofLabelProb`).
   */
  readonly transition?: At["floats"] | null | undefined;
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
  loss: number | Float64Array,
  logits: At["logits"],
  labels: At["labels"],
  transition: Maybe<At["floats"]>,
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
