import { checks, expected } from "@lilaw/core";
import * as tf from "@tensorflow/tfjs-core";
import {
  CustomCallback,
  type CustomCallbackArgs,
  type History,
  type LayersModel,
  type ModelFitArgs,
  type ModelFitDatasetArgs,
} from "@tensorflow/tfjs-layers";
import { modelLossOf } from "../model/compiled-loss.js";
import type { LabelledTensors } from "../model/inputs.js";
import { internals, trainedModel } from "../model/internals.js";
import { StochasticLayers } from "../model/stochastic-layers.js";
import { applyGradientsOf } from "../patches/apply-gradients.js";
import { prepareBackend } from "../patches/prepare-backend.js";
import { withFastRelu } from "../patches/relu-tensorflow.js";
import type { TrainingArgs } from "./arguments.js";
import type { BatchSource } from "./batch-source.js";
import { Failure, GuardedCallback, guardedBatches } from "./failure.js";
import { Readback } from "./readback.js";
import { type StartedWeighting, savedOf, startWeighting } from "./start-weighting.js";
import { encodeTrainingState, optimizerWeights, SavedTraining, type TrainingSettings } from "./state.js";
import type { LossOnLogits } from "./step.js";
import type { LogitsBatch, Weighting } from "./weighting.js";

interface TrainArgs
  extends Omit<ModelFitDatasetArgs<tf.TensorContainer>, "verbose" | "classWeight">,
    Omit<TrainingArgs, "weighting"> {
  verbose?: ModelFitArgs["verbose"];
  seed: number;
  onLogits: LossOnLogits | undefined;
  batchSize: number;
  validation: LabelledTensors | undefined;
}

/** Models that are in training or being prepared for it. */
const inTraining = new WeakSet<LayersModel>();

/** Refuses a second training of a model before it changes anything of the first. */
export async function alone<R>(givenModel: LayersModel, run: () => Promise<R>): Promise<R> {
  const model = trainedModel(givenModel);
  if (inTraining.has(model)) throw isInTraining(givenModel);
  checkIdle(givenModel);
  inTraining.add(model);
  try {
    return await run();
  } finally {
    inTraining.delete(model);
  }
}

/** @throws LilawError `INVALID_ARGUMENT` for a model in a training of tfjs's own */
function checkIdle(model: LayersModel): void {
  if (internals(trainedModel(model)).isTraining) throw isInTraining(model);
}

const isInTraining = (model: LayersModel) =>
  expected("INVALID_ARGUMENT", "a model that is not in training", "model", model.name);

/**
 * tfjs's own `fitDataset` drives the epochs, callbacks, validation and History; only its train function is ours.
 */
