import { expected } from "@lilaw/core";
import * as tf from "@tensorflow/tfjs-core";
import type { History, LayersModel } from "@tensorflow/tfjs-layers";
import { checkInputs, checkSamples, type LabelledTensors } from "../model/inputs.js";
import { gatherRows } from "../patches/gather-rows.js";
import { checkTraining, checkValidation, type FitArgs } from "./arguments.js";
import { TensorBatches } from "./batch-source.js";
import { checkCount } from "./checks.js";
import { lossAndLabelsOf } from "./loss-and-labels.js";
import { classWeightsOf, readWeights, timesWeights } from "./sample-weights.js";
import { splitRows } from "./split.js";
import { alone, train } from "./train.js";
import { plain } from "./weightings/plain.js";

/**
 * `model.fit` with a weighting: same arguments, callbacks and History; the batch order is seeded and `sampleWeight`
 * works. The model is compiled as usual and ends in logits, softmax or sigmoid; y holds class indices (int) or
 * one-hot rows.
 *
 * Wrong arguments, and a state in `resume` that is damaged or belongs to another training, are refused before the model, its
 * optimizer or the weighting changes. Errors of callbacks, of `record` and of the weighting end the training and are thrown
 * as they are; the model stays as the last step left it.
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
  const { onLogits, ...labels } = lossAndLabelsOf(model, weighting, args.record !== undefined);
  const { validationData } = args;
  const given =
    validationData == null ? undefined : checkValidation(model, validationData as LabelledTensors);
  const split = splitRows(count, given !== undefined, validationSplit, weighting, seed);
  const classWeights =
    classWeight == null ? undefined : await classWeightsOf(y, classWeight, model.outputNames[0]!);
  const targets = await labels.readTargets(y, "y");
  const factors = sampleWeight == null ? undefined : await readWeights("sampleWeight", sampleWeight, count);
  const source = new TensorBatches({
    xs,
    y,
    targets,
    rows: split.rows,
    sampleWeights: timesWeights(factors, classWeights),
    batchSize,
    shuffle: checkShuffle(shuffle),
    seed,
    modelTargets: labels.modelTargets,
  });
  const held = split.held && withTargets(gatherRows([...xs, y], split.held));
  const validation = given ?? held;
  const evaluated = split.reported ? validation : undefined;
  const evaluatedTargets = evaluated && labels.modelTargets(evaluated[1]);
  try {
    return await train(model, source, weighting, {
      ...rest,
      epochs,
      seed,
      onLogits,
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

function checkShuffle(shuffle: boolean | string): boolean {
  if (typeof shuffle !== "boolean") throw expected("INVALID_ARGUMENT", "a boolean", "shuffle", shuffle);
  return shuffle;
}

const withTargets = (tensors: tf.Tensor[]): LabelledTensors => [tensors.slice(0, -1), tensors.at(-1)!];
