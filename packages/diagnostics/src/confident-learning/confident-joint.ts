import { expected } from "@lilaw/core";
import { ExactSum } from "./exact-sum.js";
import { type Chunk, checkProbs, chunkOf, clipped, type LabelledProbs } from "./labelled-probs.js";

/** Two probabilities that differ by less count as equal where they are compared with a bound. */
const equal = 1e-6;

/** Estimates of how labels are wrong, from confident learning (Northcutt et al. 2021). Matrices are arrays of rows. */
export interface ConfidentJoint {
  /** Number of samples of each given label, [C]. */
  readonly labelCounts: readonly number[];
  /** Mean probability of each class over the samples labelled so, [C]; Infinity for a class that no sample is labelled. */
  readonly thresholds: readonly number[];
  /** Row i, column j: estimated number of samples labelled i whose true class is j; row i sums to `labelCounts[i]`. */
  readonly counts: readonly (readonly number[])[];
  /** Estimated number of wrong labels: as many as the filter `confident_learning` finds. */
  readonly issues: number;
}

/** Probabilities from which samples are confidently in a class. */
export const boundsOf = (thresholds: readonly number[]): Float64Array =>
  Float64Array.from(thresholds, (threshold) => threshold - equal);

/** The class that the sample is confidently in, the most probable one where there are several; -1 where there is none. */
export function confidentClass({ probs }: Chunk, start: number, bounds: Float64Array): number {
  let confident = -1;
  let several = false;
  for (let k = 0; k < bounds.length; k++) {
    if (probs[start + k]! < bounds[k]!) continue;
    several = confident !== -1;
    confident = k;
  }
  return several ? mostProbable(probs, start, bounds.length) : confident;
}

function mostProbable(probs: Chunk["probs"], start: number, classes: number): number {
  let best = 0;
  for (let k = 1; k < classes; k++) if (probs[start + k]! > probs[start + best]!) best = k;
  return best;
}

/** The class predicted instead of the given label, or -1 where the label is as probable as any other class. */
export function suggestionFor({ probs, classes }: Chunk, start: number, label: number): number {
  const best = mostProbable(probs, start, classes);
  if (best === label) return -1;
  const [own, other] = [clipped(probs[start + label]!) + equal, clipped(probs[start + best]!)];
  return other > own || (other === own && best < label) ? best : -1;
}

/** First pass over the samples: how many have each label, and the mean probabilities of their labels. */
export class LabelSums {
  readonly classes: number;
  readonly labelCounts: number[];
  readonly #sums: ExactSum[];

  /** @param classes C, from 1 to 10,000 */
  constructor(classes: number) {
    this.classes = checkClasses(classes);
    this.labelCounts = new Array(classes).fill(0);
    this.#sums = Array.from({ length: classes }, () => new ExactSum());
  }

  /** @throws `INVALID_ARGUMENT`, `LENGTH_MISMATCH`, `LABEL_OUT_OF_RANGE`, `NON_FINITE`; nothing has changed then */
  add(samples: LabelledProbs): void {
    this.addChunk(chunkOf(samples, this.classes));
  }

  addChunk(chunk: Chunk): void {
    checkProbs(chunk, total(this.labelCounts));
    const { count, classes, labels, probs } = chunk;
    const [counts, sums] = [this.labelCounts, this.#sums];
    for (let row = 0; row < count; row++) {
      const label = labels[row]!;
      counts[label]!++;
      sums[label]!.add(clipped(probs[row * classes + label]!));
    }
  }

  /** Adds the sums of other samples. The result is the same in any order. */
  merge(other: LabelSums): void {
    checkSame("classes", this.classes, other.classes);
    addCounts(this.labelCounts, other.labelCounts);
    this.#sums.forEach((sum, k) => {
      sum.merge(other.#sums[k]!);
    });
  }

  /** See {@link ConfidentJoint.thresholds}. */
  get thresholds(): number[] {
    // The bound keeps a class that is never predicted from claiming every sample.
    return this.#sums.map((sum, k) =>
      this.labelCounts[k] === 0 ? Infinity : Math.max(sum.value / this.labelCounts[k]!, 2 * equal),
    );
  }
}

/** Second pass over the same samples: which of them are confidently in which class. */
export class JointCounts {
  readonly thresholds: readonly number[];
  readonly #bounds: Float64Array;
  readonly #labelCounts: readonly number[];
  /** Of the samples of this pass */
  readonly #seen: number[];
  readonly #counts: number[][];
  #issues = 0;

  /** @param sums of all samples */
  constructor(sums: LabelSums) {
    this.thresholds = sums.thresholds;
    this.#bounds = boundsOf(this.thresholds);
    this.#labelCounts = [...sums.labelCounts];
    this.#seen = zeros(sums.classes);
    this.#counts = this.#seen.map(() => zeros(sums.classes));
  }

