import type { AlignmentWeightsInput } from "@lilaw/core";
import * as tf from "@tensorflow/tfjs-core";
import { runKernel } from "../kernels/register.js";
import { labelTensor, transitionOf } from "./labels.js";

export type AlignmentWeightsOptions = Pick<AlignmentWeightsInput, "labels" | "loss" | "transition">;

/**
 * The alignments of the rows and the weights that Learning to Reweight gives them (see `alignmentWeights` in
 * @lilaw/core), computed where the logits are. Nothing is read back.
 *
 * @param logits float32 [B, C]
 * @param tangents float32 [B, C], the change of the logits along the validation gradient
 * @returns each float32 [B]
 */
export function alignmentWeights(
  logits: tf.Tensor2D,
  tangents: tf.Tensor2D,
  { labels, loss = "cross-entropy", transition }: AlignmentWeightsOptions,
): { alignments: tf.Tensor1D; weights: tf.Tensor1D } {
  return tf.tidy(() => {
    const inputs = { logits, tangents, labels: labelTensor(labels, loss, logits.shape[0]) };
    const matrix = transitionOf(transition, loss, logits.shape[1], labels);
    const [alignments, weights] = runKernel("alignmentWeights", inputs, { loss, transition: matrix });
    return { alignments, weights };
  });
}
