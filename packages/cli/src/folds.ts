/** Cross-validation: probabilities of every training sample by a model that was trained without it. */
import { Random, stateBytes } from "@lilaw/core";
import { accuracy, softmax } from "@lilaw/diagnostics";
import * as tf from "@tensorflow/tfjs-core";
import type { Unit } from "./documents.js";
import { predict } from "./evaluate.js";
import type { Progress } from "./progress.js";
import type { RunFolder } from "./run-folder.js";
import { type TrainingSamples, trainModel } from "./training.js";

/** The samples of a training, with their labels and those of the validation samples. */
export interface FoldData extends TrainingSamples {
  readonly labels: Int32Array;
  readonly validLabels: Int32Array;
  readonly classes: number;
}

interface FoldContext {
  readonly folder: RunFolder;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** A fold as it is kept until the run is finished. */
const format: stateBytes.StateFormat = { name: "lilaw-fold", version: 1, described: "a fold" };

/**
 * The fold of each sample, stratified: each fold gets its share of every class, and of all samples, to within one.
 *
 * @param count of the folds, at most that of the samples
 */
export function foldsOf(labels: Int32Array, count: number, seed: number): Int32Array {
  const order = Random.from(seed, "folds").permutation(labels.length);
  // A stable sort: samples of a class stay in their random order, and the folds take turns.
  order.sort((a, b) => labels[a]! - labels[b]!);
  const folds = new Int32Array(labels.length);
  order.forEach((sample, place) => {
    folds[sample] = place % count;
  });
  return folds;
}

/**
 * The probabilities [samples, classes] of every training sample, by the model of its fold in the epoch with the highest accuracy
 * on the validation labels. Folds that the run folder has are not trained again.
 *
 * @returns undefined when the signal stopped it
 */
export async function crossValidate(
  unit: Unit,
  data: FoldData,
  count: number,
  context: FoldContext,
): Promise<Float32Array | undefined> {
  const { labels, classes } = data;
  const folds = foldsOf(labels, count, unit.seed);
  const predProbs = new Float32Array(labels.length * classes);
  for (let fold = 0; fold < count; fold++) {
    const rows = everyRow(labels.length);
    const [kept, heldOut] = [
      rows.filter((row) => folds[row] !== fold),
      rows.filter((row) => folds[row] === fold),
    ];
    const probs = await foldProbs(unit, data, { fold, count, kept, heldOut }, context);
    if (probs === undefined) return undefined;
    heldOut.forEach((row, i) => {
      predProbs.set(probs.subarray(i * classes, (i + 1) * classes), row * classes);
    });
  }
  return predProbs;
}

interface Fold {
  /** From 0. */
  readonly fold: number;
  readonly count: number;
  readonly kept: Int32Array;
  readonly heldOut: Int32Array;
}

/** The probabilities of the samples of a fold, from the run folder or from a training. */
async function foldProbs(
  unit: Unit,
  data: FoldData,
  { fold, count, kept, heldOut }: Fold,
  { folder, progress, signal }: FoldContext,
): Promise<Float32Array | undefined> {
  const owner = { ...unit, run: folder.run, fold, count };
  const length = heldOut.length * data.classes;
  const known = probsOf(await folder.foldOf(unit, fold), owner, length);
  if (known) return known;
  if (signal.aborted) return undefined;
  progress.say(`${unit.method}, seed ${unit.seed}: fold ${fold + 1} of ${count}`);
  const probs = await trainFold(unit, data, kept, heldOut, folder, signal);
  if (signal.aborted || probs === undefined) return undefined;
  await folder.keepFold(unit, fold, stateBytes.pack(format, owner, [probs]));
  return probs;
}

/** The content of a fold's file; undefined if there is no file, or a damaged one, or one of another run. */
function probsOf(bytes: Uint8Array | undefined, owner: object, length: number): Float32Array | undefined {
  if (bytes === undefined) return undefined;
  try {
    const { header, body } = stateBytes.unpack(format, bytes, "fold");
    const isOwn = JSON.stringify(header) === JSON.stringify(owner) && body.byteLength === 4 * length;
    return isOwn ? new Float32Array(body) : undefined;
  } catch {
    return undefined;
  }
}

async function trainFold(
  unit: Unit,
  data: FoldData,
  kept: Int32Array,
  heldOut: Int32Array,
  { config }: RunFolder,
  signal: AbortSignal,
): Promise<Float32Array | undefined> {
  const { validLabels, classes } = data;
  const train = takeRows(data.train, kept);
  const [x, y] = takeRows(data.train, heldOut);
  let [best, probs]: [number, Float32Array | undefined] = [-1, undefined];
  try {
    await trainModel(unit, { ...data, train }, config, signal, (model) => ({
      onEpochEnd: () => {
        if (signal.aborted) return;
        const validAccuracy = accuracy(predict(model, data.valid[0], classes).classes, validLabels);
        if (validAccuracy <= best) return;
        best = validAccuracy;
        probs = Float32Array.from(softmax(predict(model, x, classes).logits, classes));
      },
    }));
    return probs;
  } finally {
    tf.dispose([train, x, y]);
  }
}

function takeRows([x, y]: TrainingSamples["train"], rows: Int32Array): TrainingSamples["train"] {
  return tf.tidy(() => {
    const indices = tf.tensor1d(rows, "int32");
    return [tf.gather(x, indices), tf.gather(y, indices)];
  });
}

function everyRow(count: number): Int32Array {
  return Int32Array.from({ length: count }, (_, row) => row);
}
