import { setImmediate } from "node:timers/promises";
import { type Dataset, takeSamples } from "@lilaw/datasets";
import { accuracy, effectiveSampleSize, SampleRecorder } from "@lilaw/diagnostics";
import { type BatchRecord, crossEntropy, fit } from "@lilaw/tfjs";
import * as tf from "@tensorflow/tfjs-core";
import type { LayersModel, Logs } from "@tensorflow/tfjs-layers";
import { type Part, type SeedPlan, validSource } from "./data.js";
import type { EpochMetrics, Unit } from "./documents.js";
import { predict, scoreTest } from "./evaluate.js";
import { type LabelledTensors, type MethodInputs, weightingOf } from "./methods.js";
import { buildModel } from "./models.js";
import type { Progress } from "./progress.js";
import type { RunFolder } from "./run-folder.js";
import { samplesCsv } from "./samples-csv.js";

/** The samples of one seed, on the backend; shared by all methods. */
export interface SeedData {
  readonly plan: SeedPlan;
  readonly train: LabelledTensors;
  readonly valid: LabelledTensors;
  readonly clean?: LabelledTensors;
  readonly test: tf.Tensor;
  readonly testLabels: Int32Array;
  readonly classes: number;
}

export interface RunContext {
  readonly folder: RunFolder;
  readonly progress: Progress;
  /** Aborted: stop at the next step. */
  readonly signal: AbortSignal;
}

/** Copies a seed's samples to the backend. */
export function loadSeed(dataset: Dataset, plan: SeedPlan): SeedData {
  const train = takeSamples(dataset.train, plan.train.rows);
  const valid = takeSamples(validSource(dataset), plan.valid.rows);
  const clean = plan.clean && takeSamples({ ...valid, labels: plan.valid.trueLabels }, plan.clean);
  return {
    plan,
    train: [featureTensor(train), labelTensor(plan.train.labels)],
    valid: [featureTensor(valid), labelTensor(plan.valid.labels)],
    ...(clean && { clean: [featureTensor(clean), labelTensor(clean.labels)] }),
    test: featureTensor(dataset.test),
    testLabels: dataset.test.labels,
    classes: dataset.classes,
  };
}

export function disposeSeed({ train, valid, clean, test }: SeedData): void {
  tf.dispose([train, valid, clean ?? [], test]);
}

/**
 * Trains one unit, from its checkpoint if it has one, and records it in the run folder.
 *
 * @returns whether the unit is finished; false when the signal stopped it
 */
export async function runUnit(unit: Unit, data: SeedData, context: RunContext): Promise<boolean> {
  const { folder, progress } = context;
  const { epochs } = folder.config.settings;
  if (folder.metricsOf(unit).length < epochs) await trainUnit(unit, data, context);
  if (folder.metricsOf(unit).length < epochs) return false;
  progress.unitDone(await folder.finishUnit(unit));
  return true;
}

async function trainUnit(
  unit: Unit,
  data: SeedData,
  { folder, progress, signal }: RunContext,
): Promise<void> {
  const { settings, model: topology } = folder.config;
  const { epochs, batchSize, learningRate } = settings;
  const [x, y] = data.train;
  const rows = x.shape[0]!;
  const stepsPerEpoch = Math.ceil(rows / batchSize);
  const recorder = new SampleRecorder(rows);
  const inputs: MethodInputs = { valid: data.valid, settings, ...(data.clean && { clean: data.clean }) };

  progress.unit(unit, place(folder, unit), epochs, stepsPerEpoch, folder.metricsOf(unit).length);
  const resume = await folder.checkpointOf(unit);
  const model = await buildModel(topology, unit.seed);
  const optimizer = tf.train.adam(learningRate);
  model.compile({ optimizer, loss: crossEntropy });
  const clock = new EpochClock();
  try {
    await fit(model, x, y, {
      epochs,
      batchSize,
      seed: unit.seed,
      verbose: 0,
      yieldEvery: "never",
      weighting: weightingOf(unit.method, inputs),
      ...(resume && { resume }),
      record: (batch) => {
        recorder.add(batch);
        progress.step(stepNews(batch, data.plan.train.labels, stepsPerEpoch));
      },
      callbacks: {
        onEpochBegin: async () => clock.start(),
        onBatchEnd: async () => {
          // Signals arrive only between macrotasks, and synchronous kernels never leave room for one.
          await setImmediate();
          if (signal.aborted) model.stopTraining = true;
        },
        onEpochEnd: async (_epoch, logs) => clock.trained(logs),
      },
      checkpoint: async (bytes, epochsDone) => {
        const last = epochsDone === epochs;
        const samples = last
          ? samplesCsv(recorder.record, data.plan.train, settings.noise !== "none")
          : undefined;
        const metrics = {
          ...unit,
          epoch: epochsDone,
          ...scalars(clock.logs),
          ...evaluate(model, data, recorder),
          ...clock.finish(stepsPerEpoch),
        };
        await folder.finishEpoch(metrics, bytes, samples);
        progress.epoch(metrics, epochs);
      },
    });
  } finally {
    model.dispose();
    optimizer.dispose();
  }
}

