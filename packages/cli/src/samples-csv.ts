import { type LilawParams, type Loss, weightedLoss } from "@lilaw/core";
import type { Samples } from "@lilaw/datasets";
import type { SampleRecord } from "@lilaw/diagnostics";
import { stringify } from "csv-stringify/sync";
import type { Part } from "./plan.js";

const columns = [
  "split",
  "row",
  "line",
  "label",
  "trueLabel",
  "flag",
  "prediction",
  "loss",
  "labelProb",
  "maxProb",
  "alpha",
  "beta",
  "delta",
  "weight",
];

/** The samples of a split with their scores. */
export interface ScoredPart {
  readonly split: "train" | "valid";
  readonly part: Part;
  /** The samples that the rows of the part count. */
  readonly source: Samples;
  /** One value for each sample of the part; without `weights` for samples that training does not use. */
  readonly scores: Scores;
}

export type Scores = Omit<SampleRecord, "epoch" | "weights"> & Partial<Pick<SampleRecord, "weights">>;

/**
 * A line for each training and validation sample: `row` counts from 0 and `line` from 1 in the source of the split.
 * `trueLabel` and `flag` (1 = the label was changed) are empty where no noise was injected, since the right labels are
 * unknown then; `alpha`, `beta`, `delta` are LiLAW's three terms of the weight.
 */
export function samplesCsv(parts: readonly ScoredPart[]): string {
  return stringify([columns, ...parts.flatMap(linesOf)]);
}

/** The scores of samples that were not trained on, from logits [B, C]; `params` are LiLAW's scalars, null for other methods. */
export function scoresOf(
  logits: Float32Array,
  labels: Int32Array,
  classes: number,
  loss: Loss,
  params: LilawParams | null,
): Scores {
  const floats = () => new Float32Array(labels.length);
  const scores: Scores = {
    losses: floats(),
    labelProbs: floats(),
    maxProbs: floats(),
    predictions: new Int32Array(labels.length),
    ...(params && { terms: { alpha: floats(), beta: floats(), delta: floats() } }),
  };
  weightedLoss({ logits, labels, classes, loss, params }, scores);
  return scores;
}

function linesOf({ split, part, source, scores }: ScoredPart): unknown[][] {
  const { terms, weights } = scores;
  return Array.from(part.rows, (row, i) => {
    const [label, trueLabel] = [part.labels[i]!, part.trueLabels?.[i]];
    return [
      split,
      source.rows?.[row] ?? row,
      source.lines?.[row] ?? "",
      label,
      trueLabel ?? "",
      trueLabel === undefined ? "" : Number(label !== trueLabel),
      scores.predictions[i]!,
      single(scores.losses[i]!),
      single(scores.labelProbs[i]!),
      single(scores.maxProbs[i]!),
      terms ? single(terms.alpha[i]!) : "",
      terms ? single(terms.beta[i]!) : "",
      terms ? single(terms.delta[i]!) : "",
      weights ? single(weights[i]!) : "",
    ];
  });
}

/** Nine digits, which distinguish every float32. */
function single(value: number): number {
  return Number(value.toPrecision(9));
}
