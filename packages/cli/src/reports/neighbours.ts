import type { SampleRow } from "../samples.js";

/** The numbers of each sample by which samples are near or far. */
export type Vectors = ReadonlyMap<number, Float32Array>;

/** Samples of a class with which a suspect is compared: more would cost time, and be no nearer to the eye. */
const poolSize = 500;
/** Numbers that are read for one suspect and class; a wide space gets a smaller pool. */
const poolNumbers = 2 ** 21;

/** A mean of equal probabilities may round to more than they are. */
const rounding = 1e-6;

/**
 * For each class the samples of whose label the model is confident: it predicts that label, with at least the mean probability
 * that it gives the label in its samples. Of many, some are taken at equal distances.
 *
 * @returns `[classes]`, places among the samples
 */
export function confidentPools(
  samples: readonly Pick<SampleRow, "label" | "prediction" | "labelProb">[],
  classes: number,
  width: number,
): number[][] {
  const [sums, counts] = [new Float64Array(classes), new Float64Array(classes)];
  for (const { label, labelProb } of samples) {
    sums[label]! += labelProb;
    counts[label]!++;
  }
  const pools: number[][] = Array.from({ length: classes }, () => []);
  samples.forEach(({ label, prediction, labelProb }, place) => {
    const isConfident = prediction === label && labelProb >= sums[label]! / counts[label]! - rounding;
    if (isConfident) pools[label]!.push(place);
  });
  const most = Math.max(20, Math.min(poolSize, Math.floor(poolNumbers / Math.max(1, width))));
  return pools.map((pool) => evenly(pool, most));
}

/** The other places of a pool that are nearest to a sample, nearest first; the earlier of two that are equally near. */
export function nearest(vectors: Vectors, place: number, pool: readonly number[], count: number): number[] {
  const own = vectors.get(place)!;
  const others = pool.filter((other) => other !== place);
  const distances = others.map((other) => ({ other, sum: squaredDistance(own, vectors.get(other)!) }));
  return distances
    .sort((a, b) => a.sum - b.sum || a.other - b.other)
    .slice(0, count)
    .map(({ other }) => other);
}

function squaredDistance(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i]! - b[i]!) ** 2;
  return sum;
}

/** At most `count` of the entries, at equal distances. */
export function evenly<T>(entries: readonly T[], count: number): T[] {
  if (entries.length <= count) return [...entries];
  return Array.from({ length: count }, (_, i) => entries[Math.floor((i * entries.length) / count)]!);
}