  /** @throws as {@link LabelSums.add} */
  add(samples: LabelledProbs): void {
    this.addChunk(chunkOf(samples, this.thresholds.length));
  }

  addChunk(chunk: Chunk): void {
    const { count, classes, labels } = chunk;
    const [bounds, seen, counts] = [this.#bounds, this.#seen, this.#counts];
    for (let row = 0; row < count; row++) {
      const label = labels[row]!;
      const confident = confidentClass(chunk, row * classes, bounds);
      seen[label]!++;
      if (confident === -1) continue;
      counts[label]![confident]!++;
      if (confident !== label && suggestionFor(chunk, row * classes, label) !== -1) this.#issues++;
    }
  }

  /** Adds the counts of other samples. */
  merge(other: JointCounts): void {
    checkSame("classes", this.thresholds.length, other.thresholds.length);
    addCounts(this.#seen, other.#seen);
    this.#counts.forEach((row, i) => {
      addCounts(row, other.#counts[i]!);
    });
    this.#issues += other.#issues;
  }

  /** Number of samples that are confidently in another class than their label's. */
  get offDiagonal(): number {
    return this.#counts.reduce((sum, row, i) => sum + total(row) - row[i]!, 0);
  }

  /** @throws `INVALID_ARGUMENT` where the samples are not those of the first pass */
  get joint(): ConfidentJoint {
    checkSamePass(this.#seen, this.#labelCounts);
    const labelCounts = [...this.#labelCounts];
    const all = total(labelCounts);
    // Each class has a sample that is rightly labelled, so that no row is empty.
    const counts = this.#counts.map((row, i) => row.with(i, Math.max(row[i]!, 1)));
    const rows = counts.map((row, i) => {
      const sum = total(row);
      return row.map((count) => (count / sum) * labelCounts[i]!);
    });
    const sum = total(rows.map(total));
    const calibrated = rows.map((row) => roundedKeepingSum(row.map((count) => (count / sum) * all)));
    return { labelCounts, thresholds: this.thresholds, counts: calibrated, issues: this.#issues };
  }
}

/**
 * The confident joint of samples.
 *
 * @param classes C; default the length of a row
 * @throws `INVALID_ARGUMENT`, `LENGTH_MISMATCH`, `LABEL_OUT_OF_RANGE`, `NON_FINITE`
 */
export function confidentJoint(samples: LabelledProbs, classes?: number): ConfidentJoint {
  return jointOf(chunkOf(samples, classes)).joint;
}

export function jointOf(chunk: Chunk): JointCounts {
  const sums = new LabelSums(chunk.classes);
  sums.addChunk(chunk);
  const counts = new JointCounts(sums);
  counts.addChunk(chunk);
  return counts;
}

/** Integers with the rounded sum of the given numbers: the largest fractions are rounded up, the first ones of equal fractions. */
export function roundedKeepingSum(values: readonly number[]): number[] {
  const rounded = values.map(Math.floor);
  const missing = Math.round(total(values)) - total(rounded);
  values
    .map((value, i) => ({ i, fraction: value - rounded[i]! }))
    .sort((a, b) => b.fraction - a.fraction || a.i - b.i)
    .slice(0, missing)
    .forEach(({ i }) => {
      rounded[i]!++;
    });
  return rounded;
}

export const total = (counts: readonly number[]): number => counts.reduce((sum, count) => sum + count, 0);

/** @throws `INVALID_ARGUMENT` where a pass saw other labels than the first one */
export function checkSamePass(seen: readonly number[], first: readonly number[]): void {
  const differs = seen.findIndex((count, k) => count !== first[k]);
  if (differs === -1) return;
  const expectation = `the samples of the first pass (${first[differs]} of label ${differs})`;
  throw expected("INVALID_ARGUMENT", expectation, "chunks", `${seen[differs]} of that label`);
}

export function checkSame(name: string, own: number, other: number): void {
  if (own !== other) throw expected("LENGTH_MISMATCH", `${own} as in the merged ones`, name, other);
}

export function addCounts(counts: number[], others: readonly number[]): void {
  others.forEach((count, k) => {
    counts[k]! += count;
  });
}

const zeros = (length: number): number[] => new Array<number>(length).fill(0);

/** A matrix of this many classes takes 800 MB. */
const mostClasses = 10_000;

function checkClasses(classes: number): number {
  if (Number.isSafeInteger(classes) && classes >= 1 && classes <= mostClasses) return classes;
  throw expected("INVALID_ARGUMENT", `an integer from 1 to ${mostClasses}`, "classes", classes);
}