export async function train(
  givenModel: LayersModel,
  source: BatchSource,
  weighting: Weighting,
  { seed, onLogits, batchSize, validation, record, checkpoint, resume, ...args }: TrainArgs,
): Promise<History> {
  prepareBackend();
  const model = trainedModel(givenModel);
  const hidden = internals(model);
  const failure = new Failure(() => {
    model.stopTraining = true;
  });
  const callbacks = callbackList(args.callbacks, args.yieldEvery);
  const saved = resume === undefined ? undefined : SavedTraining.read(resume);
  const stochastic = new StochasticLayers(model, seed);
  const optimizer = applyGradientsOf(model.optimizer);
  const readback = new Readback();
  let run: StartedWeighting | undefined;
  try {
    const modelLoss = modelLossOf(model, onLogits?.head);
    const parts = { model, modelLoss, stochastic, optimizer, record, readback };
    run = await startWeighting(weighting, { seed, batchSize, validation }, parts, onLogits);
    const settings = checkpoint || saved ? await settingsOf(weighting, run, source, seed) : undefined;
    if (settings !== undefined) await checkSavable(model, stochastic);
    if (saved !== undefined) saved.check(model, settings!);
    return await fitWith(run, saved, settings);
  } finally {
    stochastic.restore();
    optimizer.dispose();
    run?.dispose?.();
  }

  async function fitWith(
    run: StartedWeighting,
    saved: SavedTraining | undefined,
    settings: TrainingSettings | undefined,
  ): Promise<History> {
    let epoch = 0;
    let step = 0;
    const first = new CustomCallback(
      {
        onTrainBegin: async () => {
          if (saved === undefined) return;
          // The weighting first, since it may refuse its state.
          await run.restore?.(saved.header.weightingState as never);
          await saved.restore(model);
        },
        onEpochBegin: async (current) => {
          epoch = current;
          step = 0;
          source.beginEpoch(current);
        },
        onBatchEnd: async () => {
          await readback.settled();
          // `stopTraining` set on a Sequential would not reach the model inside it.
          if (internals(givenModel).stopTraining_) model.stopTraining = true;
        },
        onEpochEnd: async (_, logs) => {
          await run.endEpoch?.();
          Object.assign(logs!, run.logs?.());
        },
      },
      "never",
    );
    const last = new CustomCallback(
      {
        onEpochEnd: async (current) => {
          if (checkpoint === undefined || !source.epochComplete) return;
          const position = { epochsDone: current + 1, weightingState: savedOf(weighting, run, "state") };
          await checkpoint(await encodeTrainingState(model, position, settings!), current + 1);
        },
      },
      "never",
    );

    const trainFunction = (data: tf.Tensor[]): tf.Scalar[] => {
      const inputs = model.inputs.length;
      const batch = {
        xs: data.slice(0, inputs),
        y: data[inputs]!,
        size: source.current.rows.length,
        ...source.current,
        epoch,
        step: step++,
      } as LogitsBatch; // it has labels where the weighting works on logits
      return failure.run(() => stepWith(run, batch)) ?? hidden.metricsNames.map(() => tf.scalar(Number.NaN));
    };

    /** A step of the weighting. Values that it reads are passed on before the next one. */
    function stepWith(run: StartedWeighting, batch: LogitsBatch): tf.Scalar[] {
      const results = tf.tidy(() => withFastRelu(() => run.step(batch)));
      try {
        checkResults(weighting, results, hidden.metricsNames);
        readback.stepDone();
        return results;
      } catch (error) {
        tf.dispose(results);
        throw error;
      }
    }

    checkIdle(givenModel);
    givenModel.stopTraining = false;
    hidden.makeTrainFunction = () => trainFunction;
    try {
      const history = await model.fitDataset(guardedBatches(source, failure) as never, {
        ...(args as ModelFitDatasetArgs<tf.TensorContainer>),
        initialEpoch: saved?.header.epochsDone ?? args.initialEpoch ?? 0,
        callbacks: [first, ...callbacks, last].map((callback) => new GuardedCallback(callback, failure)),
      });
      failure.tell();
      return history;
    } finally {
      await readback.dropped();
      source.dispose();
      delete (hidden as Partial<typeof hidden>).makeTrainFunction; // the method of the class is visible again
    }
  }
}

/** @throws LilawError `INVALID_ARGUMENT` for a step that returns anything but the objective and the metrics */
function checkResults({ name }: Weighting, results: unknown, metricsNames: string[]): void {
  const isScalar = (value: unknown) => value instanceof tf.Tensor && value.rank === 0 && !value.isDisposed;
  if (Array.isArray(results) && results.length === metricsNames.length && results.every(isScalar)) return;
  throw expected(
    "INVALID_ARGUMENT",
    `${metricsNames.length} scalars (what stepOnLogits or stepOnModelLoss returns)`,
    `step of the weighting ${name}`,
    results,
  );
}

/** The settings that a training must share with one that resumes from its state. */
async function settingsOf(
  weighting: Weighting,
  run: StartedWeighting,
  source: BatchSource,
  seed: number,
): Promise<TrainingSettings> {
  const options = savedOf(weighting, run, "settings");
  return { seed, weighting: weighting.name, options, data: await source.settings() };
}

/** Refuses a training whose state could not be saved, at its start and not at the end of its first epoch. */
async function checkSavable(model: LayersModel, stochastic: StochasticLayers): Promise<void> {
  stochastic.requireSeedable("checkpoints");
  const [iterations] = await optimizerWeights(model.optimizer);
  iterations?.tensor.dispose();
}

type UserCallbacks = ModelFitArgs["callbacks"];

/** The user's callbacks as instances: objects of functions become instances. */
function callbackList(callbacks: UserCallbacks, yieldEvery: ModelFitArgs["yieldEvery"]): CustomCallback[] {
  const given: unknown = callbacks ?? {};
  const list = checks.isObject(given) && Array.isArray(given) ? given : [given];
  // Not `map`, which passes over holes.
  return Array.from(list, (callback: unknown) => {
    if (!checks.isObject(callback)) {
      throw expected("INVALID_ARGUMENT", "objects of functions, or callbacks of tfjs", "callbacks", callback);
    }
    if (typeof (callback as Partial<CustomCallback>).setParams === "function")
      return callback as CustomCallback;
    const functions = callback as CustomCallbackArgs;
    if (yieldEvery === "never" && functions.onYield != null) {
      throw expected(
        "INVALID_ARGUMENT",
        "another value than never (there is an onYield)",
        "yieldEvery",
        yieldEvery,
      );
    }
    return new CustomCallback(functions, yieldEvery ?? "auto");
  });
}
