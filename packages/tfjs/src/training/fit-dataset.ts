import { expected } from "@lilaw/core";
import type { History, LayersModel } from "@tensorflow/tfjs-layers";
import { checkInputs, type LabelledTensors } from "../model/inputs.js";
import { checkTraining, checkValidation, type FitDatasetArgs } from "./arguments.js";
import { DatasetBatches, type DatasetLike } from "./batch-source.js";
import { checkCount, checkOptionalCount } from "./checks.js";
import { lossAndLabelsOf } from "./loss-and-labels.js";
import { classWeightsOf } from "./sample-weights.js";
import { alone, train } from "./train.js";
import { plain } from "./weightings/plain.js";

/**
 * `model.fitDataset` with a weighting: same arguments, callbacks and History. Elements are `{ xs, ys }` and may carry
 * `sampleWeight` [B]. A weighting that needs validation samples takes them from `validationData` as tensors. The next
 * element is requested before the step on the present one; training that stops early waits for the element it has requested.
 *
 * @throws LilawError as `fit`
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
  const { onLogits, ...labels } = lossAndLabelsOf(model, weighting, args.record !== undefined);
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
  const evaluatedTargets = validation && labels.modelTargets(validation[1]);
  const source = new DatasetBatches({
    dataset,
    readInputs: (x) => checkInputs(model, x, "xs"),
    readTargets: (y) => labels.readTargets(y, "ys"),
    modelTargets: labels.modelTargets,
    classWeights: classWeight && ((y) => classWeightsOf(y, classWeight, model.outputNames[0]!)),
    epochs: args.epochs,
    batchesPerEpoch: args.batchesPerEpoch ?? undefined,
  });
  try {
    const history = await train(model, source, weighting, {
      ...rest,
      seed: args.seed ?? 0,
      onLogits,
      batchSize: args.validationBatchSize ?? 32,
      validation,
      validationData: validation ? ([validation[0], evaluatedTargets!] as never) : args.validationData!,
    });
    await source.close();
    return history;
  } catch (error) {
    void source.close(); // without await: a dataset may take long to answer, and the error should not wait for it
    throw error;
  } finally {
    if (evaluatedTargets !== validation?.[1]) evaluatedTargets?.dispose();
  }
}
