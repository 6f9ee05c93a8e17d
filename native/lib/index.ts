export type { CudaInfo } from "./binding.js";
export type { NativeLabels, NativeLoss, NativeParams } from "./call.js";
export {
  DeviceBuffer,
  type DeviceDtype,
  defaultStream,
  deviceMemory,
  type Graph,
  type HostArrays,
  isDeviceBuffer,
  Stream,
} from "./device.js";
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
  alignmentWeightsCuda,
  cpuIsa,
  type DeviceAlignmentWeightsArgs,
  type DeviceAlignmentWeightsOutputs,
  type DeviceBatch,
  type DeviceLogits,
  type DeviceMetaGradientArgs,
  type DeviceMetaStepArgs,
  type DeviceWeightedLossArgs,
  type DeviceWeightedLossOutputs,
  metaGradient,
  metaGradientCuda,
  metaStepCuda,
  type NativeAlignmentWeightsArgs,
  type NativeAlignmentWeightsOutputs,
  type NativeBatch,
  type NativeMetaGradientArgs,
  type NativeWeightedLossArgs,
  type NativeWeightedLossOutputs,
  setCpuIsa,
  setThreads,
  threads,
  weightedLoss,
  weightedLossCuda,
} from "./operations.js";
export {
  type DeviceAlignmentWeightsScalars,
  type DeviceMetaGradient,
  DeviceResult,
  type DeviceWeightedLossScalars,
  type NativeAlignmentWeightsScalars,
  type NativeMetaGradient,
  type NativeWeightedLossScalars,
} from "./results.js";
export {
  loadTensorFlowQuietly,
  type OpSettings,
  opSettings,
  registerTensorFlowOps,
} from "./tensorflow-ops.js";
