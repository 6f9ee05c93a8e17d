import { expected } from "@lilaw/core";
import { type Flags, flagsOf, indicesOf, numbersOf, sameLength } from "./arguments.js";

/**
 * The share of `predictions` that equal `labels`, in [0, 1]; NaN when there are none.
 *
 * @param predictions predicted classes, [N]
 * @param labels classes to compare with, [N]
 * @throws LENGTH_MISMATCH
 */
export function accuracy(predictions: ArrayLike<number>, labels: ArrayLike<number>): number {
  const [found, given] = [numbersOf(predictions, "predictions"), numbersOf(labels, "labels")];
  sameLength(found, "predictions", given, "labels");
  let right = 0;
  for (let i = 0; i < given.length; i++) if (found[i] === given[i]) right++;
  return right / given.length;
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
  const ranked = numbersOf(scores, "scores");
  if (!Number.isInteger(k) || k < 1 || k > ranked.length) {
    throw expected("INVALID_ARGUMENT", `an integer from 1 to ${ranked.length}`, "k", k);
  }
  let left = k;
  let hits = 0;
  for (const group of tieGroups(ranked, positives)) {
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
  const values = numbersOf(scores, "scores");
  const given = numbersOf(labels, "labels");
  matrixRows(values, classes, given.length);
  // Without labels there is no class, whatever `classes` is.
  if (given.length === 0) return Number.NaN;
  indicesOf(given, "labels", classes - 1, "LABEL_OUT_OF_RANGE");
  const counts = new Float64Array(classes);
  for (let i = 0; i < given.length; i++) counts[given[i]!]!++;

  const column = new Float64Array(given.length);
  const positives = new Uint8Array(given.length);
  let sum = 0;
  let terms = 0;
  for (let c = 0; c < classes; c++) {
    if (counts[c] === 0 || counts[c] === given.length) continue;
    for (let i = 0; i < given.length; i++) {
      column[i] = values[i * classes + c]!;
      positives[i] = given[i] === c ? 1 : 0;
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
 * @returns row-major [N*C], rows sum to 1; a row with NaN or without a finite largest logit is NaN
 * @throws LENGTH_MISMATCH
 */
export function softmax(logits: ArrayLike<number>, classes: number): Float64Array {
  const values = numbersOf(logits, "logits");
  const rows = matrixRows(values, classes);
  const probs = new Float64Array(values.length);
  for (let row = 0; row < rows; row++) {
    const start = row * classes;
    const top = values[start + argmaxOfRow(values, start, classes)]!;
    let sum = 0;
    for (let k = start; k < start + classes; k++) {
      probs[k] = Math.exp(values[k]! - top);
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
  const values = numbersOf(scores, "scores");
  const rows = matrixRows(values, classes);
  return Int32Array.from({ length: rows }, (_, row) => argmaxOfRow(values, row * classes, classes));
}

/**
 * Kish's effective sample size (sum w)^2 / sum w^2: how many equally weighted samples say as much as these.
 * In [1, N] for non-negative weights that are not all 0; 0 when they are.
 *
 * @param weights [N], finite and at least 0
 * @throws INVALID_ARGUMENT (a negative or non-finite weight)
 */
export function effectiveSampleSize(weights: ArrayLike<number>): number {
  const values = numbersOf(weights, "weights");
  let largest = 0;
  for (let i = 0; i < values.length; i++) {
    const weight = values[i]!;
    if (!(weight >= 0 && weight < Infinity)) {
      throw expected("INVALID_ARGUMENT", "a finite number of at least 0", `weights[${i}]`, weight);
    }
    largest = Math.max(largest, weight);
  }
  if (largest === 0) return 0;
  // Numbers beyond these bounds have squares outside the range of float64.
  const scale = largest > 1e100 || largest < 1e-100 ? largest : 1;
  let sum = 0;
  let squares = 0;
  for (let i = 0; i < values.length; i++) {
    const weight = values[i]! / scale;
    sum += weight;
    squares += weight * weight;
  }
  return (sum * sum) / squares;
}

/** Samples that share one score. */
interface TieGroup {
  readonly count: number;
  readonly positives: number;
}

/**
 * Groups of tied samples, from the highest score to the lowest. Ranking metrics use nothing else, so that the order
 * within a tie does not matter.
 */
function* tieGroups(given: ArrayLike<number>, positives: Flags): Generator<TieGroup> {
  const scores = numbersOf(given, "scores");
  const flags = flagsOf(positives, "positives");
  sameLength(scores, "scores", flags, "positives");
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
    for (; end < order.length && scores[order[end]!] === score; end++) if (flags[order[end]!] === 1) hits++;
    yield { count: end - start, positives: hits };
    start = end;
  }
}

function argmaxOfRow(scores: ArrayLike<number>, start: number, classes: number): number {
  let best = 0;
  for (let k = 1; k < classes; k++) if (scores[start + k]! > scores[start + best]!) best = k;
  return best;
}

function matrixRows(scores: ArrayLike<number>, classes: number, rows?: number): number {
  if (!Number.isSafeInteger(classes) || classes < 1) {
    throw expected("INVALID_ARGUMENT", "an integer of at least 1", "classes", classes);
  }
  const count = rows ?? scores.length / classes;
  if (!Number.isInteger(count) || scores.length !== count * classes) {
    throw expected("LENGTH_MISMATCH", `rows of ${classes} scores`, "scores", `${scores.length} numbers`);
  }
  return count;
}
