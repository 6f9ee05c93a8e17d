import { LilawError } from "@lilaw/core";
import type { Dataset, Samples } from "@lilaw/datasets";
import { digestOfAll, loadData } from "../data.js";
import { validSource } from "../plan.js";
import type { RunFolder } from "../run-folder.js";
import type { SampleRow } from "../samples.js";

/** The samples of a run, or why there are none, in a sentence. */
export type LoadedSource = { readonly dataset: Dataset } | { readonly remark: string };

/** A sample of a run in its dataset. */
export interface Place {
  readonly samples: Samples;
  readonly index: number;
}

/**
 * Loads the samples that a run was trained with.
 *
 * @throws CHECKSUM_MISMATCH where they have changed since, and the errors of `loadData` but for files that are gone
 */
export async function loadSource(
  { path, config }: RunFolder,
  dataDir: string | undefined,
  signal: AbortSignal,
): Promise<LoadedSource> {
  // Decisions change labels, which the run itself has; their file is not needed.
  const { decisions: _, ...settings } = config.settings;
  try {
    const { dataset } = await loadData(settings, { ...(dataDir !== undefined && { dataDir }), signal });
    const digest = digestOfAll(dataset);
    if (digest === config.data.sha256) return { dataset };
    throw new LilawError(
      "CHECKSUM_MISMATCH",
      `Expected the samples of ${config.data.name} as the run was trained with them (sha256 ${config.data.sha256}) ` +
        `for ${path} but received others (sha256 ${digest})`,
    );
  } catch (error) {
    if (!(error instanceof LilawError) || error.code !== "SOURCE_UNAVAILABLE") throw error;
    return { remark: `Samples are not shown, since their source is gone: ${error.message}.` };
  }
}

/** Where each sample of a run is in its dataset. */
export function placesOf(dataset: Dataset, lines: readonly SampleRow[]): Place[] {
  const sources = { train: dataset.train, valid: validSource(dataset) };
  const indices = { train: indicesOf(sources.train), valid: indicesOf(sources.valid) };
  return lines.map(({ split, row }) => ({ samples: sources[split], index: indices[split].get(row)! }));
}

/** Indices by the rows in the source. */
function indicesOf({ rows, count }: Samples): Map<number, number> {
  return new Map(Array.from({ length: count }, (_, index) => [rows?.[index] ?? index, index]));
}
