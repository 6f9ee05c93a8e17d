export { datasetNames, loadDataset } from "./load-dataset.js";
export { type DataFiles, type FileOptions, loadFiles } from "./load-files.js";
export { injectNoise, type Noise, type NoisyLabels, parseNoise } from "./noise.js";
export { balancedRows, batches, type Split, type SplitOptions, splitSamples, takeSamples } from "./splits.js";
export type { Dataset, DownloadProgress, Groups, LoadOptions, Samples } from "./types.js";
