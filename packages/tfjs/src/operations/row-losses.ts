import type { WeightedLossInput } from "@lilaw/core";
import * as tf from "@tensorflow/tfjs-core";
import { runKernel } from "../kernels/register.js";
import { labelTensor, transitionOf } from "./labels.js";

export type RowLossesOptions = Pick<WeightedLossInput, "labels" | "loss" | "transition">;

/**
 * The unweighted loss of each row, computed where the logits are. Nothing is read back, and no gradient is defined: for
 * weights, not for objectives.
 *
 * @param logits float32 [B, C]
 * @returns float32 [B], NaN for a row with a logit that is not finite; the caller disposes it (or tidies)
 */
export function rowLosses(
  logits: tf.Tensor2D,
  { labels, loss = "cross-entropy", transition }: RowLossesOptions,
): tf.Tensor1D {
  return tf.tidy(() => {
    const inputs = { logits, labels: labelTensor(labels, loss, logits.shape[0]) };
    const [, , losses] = runKernel("weightedLoss", inputs, {
      transition: transitionOf(transition, loss, logits.shape[1], labels),
      ...{ loss, params: null, gradient: "detached", normalize: "none" },
      rowValues: ["losses"],
    });
    return tf.reshape(losses!, [-1]);
  });
}
