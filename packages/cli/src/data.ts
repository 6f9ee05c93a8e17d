import { createHash } from "node:crypto";
import {
  type Dataset,
  type FileOptions,
  type LoadOptions,
  loadDataset,
  loadFiles,
  type Samples,
  sourceOf,
  takeSamples,
} from "@lilaw/datasets";
import { correctionsFor, type Sources, type UsedDecisions } from "./corrections.js";
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
  readonly sources: Sources;
  /** Checksum by which the test samples are known in other runs: that of their file, else of the samples. */
  readonly testSha256: string;
  /** The decisions by which labels were corrected. */
  readonly decisions?: UsedDecisions;
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
  const sources = await sourcesOf(settings, dataset, loading.signal);
  const { corrections, decisions } = await correctionsFor(settings, whole, sources);
  return {
    dataset: whole,
    plans: division.seeds.map((seed) => planSeed(whole, seed, settings, corrections)),
    heldOut: [...(whole.valid ? [] : ["valid" as const]), ...(division.test ? ["test" as const] : [])],
    sources,
    testSha256: await testDigestOf(settings, whole, loading.signal),
    ...(decisions && { decisions }),
  };
}

async function sourcesOf({ files }: Settings, dataset: Dataset, signal?: AbortSignal): Promise<Sources> {
  if (files === undefined) {
    const { name, train, valid } = dataset;
    return {
      train: { name, sha256: digestOf([train]) },
      ...(valid && { valid: { name, sha256: digestOf([valid]) } }),
    };
  }
  const { train, valid, labels } = files;
  const stop = signal ? { signal } : {};
  return {
    train: await sourceOf(train, { ...(labels !== undefined && { labels }), ...stop }),
    ...(valid !== undefined && { valid: await sourceOf(valid, stop) }),
  };
}

/** Numbers that a file becomes depend on the training samples; so a test file is known by its bytes. */
async function testDigestOf({ files }: Settings, { test }: Dataset, signal?: AbortSignal): Promise<string> {
  if (files?.test === undefined) return digestOf([test]);
  return (await sourceOf(files.test, signal ? { signal } : {})).sha256;
}

/** SHA-256 of all samples and labels, by which a resumed run knows that it has the same data. */
export function digestOfAll({ train, valid, test, clean }: Dataset): string {
  return digestOf([train, valid, test, clean]);
}

function digestOf(parts: readonly (Samples | undefined)[]): string {
  const hash = createHash("sha256");
  for (const part of parts) {
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
