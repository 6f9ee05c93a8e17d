/**
 * For weightings of your own: the interface that `fit` and `fitDataset` take, which the weightings of this package are
 * written against too.
 */
export type { Head } from "./model/head.js";
export type { LabelledTensors } from "./model/inputs.js";
export { type RowLossesOptions, rowLosses } from "./operations/row-losses.js";
export { ValidationSampler, type ValidationState } from "./training/validation.js";
export type {
  BatchRecord,
  GradientOptions,
  LogitsBatch,
  LogitsContext,
  LogitsWeighting,
  ModelLossWeighting,
  TrainBatch,
  TrainingContext,
  WeighedLogits,
  Weighting,
  WeightingRun,
} from "./training/weighting.js";
