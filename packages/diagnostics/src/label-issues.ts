import { checks, expected } from "@lilaw/core";
import { type Flags, flagsOf, numbersOf, sameLength } from "./arguments.js";
import { auprc, auroc, precisionAtK } from "./metrics.js";
import type { RunRecord, SampleRecord, WeightTerms } from "./records.js";

/**
 * How suspect a given label is; in every score **high means suspect**.
 *
 * | score | formula | needs |
 * |---|---|---|
 * | `area-under-margin` | (1 - mean margin) / 2 (Pleiss et al. 2020) | run |
 * | `mean-self-confidence` | 1 - mean u | run |
 * | `mean-alpha` | 1 - mean W_alpha | run with LiLAW's terms |
 * | `mean-beta` | mean W_beta | run with LiLAW's terms |
 * | `forgetting` | forgetting events; for a row never learned the epochs that saw it, which is more (Toneva et al. 2019) | run |
 * | `first-learned` | the epoch first learned; for a row never learned the one after the latest | run |
 * | `alpha` | 1 - W_alpha: little confident agreement (arXiv 2509.20786) | LiLAW's terms |
 * | `beta` | W_beta: confident disagreement (arXiv 2509.20786) | LiLAW's terms |
 * | `loss` | the sample's loss | |
 * | `self-confidence` | 1 - u, one minus the self-confidence | |
 * | `margin` | v - u: how far the given label is behind the predicted one | |
 * | `weight` | -weight: samples that Learning to Reweight leaves out | |
 *
 * Those that need the run are of all its epochs, the others of the latest, in which the model may have memorised wrong labels.
 */
export type IssueScore = (typeof issueScoreNames)[number];

/** Scores by all epochs, and by the latest. */
const runScores = [
  "area-under-margin",
  "mean-self-confidence",
  "mean-alpha",
  "mean-beta",
  "forgetting",
  "first-learned",
] as const;
const epochScores = ["alpha", "beta", "loss", "self-confidence", "margin", "weight"] as const;

export const issueScoreNames = [...runScores, ...epochScores] as const;

type RunScore = (typeof runScores)[number];
type EpochScore = (typeof epochScores)[number];

/** Records whose arrays have been checked to fit together. */
type Checked<R, Others extends keyof R> = Record<Exclude<keyof R, Others | "terms">, ArrayLike<number>> & {
  readonly terms?: WeightTerms<ArrayLike<number>>;
};
type CheckedRecord = Checked<SampleRecord, "epoch" | "margins" | "rivals"> & Pick<SampleRecord, "epoch">;
type CheckedRun = Checked<RunRecord, "areasUnderMargin">;

const epochFormulas: Record<EpochScore, (record: CheckedRecord, row: number) => number> = {
  alpha: ({ terms }, row) => 1 - terms!.alpha[row]!,
  beta: ({ terms }, row) => terms!.beta[row]!,
  loss: ({ losses }, row) => losses[row]!,
  "self-confidence": ({ labelProbs }, row) => 1 - labelProbs[row]!,
  margin: ({ maxProbs, labelProbs }, row) => maxProbs[row]! - labelProbs[row]!,
  weight: ({ weights }, row) => -weights[row]!,
};

const runFormulas: Record<RunScore, (run: CheckedRun, row: number, latest: number) => number> = {
  "area-under-margin": ({ meanMargins }, row) => (1 - meanMargins[row]!) / 2,
  "mean-self-confidence": ({ meanLabelProbs }, row) => 1 - meanLabelProbs[row]!,
  "mean-alpha": ({ terms }, row) => 1 - terms!.alpha[row]!,
  "mean-beta": ({ terms }, row) => terms!.beta[row]!,
  forgetting: ({ meanMargins, firstLearned, forgettingEvents, epochs }, row) => {
    if (Number.isNaN(meanMargins[row])) return Number.NaN;
    return Number.isNaN(firstLearned[row]) ? epochs[row]! : forgettingEvents[row]!;
  },
  "first-learned": ({ meanMargins, firstLearned }, row, latest) => {
    if (Number.isNaN(meanMargins[row])) return Number.NaN;
    return Number.isNaN(firstLearned[row]) ? latest + 1 : firstLearned[row]!;
  },
};

