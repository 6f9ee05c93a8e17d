export { batches, params, type RandomBatch } from "./arbitraries.js";
export { findChromium } from "./chromium.js";
export { deviation } from "./close.js";
export {
  type Golden,
  isNetworkCase,
  type LilawCase,
  type LossCase,
  lossOf,
  type MultiLabelCase,
  paramsOf,
  type ReweightCase,
  type ReweightNetworkCase,
  readGolden,
  readLossGolden,
} from "./golden.js";
export { answer, anything, mostly } from "./hostile.js";
export { provideWebGpu } from "./webgpu.js";
