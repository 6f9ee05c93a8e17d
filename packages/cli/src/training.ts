import { setImmediate } from "node:timers/promises";
import { crossEntropy, type FitArgs, fit } from "@lilaw/tfjs";
import * as tf from "@tensorflow/tfjs-core";
import type { LayersModel, Logs } from "@tensorflow/tfjs-layers";
import type { RunConfig } from "./config.js";
import type { Unit } from "./documents.js";
import { defaultLoss, parseLoss } from "./losses.js";
import { type LabelledTensors, weightingOf } from "./methods.js";
import { buildModel } from "./models.js";

/** The samples of a training as tensors. */
export interface TrainingSamples {
  readonly train: LabelledTensors;
  readonly valid: LabelledTensors;
  readonly clean?: LabelledTensors;
}

/** The parts that trainings of a unit differ in: where they begin, and who looks on. */
export interface TrainingHooks extends Pick<FitArgs, "resume" | "record" | "checkpoint"> {
  readonly onEpochBegin?: () => void;
  /** At the end of every epoch, also of one that the signal ended early. */
  readonly onEpochEnd?: (logs: Logs | undefined) => void;
}

/**
 * Trains a fresh model with the method and the seed of a unit, by the settings of its run.
 *
 * @param signal stops the training at the next step when aborted
 * @param hooksOf gets the model, which lives until the training ends
 */
export async function trainModel(
  unit: Unit,
  { train: [x, y], valid, clean }: TrainingSamples,
  { settings, model: topology }: RunConfig,
  signal: AbortSignal,
  hooksOf: (model: LayersModel) => TrainingHooks,
): Promise<void> {
  const { epochs, batchSize, learningRate, gradient, warmupEpochs } = settings;
  const loss = parseLoss(settings.loss ?? defaultLoss);
  const inputs = { loss, gradient, warmupEpochs, valid, ...(clean && { clean }) };
  const model = await buildModel(topology, unit.seed);
  const optimizer = tf.train.adam(learningRate);
  model.compile({ optimizer, loss: crossEntropy });
  const { onEpochBegin, onEpochEnd, ...hooks } = hooksOf(model);
  try {
    await fit(model, x, y, {
      epochs,
      batchSize,
      seed: unit.seed,
      verbose: 0,
      yieldEvery: "never",
      weighting: weightingOf(unit.method, inputs),
      ...hooks,
      callbacks: {
        onEpochBegin: async () => onEpochBegin?.(),
        onBatchEnd: async () => {
          // Signals of the system arrive between macrotasks only, and synchronous kernels never yield to one.
          await setImmediate();
          if (signal.aborted) model.stopTraining = true;
        },
        onEpochEnd: async (_epoch, logs) => onEpochEnd?.(logs),
      },
    });
  } finally {
    model.dispose();
    optimizer.dispose();
  }
}
