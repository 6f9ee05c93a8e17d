export type { CudaInfo } from "./binding.js";
export { type Diagnosis, describe, diagnose } from "./doctor.js";
export {
  type AddonSource,
  type LoadAttempt,
  type LoadResult,
  load,
  platformPackage,
  remedies,
} from "./load.js";
export {
  alignmentWeights,
  alignmentWeightsAsync,
  cpuIsa,
  metaGradient,
  metaGradientAsync,
  type NativeAlignmentWeightsArgs,
  type NativeAlignmentWeightsOutputs,
  type NativeAlignmentWeightsScalars,
  type NativeBatch,
  type NativeLabels,
  type NativeLoss,
  type NativeMetaGradient,
  type NativeMetaGradientArgs,
  type NativeParams,
  type NativeWeightedLossArgs,
  type NativeWeightedLossOutputs,
  type NativeWeightedLossScalars,
  setCpuIsa,
  setThreads,
  threads,
  weightedLoss,
  weightedLossAsync,
} from "./operations.js";
