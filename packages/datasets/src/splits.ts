import { checks, expected, LilawError, Random } from "@lilaw/core";
import { checkCount, checkInt32, checkLabels, classTitle } from "./check.js";
import type { Samples } from "./types.js";

/** Rows are numbered with 32 bits. */
const maxRows = 2 ** 31 - 1;

export interface SplitOptions {
  /** Share held out, in (0, 1): `Math.round(fraction * n)` samples. Give this or `count`. */
  fraction?: number;
  /** Number of samples held out, in [1, n). */
  count?: number;
  /** Hold out of every class its share (largest remainders), and at least one sample. Default false. */
  stratified?: boolean;
  /** `[classes]`, for error messages. */
  classNames?: readonly string[];
  seed: number;
}

/** Row indices, each list in ascending order. */
export interface Split {
  kept: Int32Array;
  heldOut: Int32Array;
}

/**
 * Splits samples at random, reproducibly, into two parts that are never empty.
 *
 * @param samples only their labels are looked at: `{ labels }` will do
 * @throws `INVALID_ARGUMENT` for a fraction or count out of range or that leaves a part empty; `EMPTY_CLASS` when a
 *   stratified split cannot give both parts a sample of every class from 0 to the highest label
 */
export function splitSamples(samples: Pick<Samples, "labels">, options: SplitOptions): Split {
  checks.checkObject("samples", samples);
  checks.checkObject("options", options);
  const { labels } = samples;
  checkInt32(labels, "samples.labels");
  const size = heldOutCount(labels.length, options);
  const random = Random.from(options.seed, "split");
  const heldOut = options.stratified
    ? stratifiedRows(labels, size, random, options.classNames)
    : random.permutation(labels.length).slice(0, size).sort();
  const isHeldOut = new Uint8Array(labels.length);
  for (const row of heldOut) isHeldOut[row] = 1;
  const kept = new Int32Array(labels.length - size);
  let place = 0;
  for (let row = 0; row < labels.length; row++) if (isHeldOut[row] === 0) kept[place++] = row;
  return { kept, heldOut };
}

/**
 * Copies the given rows, in the given order; each keeps the `rows`, `lines` and `files` of its source.
 *
 * @param rows indices in [0, samples.count); an index may repeat
 * @throws `INVALID_ARGUMENT` for an index out of range; `LENGTH_MISMATCH` for samples whose arrays do not fit together;
 *   `OUT_OF_MEMORY`
 */
export function takeSamples(samples: Samples, rows: Int32Array): Samples {
  const width = widthOf(samples);
  checkInt32(rows, "rows");
  const features = newFeatures(rows.length * width);
  const labels = new Int32Array(rows.length);
  rows.forEach((row, i) => {
    if (row < 0 || row >= samples.count) {
      throw expected("INVALID_ARGUMENT", `a row in [0, ${samples.count})`, `rows[${i}]`, row);
    }
    features.set(samples.features.subarray(row * width, (row + 1) * width), i * width);
    labels[i] = samples.labels[row]!;
  });
  return {
    features,
    labels,
    count: rows.length,
    shape: samples.shape,
    rows: rows.map((row) => samples.rows?.[row] ?? row),
    ...(samples.lines && { lines: rows.map((row) => samples.lines![row]!) }),
    ...(samples.files && { files: Array.from(rows, (row) => samples.files![row]!) }),
  };
}

/** Numbers a sample. @throws `INVALID_ARGUMENT`, `LENGTH_MISMATCH` for arrays that do not fit together */
function widthOf(samples: Samples): number {
  checks.checkObject("samples", samples);
  const { features, labels, count, shape } = samples;
  if (!ArrayBuffer.isView(features) || !(features instanceof Float32Array))
    throw expected("INVALID_ARGUMENT", "a Float32Array", "samples.features", features);
  checks.checkObject("samples.shape", shape);
  // findIndex, since every passes over holes.
  if (!Array.isArray(shape) || shape.findIndex((size) => !Number.isSafeInteger(size) || size < 0) >= 0)
    throw expected("INVALID_ARGUMENT", "an array of integers", "samples.shape", shape);
  if (!Number.isSafeInteger(count)) throw expected("INVALID_ARGUMENT", "an integer", "samples.count", count);
  const width = shape.reduce((a, b) => a * b, 1);
  if (features.length !== count * width)
    throw expected("LENGTH_MISMATCH", `${count} x ${width} values`, "samples.features", features);
  // Without rows and lines, the labels stand in for them.
  const { rows = labels, lines = labels } = samples;
  for (const [name, values] of Object.entries({ labels, rows, lines })) {
    checkInt32(values, `samples.${name}`);
    if (values.length !== count)
      throw expected("LENGTH_MISMATCH", `${count} values`, `samples.${name}`, values);
  }
  const { files } = samples;
  if (files !== undefined && !(Array.isArray(files) && files.length === count))
    throw expected("LENGTH_MISMATCH", `${count} names`, "samples.files", files);
  return width;
}

function newFeatures(length: number): Float32Array {
  try {
    return new Float32Array(length);
  } catch (cause) {
    throw new LilawError("OUT_OF_MEMORY", `Expected memory for ${length} features but received none`, {
      cause,
    });
  }
}

/**
 * Rows of `perClass` random samples of every class, in ascending order: the small clean balanced set that
 * Learning to Reweight needs.
 *
 * @param classNames `[classes]`, for error messages
 * @throws `EMPTY_CLASS` for a class with fewer samples than that
 */
