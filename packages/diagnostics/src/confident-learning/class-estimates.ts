import { type ConfidentJoint, total } from "./confident-joint.js";

/** P(label i | true class j) as row i, column j: columns sum to 1, or are 0 for a class that nothing is estimated to be in. */
export function noiseMatrix({ counts }: Pick<ConfidentJoint, "counts">): number[][] {
  const sums = columnSums(counts);
  return counts.map((row) => row.map((count, j) => share(count, sums[j]!)));
}

/** P(true class j | label i) as row j, column i: columns sum to 1, or are 0 for a label that no sample has. */
export function inverseNoiseMatrix({ counts }: Pick<ConfidentJoint, "counts">): number[][] {
  const sums = counts.map(total);
  return counts.map((_, j) => counts.map((row, i) => share(row[j]!, sums[i]!)));
}

/** Estimated share of each true class, [C], summing to 1. */
export function classPriors({
  counts,
  labelCounts,
}: Pick<ConfidentJoint, "counts" | "labelCounts">): number[] {
  const [rows, columns] = [counts.map(total), columnSums(counts)];
  const shares = counts.map((row, k) => {
    const right = row[k]!;
    return right === 0
      ? 0
      : (right / rows[k]! / (right / columns[k]!)) * (labelCounts[k]! / total(labelCounts));
  });
  const sum = total(shares);
  return shares.map((value) => value / sum);
}

/** The labels of a class, by the confident joint. */
export interface ClassHealth {
  readonly class: number;
  /** Estimated number of samples labelled so that belong to another class. */
  readonly labelIssues: number;
  /** Estimated number of samples of this class that are labelled otherwise. */
  readonly inverseLabelIssues: number;
  /** Share of the samples labelled so: P(another true class | this label). High = suspect. */
  readonly labelNoise: number;
  /** Share of the samples of the class: P(another label | this true class). */
  readonly inverseLabelNoise: number;
  /** 1 - labelNoise. */
  readonly labelQuality: number;
}

/** The classes, that with the largest share of wrong labels first; equal ones in their order. */
export function classHealth({ counts }: Pick<ConfidentJoint, "counts">): ClassHealth[] {
  const columns = columnSums(counts);
  return counts
    .map((row, k) => {
      const sum = total(row);
      const [labelIssues, inverseLabelIssues] = [sum - row[k]!, columns[k]! - row[k]!];
      const labelNoise = share(labelIssues, sum);
      const inverseLabelNoise = share(inverseLabelIssues, columns[k]!);
      return {
        ...{ class: k, labelIssues, inverseLabelIssues, labelNoise, inverseLabelNoise },
        labelQuality: 1 - labelNoise,
      };
    })
    .sort((a, b) => b.labelNoise - a.labelNoise || a.class - b.class);
}

/** Two classes that are labelled as each other. */
export interface OverlappingClasses {
  /** The lower class first. */
  readonly classes: readonly [number, number];
  /** Estimated number of samples of one of them that are labelled as the other. */
  readonly count: number;
  /** `count` as a share of all samples. */
  readonly share: number;
}

/** The pairs of classes with such samples, that with most of them first; equal ones in their order. */
export function overlappingClasses({ counts }: Pick<ConfidentJoint, "counts">): OverlappingClasses[] {
  const all = total(counts.map(total));
  return counts
    .flatMap((row, i) =>
      row.slice(i + 1).map((count, offset) => {
        const j = i + 1 + offset;
        return { classes: [i, j] as const, count: count + counts[j]![i]! };
      }),
    )
    .filter(({ count }) => count > 0)
    .map((pair) => ({ ...pair, share: pair.count / all }))
    .sort((a, b) => b.count - a.count);
}

const share = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole);

const columnSums = (counts: readonly (readonly number[])[]): number[] =>
  counts.map((_, j) => total(counts.map((row) => row[j]!)));
