import { expected } from "@lilaw/core";
import { adult } from "./sets/adult.js";
import type { Definition } from "./sets/definition.js";
import { ecg5000 } from "./sets/ecg5000.js";
import { fashionMnist, mnist } from "./sets/mnist.js";
import { obtainFiles } from "./sources/obtain.js";
import type { Dataset, LoadOptions } from "./types.js";

const definitions: readonly Definition[] = [mnist, fashionMnist, ecg5000, adult];

/** The datasets that {@link loadDataset} knows. */
export const datasetNames: readonly string[] = definitions.map(({ name }) => name);

/**
 * Loads a real dataset by name, with its official split into train and test.
 *
 * Its files are searched for in the data folder, the cache, the folders of the operating system, and then on the
 * network. Files with another SHA-256 than the pinned one are refused. Downloads are cached, and the next call resumes an
 * interrupted one.
 *
 * @throws `UNKNOWN_NAME`; `CHECKSUM_MISMATCH` for other bytes than the pinned ones; `SOURCE_UNAVAILABLE` when no
 *   place has the files, with what was tried and what helps; `NOT_WRITABLE` for the cache folder; the reason of
 *   `signal` after an abort
 */
export async function loadDataset(name: string, options: LoadOptions = {}): Promise<Dataset> {
  const definition = definitions.find((known) => known.name === name);
  if (definition === undefined)
    throw expected("UNKNOWN_NAME", `one of ${datasetNames.join(", ")}`, "dataset", name);
  const foreign = definitions.filter((other) => other !== definition).flatMap(({ files }) => files);
  const files = await obtainFiles({ ...definition, foreign }, options);
  const parsed = definition.parse((file) => files.get(file)!);
  const { license, citation } = definition;
  return { name, classes: parsed.classNames.length, ...parsed, license, citation };
}
