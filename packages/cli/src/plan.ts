import { expected, LilawError, Random } from "@lilaw/core";
import {
  balancedRows,
  type Dataset,
  injectNoise,
  type Noise,
  parseNoise,
  type Samples,
  splitSamples,
} from "@lilaw/datasets";
import type { SplitCorrections } from "./corrections.js";
import type { Corrections } from "./decisions.js";
import { needsClean } from "./methods.js";
import { defaultCleanSize, defaultPartSize, injectsNoise, type Settings } from "./settings.js";

/** The facts that decide how training samples are divided; their features need not be in memory. */
export interface Source {
  /** Class of every training sample. */
  readonly labels: Int32Array;
  readonly classNames: readonly string[];
  /** The splits that have samples of their own; the others are held out of the training samples. */
  readonly splits: readonly string[];
}

/** How the training samples are divided; each list holds indices into them. */
export interface Division {
  /** The test part, the same for every seed; absent where the source has a test split. */
  readonly test?: Int32Array;
  readonly seeds: readonly SeedDivision[];
}

interface SeedDivision {
  readonly seed: number;
  readonly train: Int32Array;
  /** The validation part; absent where the source has a validation split. */
  readonly valid?: Int32Array;
}

/** A part of the samples of one seed, with the labels that training gets. */
export interface Part {
  /** Indices into the samples of the source. */
  readonly rows: Int32Array;
  /** Labels before the noise; absent where no noise is injected, since it is unknown then which labels are right. */
  readonly trueLabels?: Int32Array;
  /** Labels that training or model selection uses. */
  readonly labels: Int32Array;
  /** Share of labels that the noise changed. */
  readonly noiseRate: number;
  /** Whether the nominal noise leaves every class more of its labels than it moves to any one other class. */
  readonly diagonallyDominant: boolean;
  /** A remark on the noise, for people. */
  readonly note?: string;
}

/** The samples whose labels a method trusts, equally many of every class. */
export interface CleanPart {
  /** The split whose samples `rows` counts. */
  readonly of: "valid" | "clean";
  readonly rows: Int32Array;
  readonly labels: Int32Array;
}

/** The split and the noise of one seed. */
export interface SeedPlan {
  readonly seed: number;
  readonly train: Part;
  readonly valid: Part;
  readonly clean?: CleanPart;
}

/** Seed of the test part. Entries of `--seeds` are not negative, so that no validation part is drawn by the same numbers. */
const testSeed = -1;

/**
 * Divides the training samples: holds out a stratified test part (unless the source has a test split), then for each
 * seed takes as many of the others as `--train-size` says, and holds out a stratified validation part of those (unless
 * the source has one).
 *
 * @throws INVALID_ARGUMENT (sizes), EMPTY_CLASS
 */
export function divide(source: Source, settings: Settings): Division {
  const { labels } = source;
  const [ownTest, ownValid] = [source.splits.includes("test"), source.splits.includes("valid")];
  if (ownTest && settings.testSize !== undefined) throw sizeOfOwn("--test-size", settings.testSize);
  if (ownValid && settings.validSize !== undefined) throw sizeOfOwn("--valid-size", settings.validSize);
  if (source.classNames.length < 2) {
    const name = `the training labels (all are ${JSON.stringify(source.classNames[0])})`;
    throw expected("INVALID_ARGUMENT", "at least 2 classes", name, 1);
  }
  const purposes = ["train", ...(ownValid ? [] : ["validate"]), ...(ownTest ? [] : ["test"])];
  const everything = everyRow(labels.length);
  checkClasses(source, everything, purposes);
  const { kept, heldOut } = ownTest
    ? { kept: everything, heldOut: undefined }
    : holdOut(labels, everything, settings.testSize, "--test-size", testSeed);
  const seeds = settings.seeds.map((seed) => {
    const pool = limitRows(kept, labels.length, settings.trainSize, seed);
    if (ownValid) return { seed, train: pool };
    if (pool.length < kept.length) checkClasses(source, pool, purposes.slice(0, 2), "--train-size");
    const split = holdOut(labels, pool, settings.validSize, "--valid-size", seed);
    return { seed, train: split.kept, valid: split.heldOut };
  });
  return { ...(heldOut && { test: heldOut }), seeds };
}

/** All rows that a division uses, in ascending order. */
export function rowsOf({ test, seeds }: Division, count: number): Int32Array {
  const used = new Uint8Array(count);
  for (const rows of [test, ...seeds.flatMap(({ train, valid }) => [train, valid])]) {
    for (const row of rows ?? []) used[row] = 1;
  }
  return everyRow(count).filter((row) => used[row] === 1);
}

