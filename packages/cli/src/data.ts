import { createHash } from "node:crypto";
import { expected, Random } from "@lilaw/core";
import {
  balancedRows,
  type Dataset,
  injectNoise,
  type LoadOptions,
  loadDataset,
  loadFiles,
  type Noise,
  parseNoise,
  type Samples,
  splitSamples,
  takeSamples,
} from "@lilaw/datasets";
import { needsClean } from "./methods.js";
import type { Settings } from "./options.js";

/** Samples of one seed: which rows, and which labels training gets to see. */
export interface Part {
  /** Rows of the source's samples. */
  readonly rows: Int32Array;
  /** Labels before noise was injected. */
  readonly trueLabels: Int32Array;
  /** Labels that training, or model selection, sees. */
  readonly labels: Int32Array;
  /** Share of labels that the noise changed. */
  readonly noiseRate: number;
  /** Whether every class keeps more of its labels than it loses to any one other, in the nominal noise. */
  readonly diagonallyDominant: boolean;
}

/** The split and the noise of one seed. */
export interface SeedPlan {
  readonly seed: number;
  readonly train: Part;
  readonly valid: Part;
  /** Places within `valid` of the class-balanced samples whose true labels Learning to Reweight gets. */
  readonly clean?: Int32Array;
}

const defaultValidSize = 0.15;
const defaultCleanSize = 1000;

/**
 * Loads what `--dataset` or `--train` names.
 *
 * @throws INVALID_ARGUMENT (no test samples), and whatever is wrong with the files
 */
export async function loadData(settings: Settings, options: LoadOptions): Promise<Dataset> {
  if (settings.dataset !== undefined) return loadDataset(settings.dataset, options);
  const { labels, labelColumn, ...parts } = settings.files!;
  // Raw columns such as incomes would drown all others: networks want them on one scale.
  const dataset = await loadFiles(parts, {
    standardize: true,
    ...(labels && { labels }),
    ...(labelColumn && { labelColumn }),
  });
  if (dataset.test.count === 0) {
    throw expected("INVALID_ARGUMENT", "test samples (--test FILE)", dataset.name, "none");
  }
  return dataset;
}

/**
 * Splits the samples and injects the noise for one seed: limit, hold out a stratified validation part (unless the
 * source has one), change labels, choose the clean samples.
 *
 * @throws INVALID_ARGUMENT (sizes), EMPTY_CLASS
 */
export function planSeed(dataset: Dataset, settings: Settings, seed: number): SeedPlan {
  const rows = splitRows(dataset, settings, seed);
  const noise = parseNoise(settings.noise);
  const validNoise: Noise = settings.validLabels === "clean" ? { kind: "none" } : noise;
  const valid = partOf(validSource(dataset), rows.valid, dataset.classes, validNoise, seed);
  return {
    seed,
    train: partOf(dataset.train, rows.train, dataset.classes, noise, seed),
    valid,
    ...(settings.methods.some(needsClean) && {
      clean: cleanRows(valid.trueLabels, dataset.classes, settings.cleanSize, seed),
    }),
  };
}

/** Where the rows of a plan's validation part are found. */
export function validSource(dataset: Dataset): Samples {
  return dataset.valid ?? dataset.train;
}

/** SHA-256 over all samples and labels: tells a resumed run whether it has the same data. */
export function digestOf(dataset: Dataset): string {
  const hash = createHash("sha256");
  for (const part of [dataset.train, dataset.valid, dataset.test]) {
    for (const array of part ? [part.features, part.labels] : []) {
      hash.update(new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
    }
  }
  return hash.digest("hex");
}

function partOf(source: Samples, rows: Int32Array, classes: number, noise: Noise, seed: number): Part {
  const trueLabels = rows.map((row) => source.labels[row]!);
  const { labels, rate, diagonallyDominant } = injectNoise(trueLabels, classes, noise, seed);
  return { rows, trueLabels, labels, noiseRate: rate, diagonallyDominant };
}

function splitRows(
  dataset: Dataset,
  settings: Settings,
  seed: number,
): { train: Int32Array; valid: Int32Array } {
  const poolRows = limitRows(dataset.train.count, settings.trainSize, seed);
  if (dataset.valid) {
    if (settings.validSize !== undefined) {
      const own = `samples that bring ${dataset.valid.count} for validation`;
      throw expected("INVALID_ARGUMENT", "no --valid-size", own, settings.validSize);
    }
    return { train: poolRows, valid: everyRow(dataset.valid.count) };
  }
  const size = settings.validSize ?? defaultValidSize;
  const { kept, heldOut } = splitSamples(takeSamples(dataset.train, poolRows), {
    ...(size < 1 ? { fraction: size } : { count: size }),
    stratified: true,
    seed,
  });
  const sourceRows = (rows: Int32Array) => rows.map((row) => poolRows[row]!);
  return { train: sourceRows(kept), valid: sourceRows(heldOut) };
}

function limitRows(count: number, limit: number | undefined, seed: number): Int32Array {
  if (limit === undefined || limit === count) return everyRow(count);
  if (limit > count) {
    throw expected(
      "INVALID_ARGUMENT",
      `at most the ${count} training samples there are`,
      "--train-size",
      limit,
    );
  }
  return Random.from(seed, "train-size").permutation(count).slice(0, limit);
}

function cleanRows(labels: Int32Array, classes: number, size: number | undefined, seed: number): Int32Array {
  if (size !== undefined && size < classes) {
    throw expected(
      "INVALID_ARGUMENT",
      `at least one sample for each of the ${classes} classes`,
      "--clean-size",
      size,
    );
  }
  const counts = new Int32Array(classes);
  for (const label of labels) counts[label]!++;
  // Asked for, a size is met or refused; by default it is what the rarest class allows.
  const perClass = Math.floor((size ?? defaultCleanSize) / classes);
  const available = Math.max(1, Math.min(perClass, ...counts));
  return balancedRows(labels, classes, size === undefined ? available : perClass, seed);
}

function everyRow(count: number): Int32Array {
  return Int32Array.from({ length: count }, (_, row) => row);
}
