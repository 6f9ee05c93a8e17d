import { checks, expected } from "@lilaw/core";
import type * as tf from "@tensorflow/tfjs-core";
import type { LayersModel, ModelFitArgs, ModelFitDatasetArgs } from "@tensorflow/tfjs-layers";
import { checkInputs, checkSamples, type LabelledTensors } from "../model/inputs.js";
import { isDisposed, trainedModel } from "../model/internals.js";
import { checkFunction, checkOptionalCount } from "./checks.js";
import { checkWeighting } from "./start-weighting.js";
import type { BatchRecord, Weighting } from "./weighting.js";

/** The arguments of `fit` and `fitDataset` beyond those of tfjs. */
export interface TrainingArgs {
  /** How samples are weighed. Default `plain()` */
  weighting?: Weighting;
  /** Seed of the batch order, of dropout, of the validation batches and of random weights. Default 0 */
  seed?: number;
  /**
   * Called after each step with the per-sample values of its batch. Where the weighting names no loss, the model
   * must be compiled with one that @lilaw/core has: a cross-entropy on logits, softmax or sigmoid
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

/**
 * Checks the arguments that `fit` and `fitDataset` share, and copies them.
 *
 * @throws LilawError `INVALID_ARGUMENT`, `DISPOSED`
 */
export function checkTraining<T extends FitArgs | FitDatasetArgs>(model: LayersModel, args: T): T {
  checkModel(model);
  const read = { ...checks.optionsOf("args", args) };
  for (const name of ["record", "checkpoint"] as const) checkFunction(name, read[name]);
  if (read.seed !== undefined && !Number.isSafeInteger(read.seed)) {
    throw expected("INVALID_ARGUMENT", "an integer", "seed", read.seed);
  }
  if (read.weighting !== undefined) checkWeighting(read.weighting);
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
export function checkValidation(model: LayersModel, given: LabelledTensors): LabelledTensors {
  if (!checks.isObject(given) || !Array.isArray(given) || given.length !== 2) {
    throw expected("INVALID_ARGUMENT", "tensors [x, y]", "validationData", given);
  }
  const xs = checkInputs(model, given[0], "validationData[0]");
  checkSamples(xs, given[1], "validationData[1]");
  return [xs, given[1]];
}
