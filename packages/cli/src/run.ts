import type { LilawParams, Loss } from "@lilaw/core";
import { type Dataset, type Samples, takeSamples } from "@lilaw/datasets";
import {
  accuracy,
  effectiveSampleSize,
  type SampleRecord,
  SampleRecorder,
  softmax,
} from "@lilaw/diagnostics";
import type { BatchRecord } from "@lilaw/tfjs";
import * as tf from "@tensorflow/tfjs-core";
import type { LayersModel, Logs } from "@tensorflow/tfjs-layers";
import { mean } from "simple-statistics";
import type { EpochWeights, Gathered } from "./checkpoint.js";
import type { EpochMetrics, Unit } from "./documents.js";
import { checkConverging, type Predictions, predict, scoresOf, scoreTest } from "./evaluate.js";
import { crossValidate } from "./folds.js";
import { defaultLoss, parseLoss } from "./losses.js";
import type { LabelledTensors } from "./methods.js";
import { modelFiles, modelOf, weightsOf } from "./model-files.js";
import { type Part, type SeedPlan, validSource } from "./plan.js";
import { predProbsFile, predProbsNpy } from "./pred-probs.js";
import type { Progress } from "./progress.js";
import type { RunFolder, UnitFiles } from "./run-folder.js";
import { sampleRows, samplesCsv, samplesParquet } from "./samples.js";
import { trainModel } from "./training.js";

/** The samples of one seed as tensors, shared by all methods. */
export interface SeedData {
  readonly plan: SeedPlan;
  readonly dataset: Dataset;
  readonly train: LabelledTensors;
  readonly valid: LabelledTensors;
  readonly clean?: LabelledTensors;
  readonly test: tf.Tensor;
}

export interface RunContext {
  readonly folder: RunFolder;
  readonly progress: Progress;
  /** Stops the training at the next step when aborted. */
  readonly signal: AbortSignal;
}

