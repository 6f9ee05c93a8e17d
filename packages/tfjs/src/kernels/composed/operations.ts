/**
 * The three operations composed of tfjs operations, for backends whose tensors cannot be read synchronously. Same
 * results as @lilaw/core to float32 rounding. A NaN or infinite logit makes its row NaN, as there, and so does a label
 * that does not fit.
 */
import type { GradientMode, LilawParams, Loss, Normalize, TransitionMatrix } from "@lilaw/core";
import * as tf from "@tensorflow/tfjs-core";
import { fitting, type RowLoss, rowLoss } from "./row-loss.js";

/** The weights of all rows with their terms and derivatives, each [B]. */
interface RowWeights {
  readonly alpha: tf.Tensor;
  readonly beta: tf.Tensor;
  readonly delta: tf.Tensor;
  readonly total: tf.Tensor1D;
  readonly byLabelProb: tf.Tensor1D;
  readonly byMaxProb: tf.Tensor1D;
  readonly byAlpha: tf.Tensor;
  readonly byBeta: tf.Tensor;
  readonly byDelta: tf.Tensor;
}

/** alpha, beta and delta plus their change. */
function scalarsOf({ alpha, beta, delta }: LilawParams, moved: tf.Tensor1D | undefined) {
  const start = [alpha, beta, delta];
  const scalars = moved === undefined ? start : tf.split(tf.add(moved, start), 3);
  return scalars as [tf.Tensor1D | number, tf.Tensor1D | number, tf.Tensor1D | number];
}

function rowWeights(
  { labelProb: u, maxProb: v, weighted }: RowLoss,
  params: LilawParams,
  moved: tf.Tensor1D | undefined,
): RowWeights {
  const scalars = scalarsOf(params, moved);
  const [a, b, d] = scalars.map((p) => tf.sub(tf.mul(p, u), v)) as [tf.Tensor1D, tf.Tensor1D, tf.Tensor1D];
  const only = (x: tf.Tensor): tf.Tensor1D => tf.mul(x, weighted);
  const alpha = only(tf.sigmoid(a));
  const beta = only(tf.sigmoid(tf.neg(b)));
  const delta = only(tf.exp(tf.mul(-0.5, tf.square(d))));
  const slopeAlpha = tf.mul(alpha, tf.sigmoid(tf.neg(a)));
  const slopeBeta = tf.mul(beta, tf.sigmoid(b));
  const slopeDelta = tf.mul(d, delta);
  const total = tf.add(tf.addN([alpha, beta, delta]), tf.sub(1, weighted)) as tf.Tensor1D;
  const byLabelProb = tf.addN([
    tf.mul(scalars[0], slopeAlpha),
    tf.neg(tf.mul(scalars[1], slopeBeta)),
    tf.neg(tf.mul(scalars[2], slopeDelta)),
  ]) as tf.Tensor1D;
  const byMaxProb = tf.addN([tf.neg(slopeAlpha), slopeBeta, slopeDelta]) as tf.Tensor1D;
  return {
    alpha,
    beta,
    delta,
    total,
    byLabelProb,
    byMaxProb,
    byAlpha: tf.mul(slopeAlpha, u),
    byBeta: tf.neg(tf.mul(slopeBeta, u)),
    byDelta: tf.neg(tf.mul(slopeDelta, u)),
  };
}

/** 1 for rows whose values are all finite and whose label fits, [B]. */
function validRows(values: tf.Tensor2D, labels: tf.Tensor, loss: Loss, classes: number): tf.Tensor1D {
  const finite = tf.all(tf.isFinite(values), 1);
  return tf.cast(tf.logicalAnd(finite, fitting(labels, loss, classes)), "float32");
}

/** Zeros in place of the other rows, whose NaN would spread through sums even with a factor of 0. */
function onlyValid<T extends tf.Tensor>(valid: tf.Tensor1D, x: T): T {
  const shape = x.shape.map((size, axis) => (axis === 0 ? size : 1));
  return tf.where(tf.cast(tf.reshape(valid, shape), "bool"), x, tf.zerosLike(x)) as T;
}

const nanWhereNot = (valid: tf.Tensor, x: tf.Tensor): tf.Tensor =>
  tf.where(tf.cast(valid, "bool"), x, tf.fill(x.shape, Number.NaN));

export interface ComposedWeightedLoss {
  /** Scalar */
  objective: tf.Scalar;
  gradLogits: tf.Tensor2D;
  /** Each [B]; `terms` with params only */
  losses: tf.Tensor1D;
  weights: tf.Tensor1D;
  labelProbs: tf.Tensor1D;
  maxProbs: tf.Tensor1D;
  predictions: tf.Tensor1D;
  terms: { alpha: tf.Tensor; beta: tf.Tensor; delta: tf.Tensor } | undefined;
}

