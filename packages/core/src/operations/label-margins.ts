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

/**
 * The margin of each label, [B] in [-1, 1]: its probability minus the largest probability of another class, both those of the
 * model, whatever transition matrix its loss has. It is 0 or more where no other class is more probable. A NaN row gives NaN.
 *
 * It is computed from the difference of the two logits, so that it keeps its digits where both probabilities are nearly the
 * same, or one of them nearly 1. Results have the precision of the logits.
 *
 * @throws LilawError `INVALID_ARGUMENT` (also for a loss whose samples have no one class), `LENGTH_MISMATCH`,
 *   `LABEL_OUT_OF_RANGE`, `UNKNOWN_NAME`
 */
export function labelMargins<A extends FloatArray>(input: LabelMarginsInput<A>): A {
  const given = optionsOf("input", input);
  const { logits, labels, classes, maxProbs } = given;
  const loss = checkLoss(given.loss ?? "cross-entropy");
  const labelType = labelTypeOf(loss);
  if (labelType !== "class" && labelType !== "binary")
    throw expected("INVALID_ARGUMENT", "a loss of labels that are one class", "loss", loss);
  const { batch, count } = checkBatch({ logits, labels, classes }, loss);
  const margins = newFloats(logits, count);
  if (labelType === "binary") {
    for (let row = 0; row < count; row++)
      margins[row] = Math.tanh((batch.labels[row] === 1 ? logits[row]! : -logits[row]!) / 2);
    return margins;
  }
  checkFloats("maxProbs", maxProbs, count);
  for (let row = 0; row < count; row++) {
    const lead = leadOf(logits, row * batch.classes, batch.classes, batch.labels[row]!);
    // The larger one of the two probabilities is v, the other one v e^-|lead|.
    const share = -Math.expm1(-Math.abs(lead));
    margins[row] = maxProbs[row]! * (lead < 0 ? -share : share);
  }
  return margins;
}

/** The label's logit minus the largest other one. */
function leadOf(logits: FloatArray, start: number, classes: number, label: number): number {
  let other = Number.NEGATIVE_INFINITY;
  for (let k = 0; k < classes; k++) if (k !== label && logits[start + k]! > other) other = logits[start + k]!;
  return logits[start + label]! - other;
}
