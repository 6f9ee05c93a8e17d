import { expected, type Loss, Random } from "@lilaw/core";
import * as tf from "@tensorflow/tfjs-core";
import {
  CustomCallback,
  type CustomCallbackArgs,
  type History,
  type LayersModel,
  type ModelFitArgs,
  type ModelFitDatasetArgs,
} from "@tensorflow/tfjs-layers";
import { checkCount } from "./arguments.js";
import { type BatchSource, DatasetBatches, type DatasetLike, TensorBatches } from "./batch-source.js";
import { gatherRows } from "./gather-rows.js";
import { type Head, headOf, lossOf } from "./head.js";
import { prepareBackend } from "./kernels/register.js";
import { withFastRelu } from "./kernels/relu-tensorflow.js";
import { internals, trainedModel } from "./model-internals.js";
import { modelLossOf } from "./model-loss.js";
import { applyGradientsOf } from "./optimizers/apply-gradients.js";
import { Readback } from "./readback.js";
import { StochasticLayers } from "./stochastic-layers.js";
import { modelTargets, readTargets } from "./targets.js";
import { encodeTrainingState, restoreTrainingState } from "./training-state.js";
import type { LabelledTensors } from "./validation.js";
import type { BatchRecord, TrainBatch, Weighting, WeightingRun } from "./weighting.js";
import { plain } from "./weightings/plain.js";

/** What `fit` and `fitDataset` take beyond tfjs's own arguments. */
export interface TrainingArgs {
  /** How samples are weighed. Default `plain()` */
  weighting?: Weighting;
  /** Seed of the batch order, of dropout, of the validation batches and of random weights. Default 0 */
  seed?: number;
  /** Called after each step with the per-sample values of its batch. Needs a weighting with a loss on the logits. */
  record?: (record: BatchRecord) => void;
  /** Called at the end of each complete epoch with a state that `resume` takes. */
  checkpoint?: (state: Uint8Array, epochsDone: number) => void | Promise<void>;
  /** A state from `checkpoint`: training goes on after its epoch, bit for bit as if it had never stopped. */
  resume?: Uint8Array;
}

export interface FitArgs extends Omit<ModelFitArgs, "sampleWeight">, TrainingArgs {
  /** [N], a factor on the loss of each sample */
  sampleWeight?: tf.Tensor1D | Float32Array;
}

export interface FitDatasetArgs extends ModelFitDatasetArgs<tf.TensorContainer>, TrainingArgs {}

/** Share of the training data held out for a weighting that needs validation samples and was given none. */
const heldOutShare = 0.15;

/**
 * `model.fit` with a weighting: same arguments, callbacks and History; the batch order is seeded and `sampleWeight`
 * works. The model is compiled as usual and ends in logits, softmax or sigmoid; y holds class indices (int) or
 * one-hot rows.
 *
 * @param x tensor [N, …], or one per model input
 * @param y class indices [N] or [N, 1], one-hot [N, C], or whatever the model's own loss takes with `plain()`
 * @throws LilawError `MODEL_OUTPUT`, `LABEL_OUT_OF_RANGE`, `LENGTH_MISMATCH`, `INVALID_ARGUMENT`, `NON_FINITE` (the
 *   validation logits of a meta-step), `CORRUPT_FILE` and `INCOMPATIBLE_STATE` (`resume`)
 */