/** One row of the ranked table. */
export interface LabelIssue {
  /** Row of the training set. */
  readonly row: number;
  /** The label it was given. */
  readonly label: number;
  /** By a score of the run its {@link RunRecord.suggestedLabels}, else the class that the epoch predicted. */
  readonly suggestedLabel: number;
  /** High = suspect. */
  readonly score: number;
}

/** How well a score finds the labels known to be wrong. */
export interface IssueQuality {
  readonly auroc: number;
  readonly auprc: number;
  readonly precisionAtK: number;
  readonly k: number;
}

export interface LabelIssues {
  readonly score: IssueScore;
  /** Most suspect first; equal scores in the order of the rows. Rows that were not visited are left out. */
  readonly issues: readonly LabelIssue[];
  /** Visited rows whose score is not a number, as after a loss that was not finite: not ranked. */
  readonly unscored: readonly number[];
  /** Present when `flags` were given. */
  readonly quality?: IssueQuality;
}

export interface LabelIssuesOptions {
  /** A {@link SampleRecorder}'s record of one epoch. */
  readonly record: SampleRecord;
  /** Its record of the whole run, for the scores that need it. */
  readonly run?: RunRecord | undefined;
  /** Given labels, [count]. */
  readonly labels: ArrayLike<number>;
  /** Default: see {@link defaultIssueScore}. */
  readonly score?: IssueScore | undefined;
  /** True flags, [count]: 1 where the given label is wrong. */
  readonly flags?: Flags | undefined;
  /** For precision@k; default the number of flagged rows (at least 1). */
  readonly k?: number | undefined;
}

/**
 * Ranks training samples by how suspect their labels are, and evaluates the ranking where the wrong labels are known.
 *
 * @throws LENGTH_MISMATCH, UNKNOWN_NAME (score), INVALID_ARGUMENT (a score the records have no values for; k; values that
 *   are no numbers)
 */
export function labelIssues(options: LabelIssuesOptions): LabelIssues {
  checks.checkObject("options", options);
  const record = checkRecord(options.record);
  const run = options.run && checkRun(options.run, record.losses);
  const labels = numbersOf(options.labels, "labels");
  const score = options.score ?? defaultIssueScore(record, run);
  sameLength(labels, "labels", record.losses, "record");
  const scores = scoresOf(record, run, score);
  const ofRun = isOfRun(score);
  const suggestions = ofRun ? run!.suggestedLabels : record.predictions;
  const wasVisited = (row: number) => (ofRun ? run!.epochs[row]! > 0 : record.predictions[row] !== -1);

  const [rows, unscored]: [number[], number[]] = [[], []];
  scores.forEach((value, row) => {
    if (!Number.isNaN(value)) rows.push(row);
    else if (wasVisited(row)) unscored.push(row);
  });
  const issues = rows
    .map((row) => ({
      row,
      label: labels[row]!,
      suggestedLabel: suggestions[row]!,
      score: scores[row]!,
    }))
    .sort((a, b) => (a.score > b.score ? -1 : a.score < b.score ? 1 : a.row - b.row));
  if (options.flags === undefined) return { score, issues, unscored };

  const flags = flagsOf(options.flags, "flags");
  sameLength(flags, "flags", labels, "labels");
  const quality = measure(
    rows.map((row) => scores[row]!),
    rows.map((row) => flags[row]!),
    options.k,
  );
  return { score, issues, unscored, quality };
}

/**
 * The score of every training row, [count], high = suspect; NaN where the row was not visited.
 *
 * @param run for the scores that need it
 * @throws LENGTH_MISMATCH, UNKNOWN_NAME, INVALID_ARGUMENT (a score the records have no values for)
 */
export function issueScores(record: SampleRecord, score: IssueScore, run?: RunRecord): Float64Array {
  const checked = checkRecord(record);
  return scoresOf(checked, run && checkRun(run, checked.losses), score);
}

