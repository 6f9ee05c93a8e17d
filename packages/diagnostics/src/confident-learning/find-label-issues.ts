import { checks, expected } from "@lilaw/core";
import { type ConfidentJoint, JointCounts, jointOf, LabelSums } from "./confident-joint.js";
import {
  checkFilter,
  IssueSelection,
  type LabelFilter,
  type SelectionOptions,
  type SuspectLabel,
} from "./issue-selection.js";
import { checkRanking, type LabelRanking } from "./label-quality.js";
import { chunkOf, type LabelledProbs } from "./labelled-probs.js";

export interface FindLabelIssuesOptions extends LabelledProbs, SelectionOptions {
  /** C; default the length of a row. */
  readonly classes?: number | undefined;
}

export interface FoundLabelIssues {
  readonly filterBy: LabelFilter;
  readonly rankBy: LabelRanking;
  /** Most suspect first; equal ones in the order of the rows. */
  readonly issues: readonly SuspectLabel[];
  readonly joint: ConfidentJoint;
}

/**
 * Finds wrong labels by confident learning (Northcutt et al. 2021) from predicted probabilities, of any model. The rows and their
 * order are those of `find_label_issues` of cleanlab 2.9.0 with the same filter and ranking; equal scores, whose order is
 * undefined there, are in the order of the rows. All arithmetic is float64.
 *
 * @example
 * const { issues } = findLabelIssues({ labels, predProbs });
 * issues[0]; // { row: 17, label: 3, suggestedLabel: 5, score: 0.98 }
 *
 * @throws `INVALID_ARGUMENT` (numbers that are no probabilities, rows that do not sum to 1), `NON_FINITE`, `LENGTH_MISMATCH`,
 *   `LABEL_OUT_OF_RANGE`, `UNKNOWN_NAME` (filterBy, rankBy)
 */
export function findLabelIssues(options: FindLabelIssuesOptions): FoundLabelIssues {
  checks.checkObject("options", options);
  const names = namesOf(options);
  const chunk = chunkOf(options, options.classes);
  const selection = new IssueSelection(jointOf(chunk), names);
  selection.addChunk(chunk);
  return resultOf(selection);
}

export interface FindLabelIssuesInChunksOptions extends SelectionOptions {
  /** Opens the samples from the beginning: it is called three times, and must give the same samples each time. */
  readonly chunks: () => AsyncIterable<LabelledProbs> | Iterable<LabelledProbs>;
  /** C. */
  readonly classes: number;
}

/**
 * {@link findLabelIssues} for samples that do not fit into memory: the same result bit for bit, whatever the chunks. It reads the
 * samples three times (mean probabilities, confident joint, issues) and keeps C^2 counts and a few times as many rows as there are issues.
 * `LabelSums`, `JointCounts` and `IssueSelection` are these passes, for samples in several places.
 *
 * @throws as {@link findLabelIssues}; errors of `chunks` are thrown as they are
 */
export async function findLabelIssuesInChunks(
  options: FindLabelIssuesInChunksOptions,
): Promise<FoundLabelIssues> {
  checks.checkObject("options", options);
  const { chunks, classes } = options;
  const names = namesOf(options);
  if (typeof chunks !== "function")
    throw expected("INVALID_ARGUMENT", "a function that opens the samples", "chunks", chunks);
  const through = async <Pass extends { add(samples: LabelledProbs): void }>(pass: Pass): Promise<Pass> => {
    for await (const samples of chunks()) pass.add(samples);
    return pass;
  };
  const sums = await through(new LabelSums(classes));
  const counts = await through(new JointCounts(sums));
  return resultOf(await through(new IssueSelection(counts, names)));
}

/** The names, checked before any pass. */
const namesOf = ({ filterBy, rankBy }: SelectionOptions): Required<SelectionOptions> => ({
  filterBy: checkFilter(filterBy ?? "prune_by_noise_rate"),
  rankBy: checkRanking(rankBy ?? "self_confidence"),
});

const resultOf = ({ filterBy, rankBy, issues, joint }: IssueSelection): FoundLabelIssues => ({
  filterBy,
  rankBy,
  issues,
  joint,
});
