/**
 * The three operations as tfjs kernels: the same names, inputs, attributes and outputs on every backend. Inputs are
 * tensors, attributes plain values; the backends differ in where they compute.
 *
 * | kernel | inputs | outputs |
 * | --- | --- | --- |
 * | LilawWeightedLoss | logits [B, C], labels, sampleWeights [B], moved [3] or absent | objective [], gradLogits [B, C], rowValues [n, B] if n > 0 |
 * | LilawMetaGradient | logits [M, C], labels, coefficients [M], moved [3] or absent | values [5, 2] |
 * | LilawAlignmentWeights | logits [B, C], tangents [B, C], labels | alignments [B], weights [B] |
 *
 * Labels are int32 for class losses and binary, float32 for multi-label [B, C] and regression [B]. `values` holds the
 * partials by alpha, beta and delta, the objective and the number of non-finite rows, each as the sum of two floats
 * (high part, low part). `moved` is the change of alpha, beta and delta since the values in `params`, to which it is added: for
 * scalars that are learnt on the device.
 */
import type { GradientMode, LilawParams, Loss, Normalize, TransitionMatrix } from "@lilaw/core";
import type * as tf from "@tensorflow/tfjs-core";

/** The name of each kernel in tfjs's registry, and of its op in TensorFlow's. */
export const kernelNames = {
  weightedLoss: "LilawWeightedLoss",
  metaGradient: "LilawMetaGradient",
  alignmentWeights: "LilawAlignmentWeights",
} as const satisfies Record<keyof Kernels, string>;

/** Rows that `rowValues` may hold, in this order. */
export const rowValueNames = [
  "losses",
  "weights",
  "labelProbs",
  "maxProbs",
  "predictions",
  "alpha",
  "beta",
  "delta",
] as const;

export type RowValueName = (typeof rowValueNames)[number];

interface BatchAttributes {
  readonly loss: Loss;
  /** For losses of the label probability */
  readonly transition?: TransitionMatrix | null | undefined;
}

export interface WeightedLossAttributes extends BatchAttributes {
  readonly params: LilawParams | null;
  readonly gradient: GradientMode;
  readonly normalize: Normalize;
  /** Which row values to compute, a subset of {@link rowValueNames} in its order */
  readonly rowValues: readonly RowValueName[];
}

export interface MetaGradientAttributes extends BatchAttributes {
  readonly params: LilawParams;
}

export type AlignmentWeightsAttributes = BatchAttributes;

export interface WeightedLossInputs {
  logits: tf.TensorInfo;
  labels: tf.TensorInfo;
  sampleWeights?: tf.TensorInfo;
  moved?: tf.TensorInfo;
}

export interface MetaGradientInputs {
  logits: tf.TensorInfo;
  labels: tf.TensorInfo;
  coefficients?: tf.TensorInfo;
  moved?: tf.TensorInfo;
}

export interface AlignmentWeightsInputs {
  logits: tf.TensorInfo;
  tangents: tf.TensorInfo;
  labels: tf.TensorInfo;
}

/** There is one tensor of row values, or none where no row values are asked for. */
export type WeightedLossResult = [objective: tf.Scalar, gradLogits: tf.Tensor2D, ...rowValues: tf.Tensor[]];

export type MetaGradientResult = [values: tf.Tensor2D];

export type AlignmentWeightsResult = [alignments: tf.Tensor1D, weights: tf.Tensor1D];

/** One implementation of the kernels. All outputs are new tensors, which the caller disposes. */
export interface Kernels {
  weightedLoss(inputs: WeightedLossInputs, attributes: WeightedLossAttributes): WeightedLossResult;
  metaGradient(inputs: MetaGradientInputs, attributes: MetaGradientAttributes): MetaGradientResult;
  alignmentWeights(
    inputs: AlignmentWeightsInputs,
    attributes: AlignmentWeightsAttributes,
  ): AlignmentWeightsResult;
}

/** A number as two floats whose sum has twice the digits of one float; infinite beyond the range of floats. */
export function split(value: number): [high: number, low: number] {
  const high = Math.fround(value);
  return [high, Number.isFinite(high) ? value - high : 0];
}

/** The scalars in `params` plus their change. */
export function movedBy(params: LilawParams, moved: ArrayLike<number> | undefined): LilawParams {
  if (moved === undefined) return params;
  const [alpha, beta, delta] = Array.from(moved) as [number, number, number];
  return { alpha: params.alpha + alpha, beta: params.beta + beta, delta: params.delta + delta };
}
