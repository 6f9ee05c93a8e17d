import { join } from "node:path";
import type { Unit } from "./documents.js";
import { parsePredProbs, predProbsFile } from "./pred-probs.js";
import { nameOf, type RunFolder } from "./run-folder.js";
import { parseSamples, type SampleRow } from "./samples.js";

/**
 * The training and validation samples of a finished unit, in the order of its `samples.csv`.
 *
 * @throws INCOMPATIBLE_STATE (a unit that is not finished), CORRUPT_FILE, CHECKSUM_MISMATCH
 */
export async function readSamples(folder: RunFolder, unit: Unit): Promise<SampleRow[]> {
  const name = "samples.parquet";
  return parseSamples(await folder.fileOf(unit, name), join(folder.path, nameOf(unit), name));
}

/**
 * The probabilities of the same samples, [samples, classes] row by row, each by a model that was not trained on the sample;
 * undefined for a run without `--folds`.
 *
 * @throws as {@link readSamples}
 */
export async function readPredProbs(folder: RunFolder, unit: Unit): Promise<Float32Array | undefined> {
  if (folder.config.settings.folds === undefined) return undefined;
  const bytes = await folder.fileOf(unit, predProbsFile);
  return parsePredProbs(bytes, join(folder.path, nameOf(unit), predProbsFile));
}