/** Copies a seed's samples to the backend. */
export function loadSeed(dataset: Dataset, plan: SeedPlan): SeedData {
  const valid = validSource(dataset);
  const { clean } = plan;
  return {
    plan,
    dataset,
    train: tensorsOf(dataset.train, plan.train),
    valid: tensorsOf(valid, plan.valid),
    ...(clean && { clean: tensorsOf(clean.of === "clean" ? dataset.clean! : valid, clean) }),
    test: featureTensor(dataset.test),
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

async function trainUnit(unit: Unit, data: SeedData, context: RunContext): Promise<void> {
  const { folder, progress, signal } = context;
  const { settings } = folder.config;
  const loss = parseLoss(settings.loss ?? defaultLoss);
  const { labels } = data.plan.train;
  const stepsPerEpoch = Math.ceil(labels.length / settings.batchSize);

  const outOfSample = await outOfSampleOf(unit, data, context);
  if (outOfSample === "stopped") return;
  progress.unit(unit, stepsPerEpoch);
  const checkpoint = await folder.checkpointOf(unit);
  const train = checkpoint?.train ?? new SampleRecorder(labels.length);
  const valid = checkpoint?.valid ?? new SampleRecorder(data.plan.valid.rows.length);
  let best = checkpoint?.best;
  const clock = new EpochClock();
  await trainModel(unit, data, folder.config, signal, (model) => ({
    ...(checkpoint && { resume: checkpoint.training }),
    record: (batch) => {
      checkConverging(batch.predictions);
      train.add({ ...batch, epoch: batch.epoch + 1 });
      progress.step(stepNews(batch, labels, stepsPerEpoch));
    },
    onEpochBegin: () => clock.start(),
    onEpochEnd: (logs) => clock.trained(logs),
    checkpoint: async (training, epoch) => {
      const predictions = predict(model, data.valid[0], data.dataset.classes);
      const metrics = {
        ...unit,
        epoch,
        ...scalars(clock.logs),
        ...evaluate(model, data, train.record, predictions),
        ...clock.finish(stepsPerEpoch),
      };
      valid.add({ epoch, ...scoresOfValid(data, predictions, train.record, metrics, loss) });
      best = await betterOf(best, metrics, model);
      const gathered = { train, valid, best };
      const isLast = epoch === settings.epochs;
      const files = isLast ? await filesOf(model, data, gathered, metrics, outOfSample) : undefined;
      await folder.finishEpoch(metrics, { training, ...gathered }, files);
      progress.epoch(metrics);
    },
  }));
}

/** The probabilities of the training samples by cross-validation; undefined where the run has no folds. */
async function outOfSampleOf(
  unit: Unit,
  { plan, dataset, ...samples }: SeedData,
  context: RunContext,
): Promise<Float32Array | undefined | "stopped"> {
  const { folds } = context.folder.config.settings;
  if (folds === undefined) return undefined;
  const { classes } = dataset;
  const data = { ...samples, labels: plan.train.labels, validLabels: plan.valid.labels, classes };
  return (await crossValidate(unit, data, folds, context)) ?? "stopped";
}

type Measured = Omit<EpochMetrics, "method" | "seed" | "epoch" | "loss" | "seconds" | "stepsPerSecond">;

function evaluate(
  model: LayersModel,
  { plan, dataset, test }: SeedData,
  { predictions, weights }: SampleRecord,
  valid: Predictions,
): Measured {
  const trainScores = scoreBoth(predictions, plan.train);
  const validScores = scoreBoth(valid.classes, plan.valid);
  return {
    trainAccuracy: trainScores.observed,
    trainCleanAccuracy: trainScores.clean,
    validAccuracy: validScores.observed,
    validCleanAccuracy: validScores.clean,
    ...scoreTest(predict(model, test, dataset.classes), dataset.test.labels, dataset.classes),
    effectiveSampleSize: effectiveSampleSize(weights),
    ...meanWeights(weights, plan.train),
  };
}

/** The mean weights of samples with right and with wrong labels. */
function meanWeights(weights: Float32Array, { labels, trueLabels }: Part) {
  const means = [0, 1].map((wrong) => {
    const own = trueLabels ? weights.filter((_, i) => Number(labels[i] !== trueLabels[i]) === wrong) : [];
    return own.length === 0 ? null : mean(Array.from(own));
  });
  return { meanWeightClean: means[0]!, meanWeightWrong: means[1]! };
}

/** The values of the validation samples, whose terms of the weight are those of training samples. */
function scoresOfValid(
  { plan, dataset: { classes } }: SeedData,
  { logits }: Predictions,
  train: SampleRecord,
  { alpha, beta, delta }: Partial<LilawParams>,
  loss: Loss,
) {
  // In a warm-up epoch there are scalars, but samples are not weighed by them.
  const params = train.terms ? { alpha: alpha!, beta: beta!, delta: delta! } : null;
  return scoresOf(logits, plan.valid.labels, { classes, loss, params });
}

/** The weights of the epoch with the higher accuracy on the validation labels; the earlier one on ties. */
async function betterOf(
  best: EpochWeights | undefined,
  { epoch, validAccuracy }: EpochMetrics,
  model: LayersModel,
): Promise<EpochWeights> {
  if (best && best.validAccuracy >= validAccuracy) return best;
  return { epoch, validAccuracy, bytes: await weightsOf(model) };
}

/** The files that a unit leaves with its last epoch. */
async function filesOf(
  model: LayersModel,
  { plan, dataset, valid: [validInputs] }: SeedData,
  { train, valid, best }: Gathered,
  { method, seed, epoch }: EpochMetrics,
  outOfSample: Float32Array | undefined,
): Promise<UnitFiles> {
  const rows = sampleRows(
    [
      { split: "train", part: plan.train, source: dataset.train, record: train.record, run: train.run },
      {
        split: "valid",
        part: plan.valid,
        source: validSource(dataset),
        record: valid.record,
        run: valid.run,
      },
    ],
    dataset.classNames,
  );
  const files = new Map<string, string | Uint8Array>([
    ["samples.csv", samplesCsv(rows)],
    ["samples.parquet", samplesParquet(rows)],
  ]);
  const weights = { best, last: { epoch, bytes: await weightsOf(model) } };
  for (const [name, { epoch, bytes }] of Object.entries(weights)) {
    const own = await modelFiles(model, bytes, { method, seed, epoch }, dataset);
    for (const [file, content] of own) files.set(`model/${name}/${file}`, content);
  }
  if (outOfSample) {
    // The validation samples were not trained on: the model that is kept as the best has not seen them.
    const text = files.get("model/best/model.json") as string;
    const kept = await modelOf(text, best.bytes, "model/best");
    const { logits } = predict(kept, validInputs, dataset.classes);
    kept.dispose();
    files.set(predProbsFile, predProbsNpy([outOfSample, softmax(logits, dataset.classes)], dataset.classes));
  }
  return files;
}

function scoreBoth(predictions: Int32Array, { labels, trueLabels }: Part) {
  const clean = trueLabels ? accuracy(predictions, trueLabels) : null;
  return { observed: accuracy(predictions, labels), clean };
}

/** The mean objective of the epoch, and the scalars of a method that has some. */
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

/** Measures the training of an epoch, and training and evaluation together. */
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

function tensorsOf(source: Samples, { rows, labels }: Pick<Part, "rows" | "labels">): LabelledTensors {
  return [featureTensor(takeSamples(source, rows)), tf.tensor1d(labels, "int32")];
}

function featureTensor({ features, count, shape }: Samples): tf.Tensor {
  return tf.tensor(features, [count, ...shape]);
}