export function weightedLoss(
  logits: tf.Tensor2D,
  labels: tf.Tensor,
  options: {
    loss: Loss;
    transition?: TransitionMatrix | null | undefined;
    params: LilawParams | null;
    gradient: GradientMode;
    normalize: Normalize;
    sampleWeights: tf.Tensor1D | undefined;
    moved: tf.Tensor1D | undefined;
  },
): ComposedWeightedLoss {
  const count = logits.shape[0];
  const valid = validRows(logits, labels, options.loss, logits.shape[1]);
  const rows = rowLoss(onlyValid(valid, logits), onlyValid(valid, labels), options.loss, options.transition);
  const w = options.params === null ? undefined : rowWeights(rows, options.params, options.moved);
  const total = w?.total ?? tf.ones<tf.Rank.R1>([count]);
  const factor = options.sampleWeights ?? tf.ones<tf.Rank.R1>([count]);

  const normalized = options.normalize === "batch-mean" && w !== undefined;
  const weightSum = tf.sum(tf.mul(total, valid));
  const meanWeight = normalized ? tf.div(weightSum, tf.sum(valid)) : tf.scalar(1);
  const weighted = tf.mul(factor, tf.mul(total, rows.loss));
  const pull = normalized ? tf.div(tf.sum(tf.mul(weighted, valid)), weightSum) : tf.scalar(0);

  const scale = tf.reciprocal(tf.mul(count, meanWeight));
  const byWeight = tf.mul(scale, tf.sub(tf.mul(factor, rows.loss), pull));
  const full = options.gradient === "full" && w !== undefined;
  const none = tf.zerosLike(rows.loss);
  const gradient = rows.gradient(
    tf.mul(scale, tf.mul(factor, total)) as tf.Tensor1D,
    full ? tf.mul(byWeight, w.byLabelProb) : none,
    full ? tf.mul(byWeight, w.byMaxProb) : none,
  );
  const mark = <T extends tf.Tensor>(x: T): T => nanWhereNot(valid, x) as T;
  return {
    objective: tf.mean(mark(tf.div(weighted, meanWeight))) as tf.Scalar,
    gradLogits: nanWhereNot(tf.broadcastTo(tf.expandDims(valid, 1), logits.shape), gradient) as tf.Tensor2D,
    losses: mark(rows.loss),
    weights: mark(tf.div(total, meanWeight) as tf.Tensor1D),
    labelProbs: mark(rows.labelProb),
    maxProbs: mark(rows.maxProb),
    predictions: tf.where(
      tf.cast(valid, "bool"),
      rows.prediction,
      tf.fill([count], -1, "int32"),
    ) as tf.Tensor1D,
    terms: w && { alpha: mark(w.alpha), beta: mark(w.beta), delta: mark(w.delta) },
  };
}

/** [alpha, beta, delta, objective, number of rows that are not valid] */
export function metaGradient(
  logits: tf.Tensor2D,
  labels: tf.Tensor,
  options: {
    loss: Loss;
    transition?: TransitionMatrix | null | undefined;
    params: LilawParams;
    coefficients: tf.Tensor1D | undefined;
    moved: tf.Tensor1D | undefined;
  },
): tf.Tensor1D {
  const valid = validRows(logits, labels, options.loss, logits.shape[1]);
  const rows = rowLoss(logits, labels, options.loss, options.transition);
  const w = rowWeights(rows, options.params, options.moved);
  const coefficients = nanWhereNot(valid, options.coefficients ?? rows.loss);
  const mean = (by: tf.Tensor) => tf.mean(tf.mul(coefficients, by));
  return tf.stack([
    ...[w.byAlpha, w.byBeta, w.byDelta, w.total].map(mean),
    tf.sum(tf.sub(1, valid)),
  ]) as tf.Tensor1D;
}

export function alignmentWeights(
  logits: tf.Tensor2D,
  tangents: tf.Tensor2D,
  labels: tf.Tensor,
  loss: Loss,
  transition: TransitionMatrix | null | undefined,
): { alignments: tf.Tensor1D; weights: tf.Tensor1D } {
  const valid = validRows(tf.concat([logits, tangents], 1), labels, loss, logits.shape[1]);
  const rows = rowLoss(onlyValid(valid, logits), onlyValid(valid, labels), loss, transition);
  const none = tf.zerosLike(rows.loss);
  const gradient = rows.gradient(tf.onesLike(rows.loss), none, none);
  const alignments = tf.sum(tf.mul(gradient, onlyValid(valid, tangents)), 1) as tf.Tensor1D;
  const positive = tf.relu(alignments);
  return {
    alignments: nanWhereNot(valid, alignments) as tf.Tensor1D,
    weights: nanWhereNot(valid, tf.divNoNan(positive, tf.sum(positive))) as tf.Tensor1D,
  };
}