type Measured = Omit<EpochMetrics, "method" | "seed" | "epoch" | "loss" | "seconds" | "stepsPerSecond">;

function evaluate(model: LayersModel, data: SeedData, recorder: SampleRecorder): Measured {
  const { train, valid } = data.plan;
  const { predictions, weights } = recorder.record;
  const trainScores = scoreBoth(predictions, train);
  const validScores = scoreBoth(predict(model, data.valid[0], data.classes).classes, valid);
  return {
    trainAccuracy: trainScores.observed,
    trainCleanAccuracy: trainScores.clean,
    validAccuracy: validScores.observed,
    validCleanAccuracy: validScores.clean,
    ...scoreTest(predict(model, data.test, data.classes), data.testLabels, data.classes),
    effectiveSampleSize: effectiveSampleSize(weights),
  };
}

function scoreBoth(predictions: Int32Array, { labels, trueLabels }: Part) {
  return { observed: accuracy(predictions, labels), clean: accuracy(predictions, trueLabels) };
}

/** The epoch's mean objective and, where the method has them, its scalars. */
function scalars(logs: Logs): Pick<EpochMetrics, "loss" | "alpha" | "beta" | "delta"> {
  const { loss, alpha, beta, delta } = logs as Record<string, number>;
  return { loss: loss!, ...(alpha !== undefined && { alpha, beta: beta!, delta: delta! }) };
}

function stepNews(batch: BatchRecord, labels: Int32Array, stepsPerEpoch: number) {
  const { epoch, step, losses, predictions, rows } = batch;
  let loss = 0;
  let right = 0;
  for (let i = 0; i < rows.length; i++) {
    loss += losses[i]!;
    if (predictions[i] === labels[rows[i]!]) right++;
  }
  return {
    epoch: epoch + 1,
    stepsDone: epoch * stepsPerEpoch + step + 1,
    loss: loss / rows.length,
    accuracy: right / rows.length,
  };
}

/** Times an epoch's training apart from its evaluation. */
class EpochClock {
  logs: Logs = {};
  #begin = 0;
  #trained = 0;

  start(): void {
    this.#begin = performance.now();
  }

  trained(logs: Logs | undefined): void {
    this.#trained = performance.now();
    this.logs = logs ?? {};
  }

  finish(steps: number): Pick<EpochMetrics, "seconds" | "stepsPerSecond"> {
    return {
      seconds: (performance.now() - this.#begin) / 1000,
      stepsPerSecond: (steps * 1000) / (this.#trained - this.#begin),
    };
  }
}

function place(folder: RunFolder, unit: Unit): string {
  const { units } = folder;
  const index = units.findIndex(({ method, seed }) => method === unit.method && seed === unit.seed);
  return `[${index + 1}/${units.length}]`;
}

function featureTensor({
  features,
  count,
  shape,
}: {
  features: Float32Array;
  count: number;
  shape: readonly number[];
}) {
  return tf.tensor(features, [count, ...shape]);
}

function labelTensor(labels: Int32Array): tf.Tensor {
  return tf.tensor1d(labels, "int32");
}
