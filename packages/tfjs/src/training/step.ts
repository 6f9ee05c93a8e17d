import {
  expected,
  type LabelMargins,
  type Loss,
  labelMargins,
  losses,
  type TransitionMatrix,
} from "@lilaw/core";
import * as tf from "@tensorflow/tfjs-core";
import type { LayersModel } from "@tensorflow/tfjs-layers";
import { type RowValueName, rowValueNames } from "../kernels/contract.js";
import type { ModelLoss } from "../model/compiled-loss.js";
import type { Head } from "../model/head.js";
import { internals, type ModelInternals, trainableVariables } from "../model/internals.js";
import type { StochasticLayers } from "../model/stochastic-layers.js";
import { checkTensor } from "../operations/check-tensor.js";
import { transitionOf } from "../operations/labels.js";
import { rowOf, type WeightedLossTensorOptions, weightedLossTensors } from "../operations/weighted-loss.js";
import type { ApplyGradients } from "../patches/optimizer-step.js";
import { trueFloats } from "../patches/true-floats.js";
import type { Readback } from "./readback.js";
import type { BatchRecord, GradientOptions, LogitsBatch, TrainBatch, WeighedLogits } from "./weighting.js";

/** The logits of a model, and a loss on them of labels that came about by a transition matrix, if there is one. */
export interface LossOnLogits {
  readonly head: Head;
  readonly loss: Loss;
  readonly transition: TransitionMatrix | null;
}

/** The parts of a training that its steps use. */
export interface StepParts {
  readonly model: LayersModel;
  readonly modelLoss: ModelLoss;
  readonly stochastic: StochasticLayers;
  readonly optimizer: ApplyGradients;
  readonly record: ((record: BatchRecord) => void) | undefined;
  readonly readback: Readback;
}

/** See `LogitsContext.stepOnLogits`. */
export function stepOnLogits(
  parts: StepParts,
  { head, loss, transition }: LossOnLogits,
  batch: LogitsBatch,
  forward: () => WeighedLogits = () => ({ logits: head.forward(batch.xs, true) }),
  options: GradientOptions = {},
): tf.Scalar[] {
  return step(parts, batch, () => {
    const { logits, params = null, moved, ...given } = forward();
    checkFloats("logits", logits, [batch.size, head.units]);
    const weights = checkedWeights(given.weights, batch);
    const sampleWeights = product(weights, batch.sampleWeights);
    const own = options.transition && transitionOf(options.transition, loss, head.units, batch.labels);
    const matrix = own === undefined ? transition : own;
    const settings = { ...options, transition: matrix, params, moved, sampleWeights };
    const objective = lossOf(parts, loss, batch, logits, settings, weights);
    return { objective, outputs: () => head.activate(logits) };
  });
}

/**
 * See `TrainingContext.stepOnModelLoss`.
 *
 * @param loss the model's own loss as a loss on its logits, needed for `record`
 */
export function stepOnModelLoss(
  parts: StepParts,
  loss: Loss | undefined,
  batch: TrainBatch,
  given?: tf.Tensor1D,
): tf.Scalar[] {
  return step(parts, batch, () => {
    const weights = checkedWeights(given, batch);
    const result = parts.modelLoss(batch.xs, batch.y, product(weights, batch.sampleWeights));
    if (parts.record !== undefined) {
      lossOf(parts, loss!, batch as LogitsBatch, result.logits!, { params: null }, weights);
    }
    return result;
  });
}

/** The weighted loss of a batch. Its row values go to `record`, if there is one. */
function lossOf(
  { record, readback }: StepParts,
  loss: Loss,
  batch: LogitsBatch,
  logits: tf.Tensor2D,
  options: GradientOptions & Pick<WeightedLossTensorOptions, "params" | "moved" | "sampleWeights">,
  weights: tf.Tensor1D | undefined,
): tf.Scalar {
  const names = record === undefined ? [] : rowValueNames.slice(0, options.params === null ? -3 : undefined);
  const settings = { ...options, labels: batch.labels, loss };
  const { objective, rowValues } = weightedLossTensors(logits, settings, names);
  if (rowValues !== undefined) {
    const read = [rowValues, logits.clone(), ...(weights === undefined ? [] : [weights.clone()])];
    readback.read(read, (values, ownLogits, own) => {
      const found = recordOf(batch, names, values!, own);
      record!({ ...found, ...marginsOf(ownLogits!, batch, loss, found.maxProbs) });
    });
  }
  return objective;
}

/** Absent for losses whose samples have no one class. */
function marginsOf(
  logits: Float32Array,
  { labels, size }: LogitsBatch,
  loss: Loss,
  maxProbs: Float32Array,
): LabelMargins<Float32Array> | undefined {
  const labelType = losses.labelTypeOf(loss);
  if (labelType !== "class" && labelType !== "binary") return undefined;
  return labelMargins({ logits, labels, classes: logits.length / size, loss, maxProbs });
}

/** Seeds the step's dropout masks, then gradient, optimizer and metrics, as the model's own train function does. */
function step(
  { model, stochastic, optimizer }: StepParts,
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
    return [value, ...metrics.map(released)];
  } catch (error) {
    tf.dispose([value, ...metrics] as tf.Tensor[]);
    disposeTape();
    throw error;
  }
}

/** Disposes the tensors that tfjs keeps for a backward pass, after a failed forward pass. */
function disposeTape(): void {
  const { activeTape } = tf.engine().state;
  for (const { saved } of activeTape ?? []) tf.dispose(saved as tf.Tensor[]);
}

/** Adds one value after the other, so that the caller can dispose them where a metric throws. */
function addMetrics(
  values: tf.Scalar[],
  metrics: ModelInternals["metricsTensors"],
  y: tf.Tensor,
  outputs: tf.Tensor,
): void {
  for (const [metric] of metrics) values.push(tf.keep(tf.mean(metric(y, outputs))) as tf.Scalar);
}

/** A tensor with the values of a kept one, for the scope of the caller. */
function released(kept: tf.Scalar): tf.Scalar {
  const value = kept.clone();
  kept.dispose();
  return value;
}

/** The weights of a weighting, checked. */
function checkedWeights(weights: tf.Tensor1D | undefined, { size }: TrainBatch): tf.Tensor1D | undefined {
  if (weights === undefined) return undefined;
  checkFloats("weights", weights, [size]);
  return trueFloats(weights);
}

/** The factors on the row losses: those of the weighting times those of the user. */
function product(a: tf.Tensor1D | undefined, values: Float32Array | undefined): tf.Tensor1D | undefined {
  const b = values && tf.tensor1d(values);
  return a !== undefined && b !== undefined ? tf.mul(a, b) : (a ?? b);
}

/** @throws LilawError `INVALID_ARGUMENT`: tfjs would broadcast one shape and read the bits of another dtype as floats */
function checkFloats(name: string, tensor: tf.Tensor, shape: number[]): void {
  const { dtype, shape: found } = checkTensor(name, tensor);
  if (dtype === "float32" && tf.util.arraysEqual(found, shape)) return;
  const [wanted, received] = [shape, found].map((sizes) => `[${sizes.join(", ")}]`);
  throw expected("INVALID_ARGUMENT", `a float32 tensor ${wanted}`, name, `${dtype} ${received}`);
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