export async function fit(
  model: LayersModel,
  x: tf.Tensor | tf.Tensor[] | { [inputName: string]: tf.Tensor },
  y: tf.Tensor,
  args: FitArgs = {},
): Promise<History> {
  const { batchSize = 32, epochs = 1, shuffle = true, validationSplit = 0, sampleWeight, ...rest } = args;
  checkCount("batchSize", batchSize, 1);
  checkCount("epochs", epochs, 1);
  const xs = inputList(model, x);
  const count = checkSamples(xs, y);
  const seed = args.seed ?? 0;
  const weighting = args.weighting ?? plain();
  const given = args.validationData as LabelledTensors | undefined;
  const split = splitRows(count, given !== undefined, validationSplit, weighting, seed);
  const { head, loss } = readHead(model, weighting, args.record);
  const toModelTargets = targetsFor(model, head);
  const source = new TensorBatches({
    xs,
    y,
    targets: head && loss ? await readTargets(y, head.units, loss) : undefined,
    rows: split.rows,
    sampleWeights: await readSampleWeights(sampleWeight, count),
    batchSize,
    shuffle: checkShuffle(shuffle),
    seed,
    modelTargets: toModelTargets,
  });
  const held = split.held && withTargets(gatherRows([...xs, y], split.held));
  const validation = given ?? held;
  const evaluated = split.reported ? validation : undefined;
  const evaluatedTargets = evaluated && toModelTargets(evaluated[1]);
  try {
    return await train(model, source, weighting, {
      ...rest,
      epochs,
      seed,
      head,
      loss,
      batchSize,
      validation,
      validationData: evaluated && ([evaluated[0], evaluatedTargets!] as [tf.Tensor, tf.Tensor]),
      validationBatchSize: batchSize,
    });
  } finally {
    tf.dispose(held as unknown as tf.TensorContainer);
    if (evaluatedTargets !== evaluated?.[1]) evaluatedTargets?.dispose();
  }
}

/**
 * `model.fitDataset` with a weighting: same arguments, callbacks and History. Elements are `{ xs, ys }` and may carry
 * `sampleWeight` [B]. A weighting that needs validation samples takes them from `validationData` as tensors. Each element
 * is asked for before the step on the one before it; training that stops early waits for the one it has asked for.
 *
 * @throws LilawError as {@link fit}
 */
export async function fitDataset(
  model: LayersModel,
  dataset: DatasetLike,
  args: FitDatasetArgs,
): Promise<History> {
  const weighting = args.weighting ?? plain();
  const { head, loss } = readHead(model, weighting, args.record);
  const toModelTargets = targetsFor(model, head);
  const given = args.validationData as LabelledTensors | DatasetLike | undefined;
  const validation = Array.isArray(given) ? (given as unknown as LabelledTensors) : undefined;
  if (weighting.needsValidation && validation === undefined) {
    throw expected(
      "INVALID_ARGUMENT",
      "tensors [x, y] (or the weighting's own `validation`)",
      "validationData",
      given === undefined ? undefined : "a dataset",
    );
  }
  const evaluatedTargets = validation && toModelTargets(validation[1]);
  const source = new DatasetBatches({
    dataset,
    readTargets: head && loss ? (y) => readTargets(y, head.units, loss, "ys") : undefined,
    modelTargets: toModelTargets,
    epochs: args.epochs,
    batchesPerEpoch: args.batchesPerEpoch,
  });
  try {
    const history = await train(model, source, weighting, {
      ...args,
      seed: args.seed ?? 0,
      head,
      loss,
      batchSize: args.validationBatchSize ?? 32,
      validation,
      validationData: validation ? ([validation[0], evaluatedTargets!] as never) : args.validationData!,
    });
    await source.close();
    return history;
  } catch (error) {
    void source.close(); // not waited for: nothing says when a dataset answers, and the error is to be told now
    throw error;
  } finally {
    if (evaluatedTargets !== validation?.[1]) evaluatedTargets?.dispose();
  }
}

interface TrainArgs
  extends Omit<ModelFitDatasetArgs<tf.TensorContainer>, "verbose">,
    Omit<TrainingArgs, "weighting"> {
  verbose?: ModelFitArgs["verbose"];
  seed: number;
  head: Head | undefined;
  loss: Loss | undefined;
  batchSize: number;
  validation: LabelledTensors | undefined;
}

/**
 * tfjs's own `fitDataset` drives the epochs, callbacks, validation and History; only its train function is ours.
 */
