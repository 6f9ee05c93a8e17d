import { checks, expected } from "@lilaw/core";
import {
  type Chunk,
  checkProbs,
  chunkOf,
  clipped,
  type LabelledProbs,
  largestOther,
} from "./labelled-probs.js";

/**
 * The quality of a given label y by the probabilities p of its sample, in [0, 1], where low is bad; the names are those of cleanlab.
 * Scores of this package are 1 minus it, so that high is suspect.
 *
 * | name | quality |
 * |---|---|
 * | `self_confidence` | p_y |
 * | `normalized_margin` | (p_y - the largest other probability + 1) / 2 |
 * | `confidence_weighted_entropy` | log(1 + x) / max(x, 1e-6) with x = (entropy of p / log C) / max(p_y, 1e-6) |
 *
 * The last one falls to 0 again for x below 1e-6, which are samples whose label the model is sure of: so does cleanlab's, and no filter
 * selects them.
 */
export type LabelRanking = (typeof labelRankings)[number];

export const labelRankings = ["self_confidence", "normalized_margin", "confidence_weighted_entropy"] as const;

/** Lower bound of numbers that are divided by. */
const least = 1e-6;

/** The quality of a label by the probabilities at `start` and after. */
export type Quality = (probs: Chunk["probs"], start: number, classes: number, label: number) => number;

export const qualities: Record<LabelRanking, Quality> = {
  self_confidence: (probs, start, _, label) => clipped(probs[start + label]!),

  normalized_margin(probs, start, classes, label) {
    const other = largestOther(probs, start, classes, label);
    return (clipped(probs[start + label]!) - other + 1) / 2;
  },

  confidence_weighted_entropy(probs, start, classes, label) {
    let entropy = 0;
    for (let k = start; k < start + classes; k++) {
      const prob = clipped(probs[k]!);
      if (prob > 0) entropy -= prob * Math.log(prob);
    }
    const share = classes === 1 ? 0 : entropy / Math.log(classes);
    const x = share / Math.max(clipped(probs[start + label]!), least);
    return Math.log(x + 1) / Math.max(x, least);
  },
};

export interface LabelScoresOptions extends LabelledProbs {
  /** C; default the length of a row. */
  readonly classes?: number | undefined;
  /** Default `self_confidence`. */
  readonly rankBy?: LabelRanking | undefined;
}

/**
 * How suspect each given label is by the predicted probabilities, [N] in [0, 1], high = suspect: 1 minus cleanlab's label quality
 * score of the same name.
 *
 * @throws `INVALID_ARGUMENT`, `LENGTH_MISMATCH`, `LABEL_OUT_OF_RANGE`, `NON_FINITE`, `UNKNOWN_NAME` (rankBy)
 */
export function labelScores(options: LabelScoresOptions): Float64Array {
  checks.checkObject("options", options);
  const quality = qualities[checkRanking(options.rankBy ?? "self_confidence")];
  const chunk = chunkOf(options, options.classes);
  checkProbs(chunk, 0);
  const { count, classes, labels, probs } = chunk;
  return Float64Array.from(
    { length: count },
    (_, row) => 1 - quality(probs, row * classes, classes, labels[row]!),
  );
}

export function checkRanking(rankBy: LabelRanking): LabelRanking {
  if (labelRankings.includes(rankBy)) return rankBy;
  throw expected("UNKNOWN_NAME", `one of ${labelRankings.join(", ")}`, "rankBy", rankBy);
}
