export type { Changes, DecidedSplit, SourceRows } from "./corrected/changes.js";
export { checkAbsent, checkOutput, writeWhole } from "./corrected/output.js";
export { type EditableSource, type EditOptions, openSource } from "./corrected/source.js";
export {
  type ArrayEncoding,
  type ColumnEncoding,
  checkEncoding,
  type Encoding,
  type TableEncoding,
} from "./encoding.js";
export { type Source, type SourceOptions, sourceOf } from "./files/source-files.js";
export { datasetNames, loadDataset } from "./load-dataset.js";
export { loadFiles } from "./load-files.js";
export { type InputOptions, type LoadedInputs, loadInputs } from "./load-inputs.js";
export {
  type LabelledProbsFiles,
  type LoadedLabelledProbs,
  loadLabelledProbs,
} from "./load-labelled-probs.js";
export { injectNoise, type Noise, type NoisyLabels, parseNoise } from "./noise.js";
export { readRows, type TableRows } from "./read-rows.js";
export { balancedRows, batches, type Split, type SplitOptions, splitSamples, takeSamples } from "./splits.js";
export type {
  DataFiles,
  Dataset,
  DownloadProgress,
  FileOptions,
  Groups,
  Inputs,
  LoadOptions,
  Reading,
  Samples,
  SplitName,
} from "./types.js";
