import { join } from "node:path";
import type { Unit } from "./documents.js";
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