/** The score that found most wrong labels in our measurements, of those that the records have values for. */
export function defaultIssueScore(
  record: { readonly terms?: unknown },
  run?: { readonly meanMargins: ArrayLike<number> },
): IssueScore {
  if (run !== undefined) {
    const hasMargins = Array.prototype.some.call(run.meanMargins, (margin) => !Number.isNaN(margin));
    return hasMargins ? "area-under-margin" : "mean-self-confidence";
  }
  return record.terms ? "alpha" : "loss";
}

const isOfRun = (score: IssueScore): score is RunScore => (runScores as readonly string[]).includes(score);

function scoresOf(record: CheckedRecord, run: CheckedRun | undefined, score: IssueScore): Float64Array {
  if (typeof score !== "string" || !issueScoreNames.includes(score))
    throw expected("UNKNOWN_NAME", `one of ${issueScoreNames.join(", ")}`, "score", score);
  const lacks = (needed: string, given: string) =>
    expected("INVALID_ARGUMENT", needed, `score "${score}"`, given);
  const needsTerms = score.endsWith("alpha") || score.endsWith("beta");
  if (isOfRun(score)) {
    if (run === undefined) throw lacks("the record of the run", "none");
    if (needsTerms && !run.terms) throw lacks("a run with LiLAW's terms", "a run without");
    const formula = runFormulas[score];
    return Float64Array.from(record.losses, (_, row) => formula(run, row, record.epoch));
  }
  if (needsTerms && !record.terms) throw lacks("a record with LiLAW's terms", "a record without");
  const formula = epochFormulas[score];
  return Float64Array.from(record.losses, (_, row) => formula(record, row));
}

/**
 * @throws `INVALID_ARGUMENT`, `LENGTH_MISMATCH` for a value that is no record, or a record whose arrays do not fit
 * together
 */
function checkRecord(record: SampleRecord): CheckedRecord {
  checks.checkObject("record", record);
  const { epoch } = record;
  if (!Number.isSafeInteger(epoch)) throw expected("INVALID_ARGUMENT", "an integer", "record.epoch", epoch);
  const losses = numbersOf(record.losses, "record.losses");
  const columns = ["labelProbs", "maxProbs", "weights", "predictions"] as const;
  return { epoch, losses, ...columnsOf(record, columns, "record", losses) };
}

/** @throws as {@link checkRecord} */
function checkRun(run: RunRecord, losses: ArrayLike<number>): CheckedRun {
  checks.checkObject("run", run);
  const columns = [
    "epochs",
    "suggestedLabels",
    "meanLabelProbs",
    "meanMargins",
    "forgettingEvents",
    "firstLearned",
  ] as const;
  return columnsOf(run, columns, "run", losses);
}

function columnsOf<N extends string>(
  given: { readonly [K in N]: ArrayLike<number> } & { readonly terms?: WeightTerms<ArrayLike<number>> },
  names: readonly N[],
  prefix: string,
  losses: ArrayLike<number>,
): Record<N, ArrayLike<number>> & { terms?: WeightTerms<ArrayLike<number>> } {
  const read = (values: ArrayLike<number>, name: string) => {
    const numbers = numbersOf(values, `${prefix}.${name}`);
    sameLength(numbers, `${prefix}.${name}`, losses, "record.losses");
    return numbers;
  };
  const { terms } = given;
  if (terms !== undefined) checks.checkObject(`${prefix}.terms`, terms);
  return {
    ...(Object.fromEntries(names.map((name) => [name, read(given[name], name)])) as Record<
      N,
      ArrayLike<number>
    >),
    ...(terms && {
      terms: {
        alpha: read(terms.alpha, "terms.alpha"),
        beta: read(terms.beta, "terms.beta"),
        delta: read(terms.delta, "terms.delta"),
      },
    }),
  };
}

function measure(scores: readonly number[], flags: readonly (number | boolean)[], k?: number): IssueQuality {
  const flagged = flags.filter(Boolean).length;
  const places = k ?? Math.max(1, flagged);
  return {
    auroc: auroc(scores, flags),
    auprc: auprc(scores, flags),
    precisionAtK: scores.length === 0 ? Number.NaN : precisionAtK(scores, flags, places),
    k: places,
  };
}
