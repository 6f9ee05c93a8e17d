export {
  type Facts,
  Forecast,
  type KernelCase,
  type KernelContender,
  kernelCase,
  memoryCopy,
  type Outcome,
  type Plan,
} from "./case.js";
export { type KernelData, kernelData, type Operation, operations, params, type Shape } from "./data.js";
export { corePlan, memoryCopyPlan, type ProcessSetting, reasonAgainst } from "./host.js";
export { type TensorPlan, tensorPlan, type Way } from "./tensors.js";
