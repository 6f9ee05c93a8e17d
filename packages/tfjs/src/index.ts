export { type Outputs, outputsOf, predictLogits } from "./model/head.js";
export type { LabelledTensors } from "./model/inputs.js";
export { crossEntropy } from "./operations/cross-entropy.js";
export { type WeightedLossOptions, weightedLoss } from "./operations/weighted-loss.js";
export type { FitArgs, FitDatasetArgs, TrainingArgs } from "./training/arguments.js";
export type { DatasetLike } from "./training/batch-source.js";
export { fit } from "./training/fit.js";
export { fitDataset } from "./training/fit-dataset.js";
export { readTrainingState, type TrainingPosition } from "./training/state.js";
export type {
  BatchRecord,
  LogitsWeighting,
  TrainBatch,
  TrainingContext,
  Weighting,
  WeightingRun,
} from "./training/weighting.js";
export {
  type LearningToReweightWeightingOptions,
  learningToReweight,
} from "./training/weightings/learning-to-reweight.js";
export {
  type LiLAWWeighting,
  /** @deprecated The name before: `LiLAWWeighting` */
  type LiLAWWeighting as LilawWeighting,
  type LiLAWWeightingOptions,
  /** @deprecated The name before: `LiLAWWeightingOptions` */
  type LiLAWWeightingOptions as LilawWeightingOptions,
  lilaw,
} from "./training/weightings/lilaw.js";
export { type PlainOptions, plain } from "./training/weightings/plain.js";
export { type RandomWeightsOptions, randomWeights } from "./training/weightings/random-weights.js";
export type { RouteName } from "./training/weightings/routes.js";
