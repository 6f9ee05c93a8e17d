import { createHash } from "node:crypto";
import {
  type Dataset,
  type FileOptions,
  type LoadOptions,
  loadDataset,
  loadFiles,
  takeSamples,
} from "@lilaw/datasets";
import { errorInFlags } from "./flags.js";
import { type Division, divide, planSeed, relocate, rowsOf, type SeedPlan, type Source } from "./plan.js";
import { type Files, options, type Settings, type TrainOption } from "./settings.js";

/** The samples of a run, and which of them each seed uses. */
export interface Data {
  /** `train` holds the samples that some seed uses, and those held out of them. */
  readonly dataset: Dataset;
  readonly plans: readonly SeedPlan[];
  /** The parts that are held out of the training samples. */
  readonly heldOut: readonly ("valid" | "test")[];
}

type Loading = Pick<LoadOptions, "dataDir" | "signal" | "onProgress">;

/**
 * Loads the samples that `--dataset` or `--train` names, and plans every seed. Of files, only samples that some seed uses
 * are kept.
 *
 * @throws INVALID_ARGUMENT, EMPTY_CLASS, and the errors of `loadFiles` and `loadDataset`
 */
export async function loadData(settings: Settings, loading: Loading): Promise<Data> {
  const { dataset, division } =
    settings.files === undefined
      ? await loadNamed(settings, loading)
      : await loadOwn(settings, settings.files, loading);
  const whole: Dataset = division.test
    ? { ...dataset, test: takeSamples(dataset.train, division.test) }
    : dataset;
  return {
    dataset: whole,
    plans: division.seeds.map((seed) => planSeed(whole, seed, settings)),
    heldOut: [...(whole.valid ? [] : ["valid" as const]), ...(division.test ? ["test" as const] : [])],
  };
}

/** SHA-256 of all samples and labels, by which a resumed run knows that it has the same data. */
export function digestOf(dataset: Dataset): string {
  const hash = createHash("sha256");
  for (const part of [dataset.train, dataset.valid, dataset.test, dataset.clean]) {
    for (const array of part ? [part.features, part.labels] : []) {
      hash.update(new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
    }
  }
  return hash.digest("hex");
}

interface Divided {
  dataset: Dataset;
  division: Division;
}

async function loadNamed(settings: Settings, loading: Loading): Promise<Divided> {
  const dataset = await loadDataset(settings.dataset!, loading);
  const splits = ["train", "test", ...(dataset.valid ? ["valid"] : [])];
  return { dataset, division: divide({ ...dataset, labels: dataset.train.labels, splits }, settings) };
}

async function loadOwn(settings: Settings, files: Files, loading: Loading): Promise<Divided> {
  const { train, valid, test, clean } = files;
  const paths = { train, ...(valid && { valid }), ...(test && { test }), ...(clean && { clean }) };
  let division: Division | undefined;
  const dataset = await loadFiles(paths, {
    ...fileOptions(files),
    ...(loading.signal && { signal: loading.signal }),
    ...(loading.onProgress && { onProgress: loading.onProgress }),
    select(labels: Int32Array, source: Omit<Source, "labels">) {
      const whole = divide({ ...source, labels }, settings);
      const kept = rowsOf(whole, labels.length);
      division = relocate(whole, kept);
      return kept;
    },
  }).catch((error) => Promise.reject(errorInFlags(error)));
  return { dataset, division: division! };
}

/** The options of `loadFiles` that the command line gives. */
function fileOptions(files: Files): FileOptions {
  const given = Object.entries(files).flatMap(([key, value]) => {
    const { fileOption }: TrainOption = options[key as keyof Files];
    return fileOption ? [[fileOption, value]] : [];
  });
  // Columns with large numbers, such as incomes, would outweigh all others.
  return { standardize: true, ...Object.fromEntries(given) };
}
