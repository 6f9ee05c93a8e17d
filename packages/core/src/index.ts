export type {
  AlignmentWeightsOutputs,
  Backend,
  BackendName,
  FloatArray,
  Labels,
  LilawParams,
  MetaGradient,
  WeightedLossOutputs,
  WeightedLossScalars,
  WeightTerms,
} from "./backend.js";
export { type BackendChoice, type BackendReport, backendReport, getBackend } from "./backends/select.js";
export type {
  DeviceAlignmentWeightsOutputs,
  DeviceAlignmentWeightsResult,
  DeviceAlignmentWeightsScalars,
  DeviceArray,
  DeviceBatchInput,
  DeviceDtype,
  DeviceGraph,
  DeviceLogits,
  DeviceMetaGradient,
  DeviceResult,
  DeviceStream,
  DeviceWeightedLossOutputs,
  DeviceWeightedLossResult,
  DeviceWeightedLossScalars,
} from "./device.js";
export { BackendUnavailableError, type ErrorCode, expected, LilawError } from "./errors.js";
export type {
  GradientMode,
  LabelType,
  Loss,
  LossName,
  Normalize,
} from "./losses.js";
/** The losses, for packages that compute them elsewhere. */
export * as losses from "./losses.js";
export type { DeviceLiLAW, DeviceMetaStepBatch, DeviceWeighInput } from "./methods/device-lilaw.js";
export {
  type DeviceReweighInput,
  LearningToReweight,
  type LearningToReweightOptions,
  type LearningToReweightState,
  type ReweighInput,
} from "./methods/learning-to-reweight.js";
export { LiLAW, type MetaStepInput, type WeighInput } from "./methods/lilaw.js";
export type { LiLAWOptions, LiLAWState } from "./methods/lilaw-options.js";
export {
  type AlignmentWeightsInput,
  type AlignmentWeightsResult,
  alignmentWeights,
} from "./operations/alignment-weights.js";
/** How arguments are checked, for packages that offer the same operations on other arrays. */
export * as checks from "./operations/arguments.js";
export { type LabelMargins, type LabelMarginsInput, labelMargins } from "./operations/label-margins.js";
export { type MetaGradientInput, metaGradient } from "./operations/meta-gradient.js";
export type {
  DeviceAlignmentWeightsInput,
  DeviceMetaGradientInput,
  DeviceWeightedLossInput,
} from "./operations/on-device.js";
export { type WeightedLossInput, type WeightedLossResult, weightedLoss } from "./operations/weighted-loss.js";
export { Random, type RandomState } from "./random.js";
/** Saved states as bytes with a checksum, for packages that have a state. */
export * as stateBytes from "./state-bytes.js";
export { TransitionMatrix, type TransitionProbabilities } from "./transition-matrix.js";
