import { checks, expected } from "@lilaw/core";
import { type Flags, flagsOf, numbersOf, sameLength } from "./arguments.js";
import { auprc, auroc, precisionAtK } from "./metrics.js";
import type { SampleRecord, WeightTerms } from "./records.js";

/**
 * How suspect a given label is; in every score **high means suspect**.
 *
 * | score | formula | needs |
 * |---|---|---|
 * | `alpha` | 1 - W_alpha: little confident agreement (arXiv 2509.20786) | LiLAW's terms |
 * | `beta` | W_beta: confident disagreement (arXiv 2509.20786) | LiLAW's terms |
 * | `loss` | the sample's loss | |
 * | `self-confidence` | 1 - u, one minus the selfConfidence | |
 * | `margin` | v - u: how far the given label is behind the predicted one | |
 * | `weight` | -weight: samples that Learning to Reweight leaves out | |
 */
export type IssueScore = "alpha" | "beta" | "loss" | "self-confidence" | "margin" | "weight";

/** A record whose arrays have been checked to fit together. */
type Checked = Record<Exclude<keyof SampleRecord, "epoch" | "margins" | "terms">, ArrayLike<number>> & {
  readonly terms?: WeightTerms<ArrayLike<number>>;
};

const formulas: Record<IssueScore, (record: Checked, row: number) => number> = {
  alpha: (record, row) => 1 - record.terms!.alpha[row]!,
  beta: (record, row) => record.terms!.beta[row]!,
  loss: (record, row) => record.losses[row]!,
  "self-confidence": (record, row) => 1 - record.labelProbs[row]!,
  margin: (record, row) => record.maxProbs[row]! - record.labelProbs[row]!,
  weight: (record, row) => -record.weights[row]!,
};

/** One row of the ranked table. */
export interface LabelIssue {
  /** Row of the training set. */
  readonly row: number;
  /** The label it was given. */
  readonly label: number;
  /** The class the model predicted when it last saw the sample. */
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
  /** Most suspect first; equal scores in the order of the rows. Rows the epoch did not visit are left out. */
  readonly issues: readonly LabelIssue[];
  /** Rows that the epoch visited and whose score is not a number, as after a loss that was not finite: not ranked. */
  readonly unscored: readonly number[];
  /** Present when `flags` were given. */
  readonly quality?: IssueQuality;
}

export interface LabelIssuesOptions {
  /** A {@link SampleRecorder}'s record of one epoch. */
  readonly record: SampleRecord;
  /** Given labels, [count]. */
  readonly labels: ArrayLike<number>;
  /** Default `alpha` where the record has LiLAW's terms, else `loss`. */
  readonly score?: IssueScore;
  /** True flags, [count]: 1 where the given label is wrong. */
  readonly flags?: Flags;
  /** For precision@k; default the number of flagged rows (at least 1). */
  readonly k?: number;
}

/**
 * Ranks training samples by how suspect their labels are, and evaluates the ranking where the wrong labels are known.
 *
 * @throws LENGTH_MISMATCH, UNKNOWN_NAME (score), INVALID_ARGUMENT (a score the record has no values for; k; values that
 *   are no numbers)
 */
export function labelIssues(options: LabelIssuesOptions): LabelIssues {
  checks.checkObject("options", options);
  const record = checkRecord(options.record);
  const labels = numbersOf(options.labels, "labels");
  const score = options.score ?? (record.terms ? "alpha" : "loss");
  sameLength(labels, "labels", record.losses, "record");
  const scores = scoresOf(record, score);

  const [rows, unscored]: [number[], number[]] = [[], []];
  scores.forEach((value, row) => {
    if (!Number.isNaN(value)) rows.push(row);
    else if (record.predictions[row] !== -1) unscored.push(row);
  });
  const issues = rows
    .map((row) => ({
      row,
      label: labels[row]!,
      suggestedLabel: record.predictions[row]!,
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
 * The score of every training row, [count], high = suspect; NaN where the epoch did not visit the row.
 *
 * @throws UNKNOWN_NAME, INVALID_ARGUMENT (a score the record has no values for)
 */
export function issueScores(record: SampleRecord, score: IssueScore): Float64Array {
  return scoresOf(checkRecord(record), score);
}

function scoresOf(record: Checked, score: IssueScore): Float64Array {
  if (typeof score !== "string" || !Object.hasOwn(formulas, score)) {
    throw expected("UNKNOWN_NAME", `one of ${Object.keys(formulas).join(", ")}`, "score", score);
  }
  if ((score === "alpha" || score === "beta") && !record.terms) {
    throw expected("INVALID_ARGUMENT", "a record with LiLAW's terms", `score "${score}"`, "a record without");
  }
  const formula = formulas[score];
  return Float64Array.from(record.losses, (_, row) => formula(record, row));
}

/**
 * @throws `INVALID_ARGUMENT`, `LENGTH_MISMATCH` for a value that is no record, or a record whose arrays do not fit
 * together
 */
function checkRecord(record: SampleRecord): Checked {
  checks.checkObject("record", record);
  const { terms } = record;
  if (terms !== undefined) checks.checkObject("record.terms", terms);
  const losses = numbersOf(record.losses, "record.losses");
  const read = (values: ArrayLike<number>, name: string) => {
    const numbers = numbersOf(values, `record.${name}`);
    sameLength(numbers, `record.${name}`, losses, "record.losses");
    return numbers;
  };
  return {
    losses,
    labelProbs: read(record.labelProbs, "labelProbs"),
    maxProbs: read(record.maxProbs, "maxProbs"),
    weights: read(record.weights, "weights"),
    predictions: read(record.predictions, "predictions"),
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