/** The same division with indices into the samples `kept` (ascending), where only these are loaded. */
export function relocate({ test, seeds }: Division, kept: Int32Array): Division {
  const places = new Int32Array((kept.at(-1) ?? -1) + 1);
  kept.forEach((row, place) => {
    places[row] = place;
  });
  const placesOf = (rows: Int32Array) => rows.map((row) => places[row]!);
  return {
    ...(test && { test: placesOf(test) }),
    seeds: seeds.map(({ seed, train, valid }) => ({
      seed,
      train: placesOf(train),
      ...(valid && { valid: placesOf(valid) }),
    })),
  };
}

/**
 * Injects the noise of one seed into its training and validation labels, corrects these, and chooses the clean samples.
 * The division is that without corrections, so that runs with and without them can be compared sample by sample.
 *
 * @throws INVALID_ARGUMENT (sizes), EMPTY_CLASS, INCOMPATIBLE_STATE (decisions about other labels)
 */
export function planSeed(
  dataset: Dataset,
  { seed, train, valid }: SeedDivision,
  settings: Settings,
  corrections?: SplitCorrections,
): SeedPlan {
  const noise = parseNoise(settings.noise);
  const validNoise: Noise = settings.validLabels === "clean" ? { kind: "none" } : noise;
  const draw = { classes: dataset.classes, seed, isKnown: injectsNoise(settings) };
  const source = validSource(dataset);
  const correct = (part: Part, of: Samples, split: "train" | "valid") =>
    corrections ? corrected(part, of, dataset.classNames, corrections[split]) : part;
  const validPart = correct(
    partOf(source, valid ?? everyRow(source.count), validNoise, draw),
    source,
    "valid",
  );
  const trainPart = correct(partOf(dataset.train, train, noise, draw), dataset.train, "train");
  const count = trainPart.rows.length;
  if (settings.folds !== undefined && settings.folds > count)
    throw expected("INVALID_ARGUMENT", `at most ${count} (the training samples)`, "--folds", settings.folds);
  return {
    seed,
    train: trainPart,
    valid: validPart,
    ...(settings.methods.some(needsClean) && {
      clean: cleanPart(dataset, validPart, settings.cleanSize, seed),
    }),
  };
}

/** The samples that the rows of a plan's validation part count. */
export function validSource(dataset: Dataset): Samples {
  return dataset.valid ?? dataset.train;
}

/** @param draw `isKnown`: whether the labels of the source are known to be the true ones */
function partOf(
  source: Samples,
  rows: Int32Array,
  noise: Noise,
  { classes, seed, isKnown }: { classes: number; seed: number; isKnown: boolean },
): Part {
  const given = rows.map((row) => source.labels[row]!);
  const part = { rows, ...(isKnown && { trueLabels: given }) };
  if (noise.kind === "none") return { ...part, labels: given, noiseRate: 0, diagonallyDominant: true };
  const { labels, rate, diagonallyDominant, note } = injectNoise(given, classes, noise, seed);
  return { ...part, labels, noiseRate: rate, diagonallyDominant, ...(note !== undefined && { note }) };
}

/** A part with the labels as corrected, without the samples that are left out. */
function corrected(
  part: Part,
  { rows: places }: Samples,
  classNames: readonly string[],
  corrections: Corrections,
): Part {
  const classes = new Map(classNames.map((name, index) => [name, index]));
  const labels = Array.from(part.rows, (row, i) => {
    const name = corrections.labelOf(places?.[row] ?? row, classNames[part.labels[i]!]!);
    return name === null ? undefined : classes.get(name)!;
  });
  const kept = everyRow(labels.length).filter((i) => labels[i] !== undefined);
  if (kept.length === 0)
    throw expected("EMPTY_CLASS", "samples that are not excluded", "--decisions", "none");
  const { trueLabels } = part;
  return {
    ...part,
    rows: kept.map((i) => part.rows[i]!),
    ...(trueLabels && { trueLabels: kept.map((i) => trueLabels[i]!) }),
    labels: kept.map((i) => labels[i]!),
  };
}

function cleanPart(dataset: Dataset, valid: Part, size: number | undefined, seed: number): CleanPart {
  const { clean, classes, classNames } = dataset;
  const [labels, rows] = clean
    ? [clean.labels, everyRow(clean.count)]
    : [valid.trueLabels ?? valid.labels, valid.rows];
  const chosen = cleanRows(labels, classes, classNames, size, seed);
  return {
    of: clean ? "clean" : "valid",
    rows: chosen.map((place) => rows[place]!),
    labels: chosen.map((place) => labels[place]!),
  };
}