async function train(
  givenModel: LayersModel,
  source: BatchSource,
  weighting: Weighting,
  { seed, head, loss, batchSize, validation, record, checkpoint, resume, ...args }: TrainArgs,
): Promise<History> {
  prepareBackend();
  const model = trainedModel(givenModel);
  const stochastic = new StochasticLayers(model, seed);
  if (checkpoint !== undefined || resume !== undefined) stochastic.requireSeedable("checkpoints");
  const optimizer = applyGradientsOf(model.optimizer);
  const readback = new Readback();
  const run = await weighting.start({
    ...{ model, head, loss, modelLoss: modelLossOf(model), stochastic, optimizer },
    ...{ seed, batchSize, validation, record, readback },
  });
  let initialEpoch = args.initialEpoch ?? 0;
  if (resume !== undefined) initialEpoch = await restore(model, weighting, run, resume, seed);

  let epoch = initialEpoch;
  let step = 0;
  const first = new CustomCallback(
    {
      onEpochBegin: async (current) => {
        epoch = current;
        step = 0;
        source.beginEpoch(current);
      },
      onBatchEnd: async () => {
        await readback.settled();
        // Set on a Sequential, `stopTraining` would not reach the model it wraps.
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
        const position = {
          epochsDone: current + 1,
          seed,
          weighting: weighting.name,
          weightingState: run.state?.() ?? null,
        };
        await checkpoint(await encodeTrainingState(model, position), current + 1);
      },
    },
    "never",
  );

  const trainFunction = (data: tf.Tensor[]): tf.Scalar[] => {
    const inputs = model.inputs.length;
    const { rows, labels, sampleWeights } = source.current;
    const batch: TrainBatch = {
      xs: data.slice(0, inputs),
      y: data[inputs]!,
      size: rows.length,
      rows,
      labels,
      sampleWeights: timesClassWeights(sampleWeights, data[inputs + 1]),
      epoch,
      step: step++,
    };
    return withFastRelu(() => run.step(batch));
  };

  const hidden = internals(model);
  givenModel.stopTraining = false;
  hidden.makeTrainFunction = () => trainFunction;
  try {
    return await model.fitDataset(source as never, {
      ...(args as ModelFitDatasetArgs<tf.TensorContainer>),
      initialEpoch,
      callbacks: [first, ...callbackList(args.callbacks, args.yieldEvery), last],
    });
  } finally {
    delete (hidden as Partial<typeof hidden>).makeTrainFunction; // the class's own shows again
    stochastic.restore();
    optimizer.dispose();
    run.dispose?.();
  }
}

async function restore(
  model: LayersModel,
  weighting: Weighting,
  run: WeightingRun,
  state: Uint8Array,
  seed: number,
): Promise<number> {
  const position = await restoreTrainingState(model, state);
  for (const [name, expectation, received] of [
    ["weighting", position.weighting, weighting.name],
    ["seed", position.seed, seed],
  ] as const) {
    if (expectation !== received) throw expected("INCOMPATIBLE_STATE", String(expectation), name, received);
  }
  run.restore?.(position.weightingState as never);
  return position.epochsDone;
}

/** The head and loss of a weighting that works on logits; nothing for one on the model's own loss. */
function readHead(
  model: LayersModel,
  weighting: Weighting,
  record: FitArgs["record"],
): { head: Head | undefined; loss: Loss | undefined } {
  if (model.optimizer == null) throw expected("INVALID_ARGUMENT", "a compiled model", "model", model.name);
  if (model.outputs.length !== 1) {
    throw expected("MODEL_OUTPUT", "a model with one output", "model", `${model.outputs.length} outputs`);
  }
  if (weighting.loss === "model") {
    if (record === undefined) return { head: undefined, loss: undefined };
    throw expected(
      "INVALID_ARGUMENT",
      "a loss named in the weighting (record needs it)",
      "weighting",
      weighting.name,
    );
  }
  const head = headOf(model);
  return { head, loss: weighting.loss === "auto" ? lossOf(model, head) : weighting.loss };
}

function targetsFor(model: LayersModel, head: Head | undefined): (y: tf.Tensor) => tf.Tensor {
  const units = head?.units ?? model.outputs[0]!.shape.at(-1) ?? 1;
  return (y) => modelTargets(y, units, model.loss);
}

function inputList(model: LayersModel, x: Parameters<typeof fit>[1]): tf.Tensor[] {
  if (x instanceof tf.Tensor) return [x];
  if (Array.isArray(x)) return x;
  return model.inputNames.map((name) => {
    const tensor = x?.[name];
    if (!(tensor instanceof tf.Tensor))
      throw expected("INVALID_ARGUMENT", "a tensor", `x.${name}`, typeof tensor);
    return tensor;
  });
}

