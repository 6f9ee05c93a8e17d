import { checks, expected } from "@lilaw/core";
import {
  addCounts,
  boundsOf,
  type ConfidentJoint,
  checkSame,
  checkSamePass,
  confidentClass,
  type JointCounts,
  roundedKeepingSum,
  suggestionFor,
} from "./confident-joint.js";
import { checkRanking, type LabelRanking, type Quality, qualities } from "./label-quality.js";
import { type Chunk, chunkOf, clipped, type LabelledProbs, largestOther } from "./labelled-probs.js";
import { Lowest } from "./lowest.js";
import { Suspects } from "./suspects.js";

/**
 * Which labels are taken for wrong, by the names of cleanlab. None of them selects a label that is as probable as any other class.
 *
 * | filter | selects |
 * |---|---|
 * | `prune_by_noise_rate` | for each i and j, of the samples labelled i the `counts[i][j]` with the largest p_j - p_i |
 * | `prune_by_class` | for each i, of the samples labelled i the `labelCounts[i] - counts[i][i]` with the lowest p_i |
 * | `both` | those that both select |
 * | `confident_learning` | samples that are confidently in another class |
 * | `predicted_neq_given` | samples for which another class is predicted |
 * | `low_normalized_margin`, `low_self_confidence` | as many as are confidently in another class, those with the lowest quality |
 *
 * `prune_by_noise_rate` and `prune_by_class` leave alone classes with a single sample, and one sample of each other class. Of samples
 * that are equal in the last place the former takes all, the latter none, and the last two those of the lowest rows.
 */
export type LabelFilter = (typeof labelFilters)[number];

export const labelFilters = [
  "prune_by_noise_rate",
  "prune_by_class",
  "both",
  "confident_learning",
  "predicted_neq_given",
  "low_normalized_margin",
  "low_self_confidence",
] as const;

export interface SelectionOptions {
  /** Default `prune_by_noise_rate`. */
  readonly filterBy?: LabelFilter | undefined;
  /** Default `self_confidence`. */
  readonly rankBy?: LabelRanking | undefined;
}

/** A label that is taken for wrong. */
export interface SuspectLabel {
  readonly row: number;
  /** The label it was given. */
  readonly label: number;
  /** The most probable class. */
  readonly suggestedLabel: number;
  /** In [0, 1], high = suspect: 1 minus the quality of the label. */
  readonly score: number;
}

/** Gathers the suspects of one filter. */
interface Selector {
  add(chunk: Chunk, firstRow: number): void;
  merge(other: this): void;
  readonly found: Suspects;
}

/** Third pass over the same samples: those whose labels are taken for wrong, in memory for a few times their number. */
export class IssueSelection {
  readonly filterBy: LabelFilter;
  readonly rankBy: LabelRanking;
  readonly joint: ConfidentJoint;
  readonly #selector: Selector;
  readonly #seen: number[];
  #row: number;

  /**
   * @param counts of all samples
   * @param firstRow the row of the first sample that is added; not 0 for a part of the samples
   */
  constructor(counts: JointCounts, options: SelectionOptions = {}, firstRow = 0) {
    checks.checkObject("options", options);
    this.filterBy = checkFilter(options.filterBy ?? "prune_by_noise_rate");
    this.rankBy = checkRanking(options.rankBy ?? "self_confidence");
    this.joint = counts.joint;
    this.#selector = selectors[this.filterBy](this.joint, qualities[this.rankBy], counts.offDiagonal);
    this.#seen = this.joint.labelCounts.map(() => 0);
    this.#row = firstRow;
  }

