export type { DatasetLike } from "./batch-source.js";
export { crossEntropy } from "./cross-entropy.js";
export { type FitArgs, type FitDatasetArgs, fit, fitDataset, type TrainingArgs } from "./fit.js";
export { predictLogits } from "./head.js";
export { type WeightedLossOptions, weightedLoss } from "./operations/weighted-loss.js";
export type { RouteName } from "./tangents/routes.js";
export { readTrainingState, type TrainingPosition } from "./training-state.js";
export type { LabelledTensors } from "./validation.js";
export type {
  BatchRecord,
  TrainBatch,
  TrainingContext,
  Weighting,
  WeightingRun,
} from "./weighting.js";
export {
  type LearningToReweightWeightingOptions,
  learningToReweight,
} from "./weightings/learning-to-reweight.js";
export { type LilawWeighting, type LilawWeightingOptions, lilaw } from "./weightings/lilaw.js";
export { type PlainOptions, plain } from "./weightings/plain.js";
export { type RandomWeightsOptions, randomWeights } from "./weightings/random-weights.js";
