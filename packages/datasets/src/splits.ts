import { expected, Random } from "@lilaw/core";
import { checkClasses, checkCount, checkLabels } from "./check.js";
import type { Samples } from "./types.js";

export interface SplitOptions {
  /** Share held out, in (0, 1): `Math.round(fraction * n)` samples. Give this or `count`. */
  fraction?: number;
  /** Number of samples held out, in [1, n). */
  count?: number;
  /** Hold out of every class its share (largest remainders), and at least one sample. Default false. */
  stratified?: boolean;
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
 * @throws `INVALID_ARGUMENT` for a fraction or count out of range or that leaves a part empty; `EMPTY_CLASS` when a
 *   stratified split cannot give both parts a sample of every class from 0 to the highest label
 */
export function splitSamples(samples: Samples, options: SplitOptions): Split {
  const { labels } = samples;
  const size = heldOutCount(labels.length, options);
  const random = Random.from(options.seed, "split");
  const heldOut = options.stratified
    ? stratifiedRows(labels, size, random)
    : random.permutation(labels.length).slice(0, size).sort();
  const isHeldOut = new Uint8Array(labels.length);
  for (const row of heldOut) isHeldOut[row] = 1;
  const kept = Int32Array.from(isHeldOut.keys()).filter((row) => isHeldOut[row] === 0);
  return { kept, heldOut };
}

/**
 * Copies the given rows, in the given order; each keeps the `rows` and `lines` of its source.
 *
 * @param rows indices in [0, samples.count); an index may repeat
 * @throws `INVALID_ARGUMENT` for an index out of range
 */
export function takeSamples(samples: Samples, rows: Int32Array): Samples {
  const width = samples.shape.reduce((a, b) => a * b, 1);
  const features = new Float32Array(rows.length * width);
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
  };
}

/**
 * Rows of `perClass` random samples of every class, in ascending order: the small clean balanced set that
 * Learning to Reweight needs.
 *
 * @throws `EMPTY_CLASS` for a class with fewer samples than that
 */
export function balancedRows(
  labels: Int32Array,
  classes: number,
  perClass: number,
  seed: number,
): Int32Array {
  checkClasses(classes);
  checkCount(perClass, "perClass");
  checkLabels(labels, classes);
  const random = Random.from(seed, "balanced");
  const chosen = rowsByClass(labels, classes).flatMap((rows, label) => {
    if (rows.length < perClass) {
      throw expected("EMPTY_CLASS", `at least ${perClass} samples`, `class ${label}`, rows.length);
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
  checkCount(count, "count");
  checkCount(batchSize, "batchSize");
  return slices(Random.from(seed, "batches", epoch).permutation(count), batchSize);
}

function* slices(rows: Int32Array, size: number): Generator<Int32Array, void, undefined> {
  for (let start = 0; start < rows.length; start += size) yield rows.subarray(start, start + size);
}

function heldOutCount(total: number, { fraction, count }: SplitOptions): number {
  if ((fraction === undefined) === (count === undefined)) {
    throw expected("INVALID_ARGUMENT", "either fraction or count", "a split", { fraction, count });
  }
  // Negated, so that NaN fails too.
  if (fraction !== undefined && !(fraction > 0 && fraction < 1)) {
    throw expected("INVALID_ARGUMENT", "a number in (0, 1)", "fraction", fraction);
  }
  const size = count ?? Math.round(fraction! * total);
  if (!Number.isSafeInteger(size) || size < 1 || size >= total) {
    const name = count === undefined ? `fraction ${fraction} of ${total} samples` : "count";
    throw expected("INVALID_ARGUMENT", `a held-out count in [1, ${total})`, name, size);
  }
  return size;
}

function stratifiedRows(labels: Int32Array, size: number, random: Random): Int32Array {
  const classes = labels.reduce((highest, label) => Math.max(highest, label), 0) + 1;
  checkLabels(labels, classes);
  const groups = rowsByClass(labels, classes);
  const sizes = apportion(
    groups.map((rows) => rows.length),
    size,
  );
  return Int32Array.from(groups.flatMap((rows, label) => random.shuffle(rows).slice(0, sizes[label]))).sort();
}

/**
 * Shares `size` out in proportion to `counts`, by largest remainder, such that every class has at least one
 * sample on either side: a rare class would else vanish from the smaller part.
 */
function apportion(counts: readonly number[], size: number): number[] {
  const total = counts.reduce((a, b) => a + b, 0);
  counts.forEach((count, label) => {
    if (count < 2) {
      throw expected("EMPTY_CLASS", "at least 2 samples for a stratified split", `class ${label}`, count);
    }
  });
  if (size < counts.length || total - size < counts.length) {
    throw expected(
      "EMPTY_CLASS",
      `at least ${counts.length} samples (one a class) in both parts`,
      "a stratified split",
      `${total - size} and ${size}`,
    );
  }
  const quotas = counts.map((count) => (count * size) / total);
  const sizes = quotas.map((quota, label) => Math.min(Math.max(Math.floor(quota), 1), counts[label]! - 1));
  const missing = size - sizes.reduce((a, b) => a + b, 0);
  const step = Math.sign(missing);
  for (let i = 0; i < Math.abs(missing); i++) {
    let best = -1;
    let largest = Number.NEGATIVE_INFINITY;
    sizes.forEach((current, label) => {
      const next = current + step;
      const need = step * (quotas[label]! - current);
      if (next >= 1 && next < counts[label]! && need > largest) {
        best = label;
        largest = need;
      }
    });
    sizes[best]! += step;
  }
  return sizes;
}

function rowsByClass(labels: Int32Array, classes: number): number[][] {
  const groups = Array.from({ length: classes }, (): number[] => []);
  labels.forEach((label, row) => {
    groups[label]!.push(row);
  });
  return groups;
}
