import { expected, LilawError } from "@lilaw/core";

/** True flags of samples, one per score: 1 or `true` where the sample is what the score looks for. */
export type Flags = ArrayLike<number | boolean>;

/**
 * The share of `predictions` that equal `labels`, in [0, 1]; NaN when there are none.
 *
 * @param predictions predicted classes, [N]
 * @param labels classes to compare with, [N]
 * @throws LENGTH_MISMATCH
 */
export function accuracy(predictions: ArrayLike<number>, labels: ArrayLike<number>): number {
  sameLength(predictions, "predictions", labels, "labels");
  let right = 0;
  for (let i = 0; i < labels.length; i++) if (predictions[i] === labels[i]) right++;
  return right / labels.length;
}

/**
 * The area under the receiver operating characteristic: the chance that a positive sample scores above a
 * negative one, tied pairs counted half (mid-ranks). Exact up to the final division. NaN when either side is empty.
 *
 * @param scores [N], any order, infinities allowed
 * @param positives [N]
 * @throws LENGTH_MISMATCH, NON_FINITE (a NaN score)
 */
export function auroc(scores: ArrayLike<number>, positives: Flags): number {
  let positivesAbove = 0;
  let negatives = 0;
  let wins = 0;
  for (const group of tieGroups(scores, positives)) {
    const groupNegatives = group.count - group.positives;
    wins += groupNegatives * (positivesAbove + group.positives / 2);
    positivesAbove += group.positives;
    negatives += groupNegatives;
  }
  return wins / (positivesAbove * negatives);
}

/**
 * The area under the precision-recall curve as average precision: the precision at every distinct score,
 * weighted by the recall gained there, without interpolation. NaN when no sample is positive.
 *
 * @param scores [N], any order, infinities allowed
 * @param positives [N]
 * @throws LENGTH_MISMATCH, NON_FINITE (a NaN score)
 */
export function auprc(scores: ArrayLike<number>, positives: Flags): number {
  let taken = 0;
  let hits = 0;
  let area = 0;
  for (const group of tieGroups(scores, positives)) {
    taken += group.count;
    hits += group.positives;
    area += group.positives * (hits / taken);
  }
  return area / hits;
}

/**
 * The share of positives among the `k` highest scores, in [0, 1]. Where the k-th place falls among tied scores
 * this is the expectation over every order of the tie, so that the order of the rows does not matter.
 *
 * @param scores [N], any order, infinities allowed
 * @param positives [N]
 * @param k an integer in [1, N]
 * @throws LENGTH_MISMATCH, NON_FINITE (a NaN score), INVALID_ARGUMENT (k)
 */
export function precisionAtK(scores: ArrayLike<number>, positives: Flags, k: number): number {
  if (!Number.isInteger(k) || k < 1 || k > scores.length) {
    throw expected("INVALID_ARGUMENT", `an integer from 1 to ${scores.length}`, "k", k);
  }
  let left = k;
  let hits = 0;
  for (const group of tieGroups(scores, positives)) {
    const taken = Math.min(left, group.count);
    hits += group.positives * (taken / group.count);
    left -= taken;
    if (left === 0) break;
  }
  return hits / k;
}

/**
 * The macro one-vs-rest AUROC: the mean of {@link auroc} of each class's column against the rest, over the classes
 * that occur in `labels` but are not all of them. NaN when there is no such class. With two classes and
 * probabilities this is the usual binary AUROC.
 *
 * Ranks compare samples, and a softmax changes them within a column: pass probabilities (see {@link softmax})
 * for the usual definition; logits are accepted, and are ranked as they are.
 *
 * @param scores row-major [N*C], probabilities or logits
 * @param labels [N], class indices in [0, C)
 * @param classes C
 * @throws LENGTH_MISMATCH, LABEL_OUT_OF_RANGE, NON_FINITE (a NaN score)
 */
export function multiclassAuroc(
  scores: ArrayLike<number>,
  labels: ArrayLike<number>,
  classes: number,
): number {
  matrixRows(scores, classes, labels.length);
  const counts = new Float64Array(classes);
  for (let i = 0; i < labels.length; i++) counts[classIndex(labels, i, classes)]!++;

  const column = new Float64Array(labels.length);
  const positives = new Uint8Array(labels.length);
  let sum = 0;
  let terms = 0;
  for (let c = 0; c < classes; c++) {
    if (counts[c] === 0 || counts[c] === labels.length) continue;
    for (let i = 0; i < labels.length; i++) {
      column[i] = scores[i * classes + c]!;
      positives[i] = labels[i] === c ? 1 : 0;
    }
    sum += auroc(column, positives);
    terms++;
  }
  return sum / terms;
}

