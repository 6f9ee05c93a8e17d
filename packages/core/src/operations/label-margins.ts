import type { FloatArray } from "../backend.js";
import { expected } from "../errors.js";
import { type Loss, labelTypeOf } from "../losses.js";
import { type BatchInput, checkBatch, checkFloats, checkLoss, newFloats, optionsOf } from "./arguments.js";

export interface LabelMarginsInput<A extends FloatArray = FloatArray>
  extends Pick<BatchInput<A>, "logits" | "labels" | "classes"> {
  /** [B], v: the largest probabilities, as {@link weightedLoss} gives them. Not read where the loss is binary */
  readonly maxProbs: A;
  /** Tells softmax from binary logits. Default `"cross-entropy"` */
  readonly loss?: Loss | undefined;
}

export interface LabelMargins<A extends FloatArray = FloatArray> {
  /** [B], in [-1, 1] */
  readonly margins: A;
  /** [B], the most probable other class, of equal ones the lowest; -1 with a single class and in a NaN row */
  readonly rivals: Int32Array;
}

/**
 * The margin of each label: its probability minus the largest probability of another class, both those of the
 * model, whatever transition matrix its loss has. It is 0 or more where no other class is more probable. A NaN row gives NaN.
 *
 * It is computed from the difference of the two logits, so that it keeps its digits where both probabilities are nearly the
 * same, or one of them nearly 1. Results have the precision of the logits.
 *
 * @throws LilawError `INVALID_ARGUMENT` (also for a loss whose samples have no one class), `LENGTH_MISMATCH`,
 *   `LABEL_OUT_OF_RANGE`, `UNKNOWN_NAME`
 */
export function labelMargins<A extends FloatArray>(input: LabelMarginsInput<A>): LabelMargins<A> {
  const given = optionsOf("input", input);
  const { logits, labels, classes, maxProbs } = given;
  const loss = checkLoss(given.loss ?? "cross-entropy");
  const labelType = labelTypeOf(loss);
  if (labelType !== "class" && labelType !== "binary")
    throw expected("INVALID_ARGUMENT", "a loss of labels that are one class", "loss", loss);
  const { batch, count } = checkBatch({ logits, labels, classes }, loss);
  const margins = newFloats(logits, count);
  const rivals = new Int32Array(count);
  if (labelType === "binary") {
    for (let row = 0; row < count; row++) {
      const [label, logit] = [batch.labels[row]!, logits[row]!];
      margins[row] = Math.tanh((label === 1 ? logit : -logit) / 2);
      rivals[row] = Number.isNaN(logit) ? -1 : 1 - label;
    }
    return { margins, rivals };
  }
  checkFloats("maxProbs", maxProbs, count);
  for (let row = 0; row < count; row++) {
    const start = row * batch.classes;
    const label = batch.labels[row]!;
    const rival = rivalOf(logits, start, batch.classes, label);
    const lead = logits[start + label]! - (rival < 0 ? Number.NEGATIVE_INFINITY : logits[start + rival]!);
    // The larger one of the two probabilities is v, the other one v e^-|lead|.
    const share = -Math.expm1(-Math.abs(lead));
    margins[row] = maxProbs[row]! * (lead < 0 ? -share : share);
    rivals[row] = Number.isNaN(maxProbs[row]) ? -1 : rival;
  }
  return { margins, rivals };
}

/** The class of the largest logit but that of the label; -1 without any. */
function rivalOf(logits: FloatArray, start: number, classes: number, label: number): number {
  let rival = -1;
  let largest = Number.NEGATIVE_INFINITY;
  for (let k = 0; k < classes; k++) {
    const logit = logits[start + k]!;
    if (k === label || !(logit > largest)) continue;
    largest = logit;
    rival = k;
  }
  return rival;
}
