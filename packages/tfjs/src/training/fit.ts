import { checks, expected, type Loss, Random } from "@lilaw/core";
import * as tf from "@tensorflow/tfjs-core";
import type { History, LayersModel, ModelFitArgs, ModelFitDatasetArgs } from "@tensorflow/tfjs-layers";
import { compiledLoss, type Head, headOf, lossOf } from "../model/head.js";
import { checkInputs, checkSamples } from "../model/inputs.js";
import { isDisposed, trainedModel } from "../model/internals.js";
import { checkModelTargets, modelTargets, readTargets, type Targets } from "../model/targets.js";
import { gatherRows } from "../patches/gather-rows.js";
import { checkCount, checkFunction, checkOptionalCount, readWeights } from "./arguments.js";
import { DatasetBatches, type DatasetLike, TensorBatches } from "./batch-source.js";
import { classWeightsOf } from "./class-weights.js";
import { alone, train } from "./train.js";
import type { LabelledTensors } from "./validation.js";
import type { BatchRecord, Weighting } from "./weighting.js";
import { plain } from "./weightings/plain.js";

/** What `fit` and `fitDataset` take beyond tfjs's own arguments. */
export interface TrainingArgs {
  /** How samples are weighed. Default `plain()` */
  weighting?: Weighting;
  /** Seed of the batch order, of dropout, of the validation batches and of random weights. Default 0 */
  seed?: number;
  /**
   * Called after each step with the per-sample values of its batch. Where the weighting names no loss, that of the model
   * has to be one of @lilaw/core's: a cross-entropy on logits, softmax or sigmoid
   */
  record?: (record: BatchRecord) => void;
  /** Called at the end of each complete epoch with a state that `resume` takes. */
  checkpoint?: (state: Uint8Array, epochsDone: number) => void | Promise<void>;
  /**
   * A state from `checkpoint`: training goes on after its epoch, bit for bit as if it had never stopped. The model, its
   * optimizer but for the learning rate, the weighting and the labels have to be those of the state
   */
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
 * Wrong arguments, and a state in `resume` that is damaged or belongs to another training, are told before
 * the model, its optimizer or the weighting has moved. Errors of callbacks and of `record` end the training and are
 * thrown as they are; the model stays as the last step has left it.
 *
 * @param x tensor [N, …], or one per model input
 * @param y class indices [N] or [N, 1], one-hot [N, C], or whatever the model's own loss takes with `plain()`
 * @throws LilawError `MODEL_OUTPUT`, `LABEL_OUT_OF_RANGE`, `LENGTH_MISMATCH`, `INVALID_ARGUMENT`, `DISPOSED`,
 *   `NON_FINITE` (weights, targets, the validation logits of a meta-step), `CORRUPT_FILE` and `INCOMPATIBLE_STATE`
 *   (`resume`)
 */
export async function fit(
  model: LayersModel,
  x: tf.Tensor | tf.Tensor[] | { [inputName: string]: tf.Tensor },
  y: tf.Tensor,
  args: FitArgs = {},
): Promise<History> {
  const given = checkTraining(model, args);
  return alone(model, () => fitTensors(model, x, y, given));
}

async function fitTensors(
  model: LayersModel,
  x: Parameters<typeof fit>[1],
  y: tf.Tensor,
  args: FitArgs,
): Promise<History> {
  const {
    batchSize = 32,
    epochs = 1,
    shuffle = true,
    validationSplit = 0,
    sampleWeight,
    classWeight,
    ...rest
  } = args;
  checkCount("batchSize", batchSize, 1);
  checkCount("epochs", epochs, 1);
  const xs = checkInputs(model, x, "x");
  const count = checkSamples(xs, y);
  const seed = args.seed ?? 0;
  const weighting = args.weighting ?? plain();
  const { head, loss } = readHead(model, weighting, args.record);
  const toModelTargets = targetsFor(model, head);
  const readLabels = labelsOf(model, head, loss);
  const given = args.validationData && checkValidation(model, args.validationData as LabelledTensors);
  const split = splitRows(count, given !== undefined, validationSplit, weighting, seed);
  const classWeights = classWeight && (await classWeightsOf(y, classWeight, model.outputNames[0]!));
  const source = new TensorBatches({
    xs,
    y,
    targets: await readLabels(y),
    rows: split.rows,
    sampleWeights: times(await readSampleWeights(sampleWeight, count), classWeights),
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
  const given = checkTraining(model, args);
  return alone(model, () => fitBatches(model, dataset, given));
}

async function fitBatches(model: LayersModel, dataset: DatasetLike, args: FitDatasetArgs): Promise<History> {
  const { classWeight, ...rest } = args;
  if (typeof dataset?.iterator !== "function") {
    throw expected("INVALID_ARGUMENT", "a dataset (an object with an iterator)", "dataset", dataset);
  }
  checkCount("epochs", args.epochs, 1);
  checkOptionalCount("batchesPerEpoch", args.batchesPerEpoch, 1);
  checkOptionalCount("validationBatches", args.validationBatches, 1);
  checkOptionalCount("validationBatchSize", args.validationBatchSize, 1);
  const weighting = args.weighting ?? plain();
  const { head, loss } = readHead(model, weighting, args.record);
  const toModelTargets = targetsFor(model, head);
  const given = args.validationData as LabelledTensors | DatasetLike | undefined;
  const asDataset = typeof (given as DatasetLike | undefined)?.iterator === "function";
  const validation =
    given == null || asDataset ? undefined : checkValidation(model, given as LabelledTensors);
  if (weighting.needsValidation && validation === undefined) {
    throw expected(
      "INVALID_ARGUMENT",
      "tensors [x, y] (or the weighting's own `validation`)",
      "validationData",
      given == null ? undefined : "a dataset",
    );
  }
  const evaluatedTargets = validation && toModelTargets(validation[1]);
  const source = new DatasetBatches({
    dataset,
    readInputs: (x) => checkInputs(model, x, "xs"),
    readTargets: labelsOf(model, head, loss, "ys"),
    modelTargets: toModelTargets,
    classWeights: classWeight && ((y) => classWeightsOf(y, classWeight, model.outputNames[0]!)),
    epochs: args.epochs,
    batchesPerEpoch: args.batchesPerEpoch ?? undefined,
  });
  try {
    const history = await train(model, source, weighting, {
      ...rest,
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

/**
 * Arguments that all trainings have, read once.
 *
 * @throws LilawError `INVALID_ARGUMENT`, `DISPOSED`
 */
function checkTraining<T extends FitArgs | FitDatasetArgs>(model: LayersModel, args: T): T {
  checkModel(model);
  const read = { ...checks.optionsOf("args", args) };
  for (const name of ["record", "checkpoint"] as const) checkFunction(name, read[name]);
  if (read.seed !== undefined && !Number.isSafeInteger(read.seed)) {
    throw expected("INVALID_ARGUMENT", "an integer", "seed", read.seed);
  }
  const { weighting } = read;
  if (weighting !== undefined && typeof weighting?.start !== "function") {
    throw expected("INVALID_ARGUMENT", "a weighting, such as lilaw()", "weighting", weighting);
  }
  checkOptionalCount("initialEpoch", read.initialEpoch, 0);
  checkOptionalCount("verbose", read.verbose, 0);
  return read;
}

function checkModel(model: LayersModel): void {
  if (typeof model?.fitDataset !== "function") throw expected("INVALID_ARGUMENT", "a model", "model", model);
  if (!model.outputs?.length || model.optimizer == null) {
    throw expected("INVALID_ARGUMENT", "a compiled model", "model", model.name);
  }
  if (isDisposed(trainedModel(model))) {
    throw expected("DISPOSED", "a model that is not disposed", "model", model.name);
  }
}

/** Validation samples, as tensors that fit the model. */
function checkValidation(model: LayersModel, given: LabelledTensors): LabelledTensors {
  if (!Array.isArray(given) || given.length !== 2) {
    throw expected("INVALID_ARGUMENT", "tensors [x, y]", "validationData", given);
  }
  const xs = checkInputs(model, given[0], "validationData[0]");
  checkSamples(xs, given[1], "validationData[1]");
  return [xs, given[1]];
}

/** The head and loss of a weighting that works on logits; nothing for one on the model's own loss. */
function readHead(
  model: LayersModel,
  weighting: Weighting,
  record: FitArgs["record"],
): { head: Head | undefined; loss: Loss | undefined } {
  if (model.outputs.length !== 1) {
    throw expected("MODEL_OUTPUT", "a model with one output", "model", `${model.outputs.length} outputs`);
  }
  if (weighting.loss === "model") {
    if (record === undefined) return { head: undefined, loss: undefined };
    const head = headOf(model);
    return { head, loss: compiledLoss(model, head) };
  }
  const head = headOf(model);
  return { head, loss: weighting.loss === "auto" ? lossOf(model, head) : weighting.loss };
}

/** How labels are read, for a loss on the logits, or only checked, for the model's own. */
function labelsOf(
  model: LayersModel,
  head: Head | undefined,
  loss: Loss | undefined,
  name = "y",
): (y: tf.Tensor) => Promise<Targets | undefined> {
  if (head && loss) return (y) => readTargets(y, head.units, loss, name);
  return async (y) => {
    await checkModelTargets(y, model.outputs[0]!.shape, model.loss, name);
    return undefined;
  };
}

function targetsFor(model: LayersModel, head: Head | undefined): (y: tf.Tensor) => tf.Tensor {
  const units = head?.units ?? model.outputs[0]!.shape.at(-1) ?? 1;
  return (y) => modelTargets(y, units, model.loss);
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
  if (typeof share !== "number" || !(share >= 0 && share < 1)) {
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
  return readWeights("sampleWeight", weights, count);
}

function times(a: Float32Array | undefined, b: Float32Array | undefined): Float32Array | undefined {
  return a && b ? a.map((w, i) => w * b[i]!) : (a ?? b);
}
