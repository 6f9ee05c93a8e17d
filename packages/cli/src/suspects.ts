/** Ranked tables of labels that may be wrong: of a run, or by predicted probabilities. */
import { basename } from "node:path";
import { expected } from "@lilaw/core";
import { type LabelledProbsFiles, loadLabelledProbs } from "@lilaw/datasets";
import {
  findLabelIssues,
  type IssueQuality,
  type IssueScore,
  type LabelFilter,
  type LabelRanking,
} from "@lilaw/diagnostics";
import { chooseUnit } from "./choose-unit.js";
import type { Unit } from "./documents.js";
import { rankSamples } from "./ranked-samples.js";
import { readPredProbs, readSamples } from "./read-samples.js";
import { rephrased } from "./rephrased.js";
import { nameOf, type RunFolder } from "./run-folder.js";
import type { SampleRow } from "./samples.js";

/** A label that may be wrong, and where it is in its source. */
export interface Suspect {
  /** Of a run. */
  readonly split: "train" | "valid" | null;
  /** From 0. */
  readonly row: number;
  /** From 1; null where the source has no lines. */
  readonly line: number | null;
  readonly file: string | null;
  readonly label: number;
  readonly labelName: string;
  readonly suggestedLabel: number;
  readonly suggestedName: string;
  /** High = suspect. */
  readonly score: number;
}

/** Labels by how suspect they are. */
export interface Suspects {
  /** The labels that were ranked, in words. */
  readonly of: string;
  readonly score: string;
  /** Most suspect first. */
  readonly suspects: readonly Suspect[];
  /** Labels whose score is not known. */
  readonly unscored: number;
  /** Present where it is known which labels are wrong. */
  readonly quality?: IssueQuality;
}

/**
 * The labels of a unit of a run, all of them.
 *
 * @throws UNKNOWN_NAME (a unit that there is not), INVALID_ARGUMENT (a score that it has no values for), INCOMPATIBLE_STATE (a run
 *   without a finished unit), CORRUPT_FILE, CHECKSUM_MISMATCH
 */
export async function suspectsOfRun(
  folder: RunFolder,
  { score: wanted, ...asked }: Partial<Unit> & { readonly score?: IssueScore },
): Promise<Suspects> {
  const unit = chooseUnit(folder, asked);
  const rows = await readSamples(folder, unit);
  const { score, issues, unscored, quality } = rankSamples(rows, folder.config.settings.epochs, wanted);
  const suspects = issues.map((issue) => suspectOf(rows, issue, folder));
  const of = `${basename(folder.path)}, ${nameOf(unit)}`;
  return { of, score, suspects, unscored: unscored.length, ...(quality && { quality }) };
}

/**
 * The labels of a unit that confident learning takes for wrong, by its out-of-sample probabilities.
 *
 * @throws as {@link suspectsOfRun}; INVALID_ARGUMENT for a run without folds
 */
export async function suspectsOfFolds(
  folder: RunFolder,
  {
    filter,
    score,
    ...asked
  }: Partial<Unit> & { readonly filter: LabelFilter; readonly score?: LabelRanking },
): Promise<Suspects> {
  const unit = chooseUnit(folder, asked);
  const predProbs = await readPredProbs(folder, unit);
  if (predProbs === undefined) {
    const wanted = "a run that was trained with --folds (for --filter)";
    throw expected("INVALID_ARGUMENT", wanted, "RUN", folder.path);
  }
  const rows = await readSamples(folder, unit);
  const labels = Int32Array.from(rows, ({ label }) => label);
  const { classes } = folder.config.data;
  const found = findLabelIssues({ labels, predProbs, classes, filterBy: filter, rankBy: score });
  const suspects = found.issues.map((issue) => suspectOf(rows, issue, folder));
  const of = `${basename(folder.path)}, ${nameOf(unit)}, ${found.filterBy}`;
  return { of, score: found.rankBy, suspects, unscored: 0 };
}

/** @param issue `row` is the place among the samples */
function suspectOf(
  rows: readonly SampleRow[],
  { row: place, suggestedLabel, score }: { row: number; suggestedLabel: number; score: number },
  { config }: RunFolder,
): Suspect {
  const { split, row, line, file, label, labelName } = rows[place]!;
  const suggestedName = config.data.classNames[suggestedLabel]!;
  return { split, row, line, file, label, labelName, suggestedLabel, suggestedName, score };
}

/** Errors of `find` name the places in the files. */
function withPlaces<T>(find: () => T, files: LabelledProbsFiles, classNames: readonly string[]): T {
  try {
    return find();
  } catch (error) {
    throw rephrased(error, (text) =>
      text
        .replace(
          /\bpredProbs\[(\d+)\]\[(\d+)\]/,
          (_, row, k) => `row ${row}, ${classNames[k]} of ${files.predProbs}`,
        )
        .replace(/\bpredProbs\[(\d+)\]/, `row $1 of ${files.predProbs}`)
        .replace(/\blabels\[(\d+)\]/, `row $1 of ${files.labels}`),
    );
  }
}

/**
 * The labels that confident learning takes for wrong.
 *
 * @throws the errors of `loadLabelledProbs` and `findLabelIssues`, which name the file
 */
export async function suspectsOfProbs(
  files: LabelledProbsFiles,
  options: {
    readonly labelColumn?: string;
    readonly filter?: LabelFilter;
    readonly score?: LabelRanking;
    readonly signal: AbortSignal;
  },
): Promise<Suspects> {
  const { filter, score, ...reading } = options;
  const { labels, predProbs, classes, classNames, lines } = await loadLabelledProbs(files, reading);
  if (labels.length === 0) throw expected("INVALID_ARGUMENT", "at least one row", files.predProbs, "none");
  const find = () => findLabelIssues({ labels, predProbs, classes, filterBy: filter, rankBy: score });
  const found = withPlaces(find, files, classNames);
  const suspects = found.issues.map(({ row, label, suggestedLabel, score }) => ({
    ...{ split: null, row, line: lines?.[row] ?? null, file: null, label, labelName: classNames[label]! },
    ...{ suggestedLabel, suggestedName: classNames[suggestedLabel]!, score },
  }));
  const of = `${basename(files.labels)}, ${found.filterBy}`;
  return { of, score: found.rankBy, suspects, unscored: 0 };
}
