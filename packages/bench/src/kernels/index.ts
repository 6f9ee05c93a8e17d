export {
  type Facts,
  Forecast,
  type KernelCaseOptions,
  type KernelOutput,
  type KernelPlan,
  type KernelVariant,
  kernelCase,
  memoryCopy,
} from "./case.js";
export {
  type Batch,
  type KernelData,
  kernelData,
  type Operation,
  operations,
  params,
  type Shape,
} from "./data.js";
export { corePlan, memoryCopyPlan, type ProcessSetting, reasonAgainst } from "./host.js";
export { installedSuite } from "./installed.js";
export { type TensorPlanOptions, tensorPlan, type Way } from "./tensors.js";