function cleanRows(
  labels: Int32Array,
  classes: number,
  classNames: readonly string[],
  size: number | undefined,
  seed: number,
): Int32Array {
  if (size !== undefined && size < classes) {
    const wanted = `at least one sample for each of the ${classes} classes`;
    throw expected("INVALID_ARGUMENT", wanted, "--clean-size", size);
  }
  const counts = countsOf(labels, classes);
  const perClass = Math.floor((size ?? defaultCleanSize) / classes);
  // A size that was asked for is met or refused. The default size shrinks to what the rarest class allows.
  const wanted = size === undefined ? Math.max(1, Math.min(perClass, ...counts)) : perClass;
  const lacking = counts.findIndex((count) => count < wanted);
  if (lacking >= 0) {
    const where = `class ${JSON.stringify(classNames[lacking])} among the samples with right labels`;
    throw expected(
      "EMPTY_CLASS",
      `at least ${wanted} (--clean-size divided by the number of classes)`,
      where,
      counts[lacking],
    );
  }
  return balancedRows(labels, classes, wanted, seed);
}

/** Divides `rows` in two parts with the same shares of every class. */
function holdOut(
  labels: Int32Array,
  rows: Int32Array,
  size: number = defaultPartSize,
  flag: string,
  seed: number,
): { kept: Int32Array; heldOut: Int32Array } {
  const own = rows.map((row) => labels[row]!);
  const classes = new Set(own).size;
  const count = size < 1 ? Math.round(size * rows.length) : size;
  if (count < classes || rows.length - count < classes) {
    const part = `${classes} to ${rows.length - classes} samples (of ${rows.length}, which have ${classes} classes)`;
    throw expected("INVALID_ARGUMENT", part, flag, count);
  }
  const { kept, heldOut } = splitSamples({ labels: own }, { count, stratified: true, seed });
  return { kept: kept.map((place) => rows[place]!), heldOut: heldOut.map((place) => rows[place]!) };
}

/** @throws EMPTY_CLASS unless every class has a sample for each purpose */
function checkClasses(
  { labels, classNames }: Source,
  rows: Int32Array,
  purposes: readonly string[],
  flag?: string,
): void {
  if (purposes.length === 1) return;
  const counts = countsOf(
    rows.map((row) => labels[row]!),
    classNames.length,
  );
  const rare = counts.findIndex((count) => count < purposes.length);
  if (rare < 0) return;
  const wanted = `at least ${purposes.length} samples (to ${purposes.join(", ")})`;
  const name = `class ${JSON.stringify(classNames[rare])}${flag ? ` among the ${rows.length} of ${flag}` : ""}`;
  const files = purposes.slice(1).map((purpose) => (purpose === "test" ? "--test FILE" : "--valid FILE"));
  const more = flag ? `a larger ${flag}` : "more samples of the class, the training file without it";
  const help = () => {
    if (counts[rare] === 0 && flag === undefined)
      return "No training sample has it. Classes of arrays count from 0: subtract 1 from labels that count from 1";
    if (classNames.length > labels.length / 2)
      return `The ${labels.length} labels hold ${classNames.length} different values, as numbers to predict do; classes have many samples each`;
    return `These help: ${more}, or ${files.join(" and ")}`;
  };
  const { message } = expected("EMPTY_CLASS", wanted, name, counts[rare]);
  throw new LilawError("EMPTY_CLASS", `${message}\n${help()}`);
}

function limitRows(rows: Int32Array, all: number, limit: number | undefined, seed: number): Int32Array {
  if (limit === undefined || limit === rows.length) return rows;
  if (limit > rows.length) {
    const held = rows.length < all ? ` (${all - rows.length} more are the test part)` : "";
    const wanted = `at most the ${rows.length} training samples there are${held}`;
    throw expected("INVALID_ARGUMENT", wanted, "--train-size", limit);
  }
  return Random.from(seed, "train-size")
    .permutation(rows.length)
    .slice(0, limit)
    .map((place) => rows[place]!);
}

function sizeOfOwn(flag: string, size: number): Error {
  const split = flag === "--test-size" ? "test" : "validation";
  return expected("INVALID_ARGUMENT", `no ${flag}`, `a source that brings its ${split} samples`, size);
}

/** `[classes]`, the number of labels of each class. */
export function countsOf(labels: Int32Array, classes: number): number[] {
  const counts = new Array<number>(classes).fill(0);
  for (const label of labels) counts[label]!++;
  return counts;
}

function everyRow(count: number): Int32Array {
  return Int32Array.from({ length: count }, (_, row) => row);
}
