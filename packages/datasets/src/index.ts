export { type Source, type SourceOptions, sourceOf } from "./files/source-files.js";
export { datasetNames, loadDataset } from "./load-dataset.js";
export { loadFiles } from "./load-files.js";
export { injectNoise, type Noise, type NoisyLabels, parseNoise } from "./noise.js";
export { balancedRows, batches, type Split, type SplitOptions, splitSamples, takeSamples } from "./splits.js";
export type {
  DataFiles,
  Dataset,
  DownloadProgress,
  FileOptions,
  Groups,
  LoadOptions,
  Reading,
  Samples,
  SplitName,
} from "./types.js";
