/**
 * The backend contract: the functions that a set of kernels must provide for the methods of this package.
 *
 * Three operations, nothing else. Arguments arrive validated (see `operations/`): lengths agree, labels are in
 * range, outputs do not overlap inputs in part. A backend writes exactly the outputs it is given and returns
 * the scalars. It must be deterministic: same input, same bits.
 */

import type { GradientMode, Loss, Normalize } from "./losses.js";
import type { TransitionMatrix } from "./transition-matrix.js";

/** Host arrays of logits, tangents and real-valued results. */
export type FloatArray = Float32Array | Float64Array;

/**
 * Labels of a batch of B samples and C classes:
 * - class losses: `Int32Array` [B], each in [0, C)
 * - `"binary"`: `Int32Array` [B], each 0 or 1
 * - `"multi-label"`: [B*C], each 0 or 1
 * - regression: targets [B], finite
 */
export type Labels = Int32Array | Uint8Array | FloatArray;

/** The three learnable scalars of LiLAW (arXiv 2509.20786). */
export interface LilawParams {
  readonly alpha: number;
  readonly beta: number;
  readonly delta: number;
}

export interface Batch {
  /** Row-major [B, C]; [B] for binary and regression. */
  readonly logits: FloatArray;
  readonly labels: Labels;
  readonly classes: number;
  readonly loss: Loss;
  /** Probabilities of observed labels by true class; for losses that are a function of the label probability */
  readonly transition: TransitionMatrix | null;
}

export interface WeightedLossArgs extends Batch {
  /** `null`: every weight is 1, the plain loss (warm-up). */
  readonly params: LilawParams | null;
  readonly gradient: GradientMode;
  readonly normalize: Normalize;
  /** [B], a factor on each row's loss, from outside the method. */
  readonly sampleWeights?: FloatArray | undefined;
}

/** The three terms of a LiLAW weight, each [B]. */
export interface WeightTerms<A extends FloatArray = FloatArray> {
  readonly alpha: A;
  readonly beta: A;
  readonly delta: A;
}

/** Output arrays; those left out are not computed. `gradLogits` may be the logits array itself (in place). */
export interface WeightedLossOutputs<A extends FloatArray = FloatArray> {
  /** [B], the unweighted loss of each row */
  readonly losses?: A;
  /** [B], the weight W of each row */
  readonly weights?: A;
  /** [B], u: the probability of the observed label, under the transition matrix if there is one */
  readonly labelProbs?: A;
  /** [B], v: the largest probability */
  readonly maxProbs?: A;
  /** [B], index of the largest logit, the lowest on ties; -1 in a non-finite row */
  readonly predictions?: Int32Array;
  /** W_alpha, W_beta, W_delta; needs `params` */
  readonly terms?: WeightTerms<A>;
  /** [B, C], gradient of the objective */
  readonly gradLogits?: A;
}

export interface WeightedLossScalars {
  /** (1/B) sum of sampleWeight * W * loss; NaN if any row is not finite */
  objective: number;
  /** Gradient of the objective on alpha, beta and delta: 0 without `params`, NaN if any row is not finite */
  gradParams: LilawParams;
  /** Number of rows with a NaN or infinite logit. Their outputs are NaN; other rows are not affected. */
  nonFiniteRows: number;
}

export interface MetaGradientArgs extends Batch {
  readonly params: LilawParams;
  /** [M], in place of the row losses: other meta-objectives */
  readonly coefficients?: FloatArray | undefined;
}

export interface MetaGradient {
  /** Partial derivative of the objective by alpha, >= 0 for non-negative losses */
  alpha: number;
  /** … by beta, <= 0 */
  beta: number;
  /** … by delta, any sign */
  delta: number;
  /** The weighted validation objective (1/M) sum W * loss */
  objective: number;
  nonFiniteRows: number;
}

export interface AlignmentWeightsArgs extends Batch {
  /** [B, C], change of the logits along the validation gradient */
  readonly tangents: FloatArray;
}

export interface AlignmentWeightsOutputs<A extends FloatArray = FloatArray> {
  /** [B], inner product of each row's loss gradient with the validation gradient */
  readonly alignments?: A;
  /** [B], max(0, alignment) over its sum; all 0 when no alignment is positive */
  readonly weights?: A;
}

export interface AlignmentWeightsScalars {
  nonFiniteRows: number;
}

export type BackendName = "cuda" | "cpu" | "reference";

export interface Backend {
  readonly name: BackendName;
  weightedLoss(args: WeightedLossArgs, out: WeightedLossOutputs): WeightedLossScalars;
  metaGradient(args: MetaGradientArgs): MetaGradient;
  alignmentWeights(args: AlignmentWeightsArgs, out: AlignmentWeightsOutputs): AlignmentWeightsScalars;
}