/**
 * Class probabilities (predProbs) of logits, row by row, in float64: single precision would round confident rows
 * to 1 and tie what the logits still tell apart.
 *
 * @param logits row-major [N*C]
 * @param classes C
 * @returns row-major [N*C], rows sum to 1
 * @throws LENGTH_MISMATCH
 */
export function softmax(logits: ArrayLike<number>, classes: number): Float64Array {
  const rows = matrixRows(logits, classes);
  const probs = new Float64Array(logits.length);
  for (let row = 0; row < rows; row++) {
    const start = row * classes;
    const top = logits[start + argmaxOfRow(logits, start, classes)]!;
    let sum = 0;
    for (let k = start; k < start + classes; k++) {
      probs[k] = Math.exp(logits[k]! - top);
      sum += probs[k]!;
    }
    for (let k = start; k < start + classes; k++) probs[k]! /= sum;
  }
  return probs;
}

/**
 * The predicted class of each row: the index of its largest score, the lowest one on ties.
 *
 * @param scores row-major [N*C], probabilities or logits
 * @param classes C
 * @returns [N]
 * @throws LENGTH_MISMATCH
 */
export function predictedClasses(scores: ArrayLike<number>, classes: number): Int32Array {
  const rows = matrixRows(scores, classes);
  return Int32Array.from({ length: rows }, (_, row) => argmaxOfRow(scores, row * classes, classes));
}

/**
 * Kish's effective sample size (sum w)^2 / sum w^2: how many equally weighted samples say as much as these.
 * In [1, N] for non-negative weights that are not all 0; 0 when they are.
 *
 * @param weights [N], finite and at least 0
 * @throws INVALID_ARGUMENT (a negative or non-finite weight)
 */
export function effectiveSampleSize(weights: ArrayLike<number>): number {
  let sum = 0;
  let squares = 0;
  for (let i = 0; i < weights.length; i++) {
    const weight = weights[i]!;
    if (!(weight >= 0 && weight < Infinity)) {
      throw expected("INVALID_ARGUMENT", "a finite number of at least 0", `weights[${i}]`, weight);
    }
    sum += weight;
    squares += weight * weight;
  }
  return squares === 0 ? 0 : (sum * sum) / squares;
}

/** Samples that share one score. */
interface TieGroup {
  readonly count: number;
  readonly positives: number;
}

/** The samples from the highest score to the lowest, tied ones together: all that a ranking metric may look at. */
function* tieGroups(scores: ArrayLike<number>, positives: Flags): Generator<TieGroup> {
  sameLength(scores, "scores", positives, "positives");
  const order = new Uint32Array(scores.length);
  for (let i = 0; i < order.length; i++) {
    if (Number.isNaN(scores[i])) throw expected("NON_FINITE", "a number", `scores[${i}]`, scores[i]);
    order[i] = i;
  }
  order.sort((a, b) => (scores[a]! > scores[b]! ? -1 : scores[a]! < scores[b]! ? 1 : 0));

  let start = 0;
  while (start < order.length) {
    const score = scores[order[start]!];
    let end = start;
    let hits = 0;
    for (; end < order.length && scores[order[end]!] === score; end++) if (positives[order[end]!]) hits++;
    yield { count: end - start, positives: hits };
    start = end;
  }
}

function argmaxOfRow(scores: ArrayLike<number>, start: number, classes: number): number {
  let best = 0;
  for (let k = 1; k < classes; k++) if (scores[start + k]! > scores[start + best]!) best = k;
  return best;
}

function classIndex(labels: ArrayLike<number>, row: number, classes: number): number {
  const label = labels[row]!;
  if (!Number.isInteger(label) || label < 0 || label >= classes) {
    throw expected("LABEL_OUT_OF_RANGE", `a class index from 0 to ${classes - 1}`, `labels[${row}]`, label);
  }
  return label;
}

function matrixRows(scores: ArrayLike<number>, classes: number, rows = scores.length / classes): number {
  if (!Number.isInteger(classes) || classes < 1) {
    throw expected("INVALID_ARGUMENT", "an integer of at least 1", "classes", classes);
  }
  if (!Number.isInteger(rows) || scores.length !== rows * classes) {
    throw expected("LENGTH_MISMATCH", `rows of ${classes} scores`, "scores", `${scores.length} numbers`);
  }
  return rows;
}

/** Refuses arrays that must describe the same samples and do not. */
export function sameLength(a: ArrayLike<unknown>, aName: string, b: ArrayLike<unknown>, bName: string): void {
  if (a.length !== b.length) {
    throw new LilawError(
      "LENGTH_MISMATCH",
      `Expected as many entries for ${aName} as for ${bName} but received ${a.length} and ${b.length}`,
    );
  }
}
