export type {
  AlignmentWeightsOutputs,
  Backend,
  BackendName,
  FloatArray,
  GradientMode,
  Labels,
  LilawParams,
  Loss,
  MetaGradient,
  Normalize,
  WeightedLossOutputs,
  WeightedLossScalars,
  WeightTerms,
} from "./backend.js";
export { registerTensorFlowOps } from "./backends/native.js";
export { type BackendChoice, type BackendReport, backendReport, getBackend } from "./backends/select.js";
export { BackendUnavailableError, type ErrorCode, expected, LilawError } from "./errors.js";
export {
  LearningToReweight,
  type LearningToReweightOptions,
  type LearningToReweightState,
  type ReweighInput,
} from "./methods/learning-to-reweight.js";
export {
  LiLAW,
  type LiLAWOptions,
  type LiLAWState,
  type MetaStepInput,
  type WeighInput,
} from "./methods/lilaw.js";
export {
  type AlignmentWeightsInput,
  type AlignmentWeightsResult,
  alignmentWeights,
} from "./operations/alignment-weights.js";
export { type MetaGradientInput, metaGradient } from "./operations/meta-gradient.js";
export { type WeightedLossInput, type WeightedLossResult, weightedLoss } from "./operations/weighted-loss.js";
export { Random, type RandomState } from "./random.js";