  /** @throws as `LabelSums.add` */
  add(samples: LabelledProbs): void {
    this.addChunk(chunkOf(samples, this.#seen.length));
  }

  addChunk(chunk: Chunk): void {
    const [seen, { labels }] = [this.#seen, chunk];
    for (let row = 0; row < chunk.count; row++) seen[labels[row]!]!++;
    this.#selector.add(chunk, this.#row);
    this.#row += chunk.count;
  }

  /** Adds what another selection, by the same filter and ranking, found among other samples. */
  merge(other: IssueSelection): void {
    checkSame("classes", this.#seen.length, other.#seen.length);
    if (other.filterBy !== this.filterBy || other.rankBy !== this.rankBy) {
      const own = `${this.filterBy} ranked by ${this.rankBy}`;
      throw expected("INVALID_ARGUMENT", own, "the merged selection", `${other.filterBy}, ${other.rankBy}`);
    }
    addCounts(this.#seen, other.#seen);
    this.#selector.merge(other.#selector);
  }

  /**
   * Most suspect first; equal ones in the order of the rows.
   *
   * @throws `INVALID_ARGUMENT` where the samples are not those of the first pass
   */
  get issues(): SuspectLabel[] {
    checkSamePass(this.#seen, this.joint.labelCounts);
    const { rows, labels, suggestions, qualities, length } = this.#selector.found;
    const order = Uint32Array.from({ length }, (_, i) => i);
    order.sort((a, b) => qualities[a]! - qualities[b]! || rows[a]! - rows[b]!);
    return Array.from(order, (i) => ({
      row: rows[i]!,
      label: labels[i]!,
      suggestedLabel: suggestions[i]!,
      score: 1 - qualities[i]!,
    }));
  }
}

type SelectorOf = (joint: ConfidentJoint, quality: Quality, offDiagonal: number) => Selector;

const selectors: Record<LabelFilter, SelectorOf> = {
  prune_by_noise_rate: (joint, quality) => new ByNoiseRate(joint, quality),
  prune_by_class: (joint, quality) => new ByClass(joint, quality),
  both: (joint, quality) => new Both(new ByNoiseRate(joint, quality), new ByClass(joint, quality)),
  confident_learning: ({ thresholds }, quality) => {
    const bounds = boundsOf(thresholds);
    return new EachOf(quality, (chunk, start, label) => {
      const confident = confidentClass(chunk, start, bounds);
      return confident !== -1 && confident !== label;
    });
  },
  predicted_neq_given: (_, quality) => new EachOf(quality, () => true),
  low_normalized_margin: (_, quality, count) => new ByQuality("normalized_margin", count, quality),
  low_self_confidence: (_, quality, count) => new ByQuality("self_confidence", count, quality),
};

/** Suspects that can be told one by one. */
class EachOf implements Selector {
  readonly found = new Suspects();
  readonly #quality: Quality;
  readonly #selects: (chunk: Chunk, start: number, label: number) => boolean;

  constructor(quality: Quality, selects: (chunk: Chunk, start: number, label: number) => boolean) {
    this.#quality = quality;
    this.#selects = selects;
  }

  add(chunk: Chunk, firstRow: number): void {
    const { count, classes, labels, probs } = chunk;
    for (let row = 0; row < count; row++) {
      const [start, label] = [row * classes, labels[row]!];
      const suggestion = suggestionFor(chunk, start, label);
      if (suggestion === -1 || !this.#selects(chunk, start, label)) continue;
      this.found.push(0, firstRow + row, label, suggestion, this.#quality(probs, start, classes, label));
    }
  }

  merge(other: this): void {
    this.found.pushAll(other.found);
  }
}

/** Adds a sample to the lowest ones, with its suggestion and quality. */
function addSample(
  lowest: Lowest,
  key: number,
  { chunk, row, firstRow, quality }: { chunk: Chunk; row: number; firstRow: number; quality: Quality },
): void {
  const { classes, labels, probs } = chunk;
  const [start, label] = [row * classes, labels[row]!];
  const suggestion = suggestionFor(chunk, start, label);
  const value = suggestion === -1 ? 0 : quality(probs, start, classes, label);
  lowest.add(key, firstRow + row, label, suggestion, value);
}

/** The samples with the lowest quality. */
class ByQuality implements Selector {
  readonly #lowest: Lowest;
  readonly #key: Quality;
  readonly #quality: Quality;

  constructor(key: LabelRanking, count: number, quality: Quality) {
    this.#lowest = new Lowest(count, "rows");
    this.#key = qualities[key];
    this.#quality = quality;
  }

  add(chunk: Chunk, firstRow: number): void {
    const { count, classes, labels, probs } = chunk;
    for (let row = 0; row < count; row++) {
      const key = this.#key(probs, row * classes, classes, labels[row]!);
      if (key <= this.#lowest.bound)
        addSample(this.#lowest, key, { chunk, row, firstRow, quality: this.#quality });
    }
  }

  merge(other: this): void {
    this.#lowest.merge(other.#lowest);
  }

  get found(): Suspects {
    return this.#lowest.found;
  }
}

/** Of each class the samples that are least probable in it. */
class ByClass implements Selector {
  readonly #lowest: Lowest[];
  readonly #quality: Quality;

  constructor(joint: ConfidentJoint, quality: Quality) {
    const { labelCounts } = joint;
    const pruned = prunedCounts(joint).map((row, i) => Math.max(0, labelCounts[i]! - row[i]!));
    // The first sample that is not pruned bounds the others, so that equal ones are not either.
    this.#lowest = pruned.map((count, i) => new Lowest(labelCounts[i]! > 1 ? count + 1 : 0, "none"));
    this.#quality = quality;
  }

  add(chunk: Chunk, firstRow: number): void {
    const { count, classes, labels, probs } = chunk;
    for (let row = 0; row < count; row++) {
      const label = labels[row]!;
      const key = clipped(probs[row * classes + label]!);
      const lowest = this.#lowest[label]!;
      if (key <= lowest.bound) addSample(lowest, key, { chunk, row, firstRow, quality: this.#quality });
    }
  }

  merge(other: this): void {
    this.#lowest.forEach((lowest, i) => {
      lowest.merge(other.#lowest[i]!);
    });
  }

  get found(): Suspects {
    return union(this.#lowest.map(({ found }) => found));
  }
}

/** Of each class, for each other class, the samples that are most probable in that one and least in their own. */
class ByNoiseRate implements Selector {
  /** For each label */
  readonly #pairs: readonly Pairs[];
  readonly #quality: Quality;

  constructor(joint: ConfidentJoint, quality: Quality) {
    this.#pairs = prunedCounts(joint).map((row, i) => {
      const others = joint.labelCounts[i]! > 1 ? [...row.keys()].filter((j) => j !== i && row[j]! > 0) : [];
      const lowest = others.map((j) => new Lowest(row[j]!, "all"));
      const bounds = Float64Array.from(lowest, ({ bound }) => bound);
      return { others: Int32Array.from(others), lowest, bounds, bound: largestOf(bounds) };
    });
    this.#quality = quality;
  }

  add(chunk: Chunk, firstRow: number): void {
    const { count, classes, labels, probs } = chunk;
    const quality = this.#quality;
    for (let row = 0; row < count; row++) {
      const start = row * classes;
      const label = labels[row]!;
      const pairs = this.#pairs[label]!;
      const own = clipped(probs[start + label]!);
      // Most samples are beyond every bound by their most probable other class.
      if (own - largestOther(probs, start, classes, label) > pairs.bound) continue;
      const { others, lowest, bounds } = pairs;
      for (let i = 0; i < bounds.length; i++) {
        const key = own - clipped(probs[start + others[i]!]!);
        if (key > bounds[i]!) continue;
        addSample(lowest[i]!, key, { chunk, row, firstRow, quality });
        if (lowest[i]!.bound === bounds[i]) continue;
        bounds[i] = lowest[i]!.bound;
        pairs.bound = largestOf(bounds);
      }
    }
  }

  merge(other: this): void {
    this.#pairs.forEach(({ lowest, bounds }, label) => {
      lowest.forEach((own, i) => {
        own.merge(other.#pairs[label]!.lowest[i]!);
        bounds[i] = own.bound;
      });
      this.#pairs[label]!.bound = largestOf(bounds);
    });
  }

  get found(): Suspects {
    return union(this.#pairs.flatMap(({ lowest }) => lowest.map(({ found }) => found)));
  }
}

const largestOf = (bounds: Float64Array): number =>
  bounds.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);

/** The samples of a label that are estimated to be in each of the other classes. */
interface Pairs {
  readonly others: Int32Array;
  readonly lowest: readonly Lowest[];
  /** Those of `lowest` */
  readonly bounds: Float64Array;
  /** The largest of them; -Infinity without any */
  bound: number;
}

/** The suspects of both. */
class Both implements Selector {
  readonly #a: ByNoiseRate;
  readonly #b: ByClass;

  constructor(a: ByNoiseRate, b: ByClass) {
    this.#a = a;
    this.#b = b;
  }

  add(chunk: Chunk, firstRow: number): void {
    this.#a.add(chunk, firstRow);
    this.#b.add(chunk, firstRow);
  }

  merge(other: this): void {
    this.#a.merge(other.#a);
    this.#b.merge(other.#b);
  }

  get found(): Suspects {
    const b = this.#b.found;
    const rows = new Set(b.rows.subarray(0, b.length));
    const found = this.#a.found;
    found.keep((i) => rows.has(found.rows[i]!));
    return found;
  }
}

/** Each suspect once. */
function union(parts: readonly Suspects[]): Suspects {
  const found = new Suspects();
  for (const part of parts) found.pushAll(part);
  const seen = new Set<number>();
  found.keep((i) => seen.size < seen.add(found.rows[i]!).size);
  return found;
}

/**
 * The confident joint with at least one rightly labelled sample in each class: the counts of the other classes become smaller by as much as
 * that takes, and are integers again, with the same sums of true classes.
 */
function prunedCounts({ counts }: ConfidentJoint): number[][] {
  if (counts.every((row, i) => row[i]! >= 1)) return counts.map((row) => [...row]);
  const lowered = counts.map((row, i) => {
    const missing = Math.max(0, 1 - row[i]!);
    const others = Math.max(row.filter((count) => count > 0).length - 1, 1);
    return row.map((count, j) => (i === j ? count + missing : Math.max(0, count - missing / others)));
  });
  const byTrueClass = lowered.map((_, j) => roundedKeepingSum(lowered.map((row) => row[j]!)));
  return lowered.map((row, i) => row.map((_, j) => byTrueClass[j]![i]!));
}

export function checkFilter(filterBy: LabelFilter): LabelFilter {
  if (labelFilters.includes(filterBy)) return filterBy;
  throw expected("UNKNOWN_NAME", `one of ${labelFilters.join(", ")}`, "filterBy", filterBy);
}
