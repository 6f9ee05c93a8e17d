import type { LilawParams } from "@lilaw/core";
import * as tf from "@tensorflow/tfjs-core";
import { type RowValueName, rowValueNames } from "../kernels/contract.js";
import { internals, type ModelInternals, trainableVariables } from "../model/internals.js";
import { rowOf, type WeightedLossTensorOptions, weightedLossTensors } from "../operations/weighted-loss.js";
import type { BatchRecord, TrainBatch, TrainingContext } from "./weighting.js";

type GradientOptions = { gradient?: "full" | "detached"; normalize?: "none" | "batch-mean" };

/** The training forward pass of a step, with what weighs its rows. */
export interface WeighedLogits {
  logits: tf.Tensor2D;
  /** LiLAW's scalars, for weights that are a function of the logits. Default null: none */
  params?: LilawParams | null;
  /** [3], what they have moved since */
  moved?: tf.Tensor1D | undefined;
  /** [B], factors on the row losses */
  weights?: tf.Tensor1D | undefined;
}

/** One optimizer step on the weighted mean of the row losses of the logits. */
export function stepOnLogits(
  context: TrainingContext,
  batch: TrainBatch,
  forward: () => WeighedLogits = () => ({ logits: context.head!.forward(batch.xs, true) }),
  options: GradientOptions = {},
): tf.Scalar[] {
  const { head } = context;
  return step(context, batch, () => {
    const { logits, params = null, moved, weights } = forward();
    const sampleWeights = product(weights, batch.sampleWeights);
    const objective = lossOnLogits(
      context,
      batch,
      logits,
      { ...options, params, moved, sampleWeights },
      weights,
    );
    return { objective, outputs: () => head!.activate(logits) };
  });
}

/** One optimizer step on the loss the model was compiled with, each row times its weight. */
export function stepOnModelLoss(
  context: TrainingContext,
  batch: TrainBatch,
  methodWeights?: () => tf.Tensor1D,
): tf.Scalar[] {
  return step(context, batch, () => {
    const weights = methodWeights?.();
    const result = context.modelLoss(batch.xs, batch.y, product(weights, batch.sampleWeights));
    if (context.record !== undefined) lossOnLogits(context, batch, result.logits!, { params: null }, weights);
    return result;
  });
}

/** The weighted loss of a batch, whose row values `record` gets if there is one. */
function lossOnLogits(
  { loss, record, readback }: TrainingContext,
  batch: TrainBatch,
  logits: tf.Tensor2D,
  options: GradientOptions & Pick<WeightedLossTensorOptions, "params" | "moved" | "sampleWeights">,
  methodWeights: tf.Tensor1D | undefined,
): tf.Scalar {
  const names = record === undefined ? [] : rowValueNames.slice(0, options.params === null ? -3 : undefined);
  const settings = { ...options, labels: batch.labels!, loss };
  const { objective, rowValues } = weightedLossTensors(logits, settings, names);
  if (rowValues !== undefined) {
    const read = methodWeights === undefined ? [rowValues] : [rowValues, methodWeights.clone()];
    readback.read(read, (values, own) => record!(recordOf(batch, names, values!, own)));
  }
  return objective;
}

/** Seeds the step's dropout masks, then gradient, optimizer and metrics, as the model's own train function does. */
function step(
  { model, stochastic, optimizer, readback }: TrainingContext,
  batch: TrainBatch,
  forward: () => { objective: tf.Scalar; outputs: () => tf.Tensor },
): tf.Scalar[] {
  const metrics: tf.Scalar[] = [];
  stochastic.seedStep(batch.epoch, batch.step);
  const variables = trainableVariables(model);
  let value: tf.Scalar | undefined;
  try {
    const result = tf.variableGrads(() => {
      const { objective, outputs } = forward();
      const { metricsTensors } = internals(model);
      if (metricsTensors.length > 0) addMetrics(metrics, metricsTensors, batch.y, outputs());
      return model.calculateLosses().reduce((sum, penalty) => tf.add(sum, penalty), objective);
    }, variables);
    value = result.value;
    optimizer.apply(variables.map(({ name }) => ({ name, tensor: result.grads[name] })));
    tf.dispose(result.grads);
    readback.stepDone();
    return [value, ...metrics];
  } catch (error) {
    tf.dispose([value, ...metrics] as tf.Tensor[]);
    disposeTape();
    throw error;
  }
}

/** The tensors that a failed gradient leaves behind: tfjs keeps them for a backward pass that never comes. */
function disposeTape(): void {
  const { activeTape } = tf.engine().state;
  for (const { saved } of activeTape ?? []) tf.dispose(saved as tf.Tensor[]);
}

/** One after the other: those before one that throws are disposed with the step. */
function addMetrics(
  values: tf.Scalar[],
  metrics: ModelInternals["metricsTensors"],
  y: tf.Tensor,
  outputs: tf.Tensor,
): void {
  for (const [metric] of metrics) values.push(tf.keep(tf.mean(metric(y, outputs))) as tf.Scalar);
}

function product(a: tf.Tensor1D | undefined, values: Float32Array | undefined): tf.Tensor1D | undefined {
  const b = values && tf.tensor1d(values);
  return a !== undefined && b !== undefined ? tf.mul(a, b) : (a ?? b);
}

/** @param weights those of the method, where they are not the row values' own */
function recordOf(
  { epoch, step, rows }: TrainBatch,
  names: readonly RowValueName[],
  rowValues: Float32Array,
  weights: Float32Array | undefined,
): BatchRecord {
  const [losses, own, labelProbs, maxProbs, predictions, alpha, beta, delta] = names.map((_, i) =>
    rowOf(rowValues, i, names.length),
  ) as [Float32Array, Float32Array, Float32Array, Float32Array, Float32Array, ...Float32Array[]];
  return {
    ...{ epoch, step, rows, losses, labelProbs, maxProbs },
    weights: weights ?? own,
    predictions: Int32Array.from(predictions),
    ...(alpha && beta && delta && { terms: { alpha, beta, delta } }),
  };
}
