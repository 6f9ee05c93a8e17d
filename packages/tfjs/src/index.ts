export { predictLogits } from "./model/head.js";
export { crossEntropy } from "./operations/cross-entropy.js";
export { type WeightedLossOptions, weightedLoss } from "./operations/weighted-loss.js";
export type { DatasetLike } from "./training/batch-source.js";
export { type FitArgs, type FitDatasetArgs, fit, fitDataset, type TrainingArgs } from "./training/fit.js";
export { readTrainingState, type TrainingPosition } from "./training/state.js";
export type { LabelledTensors } from "./training/validation.js";
export type {
  BatchRecord,
  TrainBatch,
  TrainingContext,
  Weighting,
  WeightingRun,
} from "./training/weighting.js";
export {
  type LearningToReweightWeightingOptions,
  learningToReweight,
} from "./training/weightings/learning-to-reweight.js";
export { type LilawWeighting, type LilawWeightingOptions, lilaw } from "./training/weightings/lilaw.js";
export { type PlainOptions, plain } from "./training/weightings/plain.js";
export { type RandomWeightsOptions, randomWeights } from "./training/weightings/random-weights.js";
export type { RouteName } from "./training/weightings/routes.js";