export function balancedRows(
  labels: Int32Array,
  classes: number,
  perClass: number,
  seed: number,
  classNames?: readonly string[],
): Int32Array {
  checkCount(classes, "classes");
  checkCount(perClass, "perClass");
  checkLabels(labels, classes);
  const random = Random.from(seed, "balanced");
  const chosen = rowsByClass(labels, classes).flatMap((rows, label) => {
    if (rows.length < perClass) {
      const title = classTitle(label, classNames);
      throw expected("EMPTY_CLASS", `at least ${perClass} samples`, title, rows.length);
    }
    return random.shuffle(rows).slice(0, perClass);
  });
  return Int32Array.from(chosen).sort();
}

/**
 * The shuffled batches of one epoch: every row of `[0, count)` once, the last batch with what is left.
 * The order depends on seed and epoch alone, so any epoch can be repeated without those before it.
 */
export function batches(
  count: number,
  batchSize: number,
  seed: number,
  epoch: number,
): Generator<Int32Array, void, undefined> {
  checkCount(count, "count", maxRows);
  checkCount(batchSize, "batchSize");
  if (!Number.isSafeInteger(epoch)) throw expected("INVALID_ARGUMENT", "an integer", "epoch", epoch);
  return slices(Random.from(seed, "batches", epoch).permutation(count), batchSize);
}

function* slices(rows: Int32Array, size: number): Generator<Int32Array, void, undefined> {
  for (let start = 0; start < rows.length; start += size) yield rows.subarray(start, start + size);
}

function heldOutCount(total: number, { fraction, count, stratified }: SplitOptions): number {
  if ((fraction === undefined) === (count === undefined)) {
    throw expected("INVALID_ARGUMENT", "either fraction or count", "a split", { fraction, count });
  }
  if (stratified !== undefined && typeof stratified !== "boolean")
    throw expected("INVALID_ARGUMENT", "a boolean", "stratified", stratified);
  // Negated, so that NaN fails too.
  if (fraction !== undefined && !(typeof fraction === "number" && fraction > 0 && fraction < 1)) {
    throw expected("INVALID_ARGUMENT", "a number in (0, 1)", "fraction", fraction);
  }
  const size = count ?? Math.round(fraction! * total);
  if (!Number.isSafeInteger(size) || size < 1 || size >= total) {
    const name = count === undefined ? `fraction ${fraction} of ${total} samples` : "count";
    throw expected("INVALID_ARGUMENT", `a held-out count in [1, ${total})`, name, size);
  }
  return size;
}

function stratifiedRows(
  labels: Int32Array,
  size: number,
  random: Random,
  classNames: readonly string[] | undefined,
): Int32Array {
  const classes = labels.reduce((highest, label) => Math.max(highest, label), 0) + 1;
  checkLabels(labels, classes);
  const groups = rowsByClass(labels, classes);
  const counts = groups.map((rows) => rows.length);
  checkStratifiable(counts, size, classNames);
  const sizes = apportion(counts, size);
  return Int32Array.from(groups.flatMap((rows, label) => random.shuffle(rows).slice(0, sizes[label]))).sort();
}

/** Refuses splits from whose smaller part a rare class would vanish. */
function checkStratifiable(
  counts: readonly number[],
  size: number,
  classNames: readonly string[] | undefined,
): void {
  counts.forEach((count, label) => {
    if (count >= 2) return;
    const title = classTitle(label, classNames);
    throw expected("EMPTY_CLASS", "at least 2 samples for a stratified split", title, count);
  });
  const kept = counts.reduce((a, b) => a + b, 0) - size;
  if (size < counts.length || kept < counts.length) {
    throw expected(
      "EMPTY_CLASS",
      `at least ${counts.length} samples (one a class) in both parts`,
      "a stratified split",
      `${kept} and ${size}`,
    );
  }
}

/**
 * Shares `size` out in proportion to `counts`, by largest remainder, such that every class has at least one sample
 * on either side.
 */
function apportion(counts: readonly number[], size: number): number[] {
  const total = counts.reduce((a, b) => a + b, 0);
  const quotas = counts.map((count) => (count * size) / total);
  const sizes = quotas.map((quota, label) => Math.min(Math.max(Math.floor(quota), 1), counts[label]! - 1));
  let missing = size - sizes.reduce((a, b) => a + b, 0);
  const step = Math.sign(missing);
  const need = (label: number) => step * (quotas[label]! - sizes[label]!);
  let movable = Array.from(counts.keys());
  while (missing !== 0) {
    movable = movable.filter((label) => sizes[label]! + step >= 1 && sizes[label]! + step < counts[label]!);
    // The class with the greatest need comes next; among equals the first.
    movable.sort((a, b) => need(b) - need(a) || a - b);
    const [first] = movable;
    for (const label of movable) {
      // The first class has already changed, and would be next again.
      if (missing === 0 || (label !== first && need(label) <= need(first!))) break;
      sizes[label]! += step;
      missing -= step;
    }
  }
  return sizes;
}

/**
 * The rows of each class. Where there are more classes than labels, only as many classes are looked at as it takes to
 * have an empty one among them: a single large label would else fill the memory with lists.
 */
function rowsByClass(labels: Int32Array, classes: number): number[][] {
  const groups = Array.from({ length: Math.min(classes, labels.length + 1) }, (): number[] => []);
  labels.forEach((label, row) => {
    groups[label]?.push(row);
  });
  return groups;
}
