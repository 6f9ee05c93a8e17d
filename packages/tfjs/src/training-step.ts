import { expected, type LilawParams } from "@lilaw/core";
import * as tf from "@tensorflow/tfjs-core";
import type { LayersModel } from "@tensorflow/tfjs-layers";
import { internals, type ModelInternals } from "./model-internals.js";
import { weightedLoss } from "./operations/weighted-loss.js";
import type { BatchRecord, TrainBatch, TrainingContext } from "./weighting.js";

type GradientOptions = { gradient?: "full" | "detached"; normalize?: "none" | "batch-mean" };

/** The optimizer's variables. */
export function trainableVariables(model: LayersModel): tf.Variable[] {
  return internals(model).collectedTrainableWeights.map((weight) => weight.read() as tf.Variable);
}

/** The training forward pass of a step, with the weights a method gives to its rows. */
export interface WeighedLogits {
  logits: tf.Tensor2D;
  /** [B], where they are not a function of the logits alone */
  weights?: Float32Array | undefined;
}

/**
 * One optimizer step on a weighted loss of the logits (or, with `params` null and weights from `forward`, on the
 * weighted mean of the row losses).
 */
export function stepOnLogits(
  context: TrainingContext,
  batch: TrainBatch,
  params: LilawParams | null,
  options: GradientOptions = {},
  forward: () => WeighedLogits = () => ({ logits: context.head!.forward(batch.xs, true) }),
): tf.Scalar[] {
  const { head, loss } = context;
  return step(context, batch, () => {
    const { logits, weights } = forward();
    const sampleWeights = product(weights, batch.sampleWeights);
    const values = context.record === undefined ? undefined : newValues(batch.size, params !== null);
    const objective = weightedLoss(
      logits,
      { ...options, labels: batch.labels!, loss, params, sampleWeights },
      values,
    );
    if (values !== undefined) {
      const { epoch, step, rows } = batch;
      context.record!({ epoch, step, rows, ...values, weights: weights ?? values.weights });
    }
    return { objective, outputs: () => head!.activate(logits) };
  });
}

/** One optimizer step on the loss the model was compiled with, each row times its weight. */
export function stepOnModelLoss(
  context: TrainingContext,
  batch: TrainBatch,
  methodWeights?: Float32Array,
): tf.Scalar[] {
  const weights = product(methodWeights, batch.sampleWeights);
  return step(context, batch, () => {
    const input = batch.xs.length === 1 ? batch.xs[0]! : batch.xs;
    const outputs = context.model.apply(input, { training: true }) as tf.Tensor;
    const losses = internals(context.model).lossFunctions[0]!(batch.y, outputs);
    const objective = weights === undefined ? tf.mean(losses) : weightedMean(losses, weights);
    return { objective: objective as tf.Scalar, outputs: () => outputs };
  });
}

function weightedMean(losses: tf.Tensor, weights: Float32Array): tf.Tensor {
  if (losses.rank === 0) {
    throw expected(
      "INVALID_ARGUMENT",
      "a loss per sample (sample weights need it)",
      "the model's loss",
      "a scalar",
    );
  }
  const perRow = losses.rank === 1 ? losses : tf.mean(tf.reshape(losses, [weights.length, -1]), 1);
  return tf.mean(tf.mul(perRow, tf.tensor1d(weights)));
}

/** Seeds the step's dropout masks, then gradient, optimizer and metrics, as the model's own train function does. */
function step(
  { model, stochastic, optimizer }: TrainingContext,
  batch: TrainBatch,
  forward: () => { objective: tf.Scalar; outputs: () => tf.Tensor },
): tf.Scalar[] {
  const metrics: tf.Scalar[] = [];
  stochastic.seedStep(batch.epoch, batch.step);
  const variables = trainableVariables(model);
  const { value, grads } = tf.variableGrads(() => {
    const { objective, outputs } = forward();
    const { metricsTensors } = internals(model);
    if (metricsTensors.length > 0) metrics.push(...metricsOf(metricsTensors, batch.y, outputs()));
    return model.calculateLosses().reduce((sum, penalty) => tf.add(sum, penalty), objective);
  }, variables);
  optimizer.apply(variables.map(({ name }) => ({ name, tensor: grads[name] })));
  tf.dispose(grads);
  return [value, ...metrics];
}

function metricsOf(metrics: ModelInternals["metricsTensors"], y: tf.Tensor, outputs: tf.Tensor): tf.Scalar[] {
  return metrics.map(([metric]) => tf.keep(tf.mean(metric(y, outputs))) as tf.Scalar);
}

function product(a: Float32Array | undefined, b: Float32Array | undefined): Float32Array | undefined {
  return a !== undefined && b !== undefined ? a.map((value, i) => value * b[i]!) : (a ?? b);
}

function newValues(size: number, withTerms: boolean): Omit<BatchRecord, "epoch" | "step" | "rows"> {
  const floats = () => new Float32Array(size);
  return {
    losses: floats(),
    labelProbs: floats(),
    maxProbs: floats(),
    weights: floats(),
    predictions: new Int32Array(size),
    ...(withTerms ? { terms: { alpha: floats(), beta: floats(), delta: floats() } } : {}),
  };
}