function checkSamples(xs: tf.Tensor[], y: tf.Tensor): number {
  if (!(y instanceof tf.Tensor)) throw expected("INVALID_ARGUMENT", "a tensor", "y", typeof y);
  const count = y.shape[0] ?? 0;
  for (const tensor of xs) {
    if (tensor.shape[0] !== count) {
      throw expected("LENGTH_MISMATCH", `${tensor.shape[0]} samples (as in x)`, "y", count);
    }
  }
  if (count === 0) throw expected("LENGTH_MISMATCH", "at least one sample", "y", 0);
  return count;
}

function checkShuffle(shuffle: boolean | string): boolean {
  if (typeof shuffle !== "boolean") throw expected("INVALID_ARGUMENT", "a boolean", "shuffle", shuffle);
  return shuffle;
}

interface RowSplit {
  /** Rows to train on */
  rows: Int32Array;
  /** Rows taken out for validation */
  held: Int32Array | undefined;
  /** Whether the user asked for validation results */
  reported: boolean;
}

/** `validationSplit` takes the last samples, as in tfjs; a weighting in need gets a seeded part of its own. */
function splitRows(
  count: number,
  hasValidation: boolean,
  share: number,
  weighting: Weighting,
  seed: number,
): RowSplit {
  const all = Int32Array.from({ length: count }, (_, i) => i);
  if (!(share >= 0 && share < 1)) {
    throw expected("INVALID_ARGUMENT", "a number in [0, 1)", "validationSplit", share);
  }
  if (hasValidation) return { rows: all, held: undefined, reported: true };
  if (share > 0) {
    const kept = Math.floor(count * (1 - share));
    return { rows: all.slice(0, kept), held: all.slice(kept), reported: true };
  }
  if (!weighting.needsValidation) return { rows: all, held: undefined, reported: false };
  const kept = count - Math.max(1, Math.round(count * heldOutShare));
  if (kept < 1)
    throw expected("LENGTH_MISMATCH", "samples to train on beside the validation part", "y", count);
  const order = Random.from(seed, "held-out").shuffle(all);
  return { rows: order.slice(0, kept).sort(), held: order.slice(kept), reported: false };
}

const withTargets = (tensors: tf.Tensor[]): LabelledTensors => [tensors.slice(0, -1), tensors.at(-1)!];

async function readSampleWeights(
  weights: FitArgs["sampleWeight"],
  count: number,
): Promise<Float32Array | undefined> {
  if (weights == null) return undefined;
  const values = weights instanceof Float32Array ? weights : await weights.data<"float32">();
  if (values.length !== count)
    throw expected("LENGTH_MISMATCH", `${count}`, "sampleWeight.length", values.length);
  const bad = values.findIndex((w) => !Number.isFinite(w));
  if (bad >= 0) throw expected("NON_FINITE", "a finite number", `sampleWeight[${bad}]`, values[bad]);
  return values;
}

function timesClassWeights(
  sampleWeights: Float32Array | undefined,
  classWeights: tf.Tensor | null | undefined,
): Float32Array | undefined {
  if (classWeights == null) return sampleWeights;
  const factors = Float32Array.from(classWeights.dataSync<"float32">()); // tfjs has just made it, on the host
  return sampleWeights === undefined ? factors : factors.map((w, i) => w * sampleWeights[i]!);
}

type UserCallbacks = ModelFitArgs["callbacks"];

/** The user's callbacks as tfjs wants them: instances stay, objects of functions become instances. */
function callbackList(callbacks: UserCallbacks, yieldEvery: ModelFitArgs["yieldEvery"]): CustomCallback[] {
  const list = Array.isArray(callbacks) ? callbacks : [callbacks ?? {}];
  return list.map((callback) =>
    "setParams" in callback
      ? (callback as CustomCallback)
      : new CustomCallback(callback as CustomCallbackArgs, yieldEvery ?? "auto"),
  );
}
