import { type Loss, Random } from "@lilaw/core";
import * as tf from "@tensorflow/tfjs-core";
import type { TrainBatch, Weighting } from "../weighting.js";
import { lossOptions, type TransitionOption, transitionSetting } from "./options.js";

export interface RandomWeightsOptions extends TransitionOption {
  /**
   * Compute this loss on the logits in place of the loss the model was compiled with. Default with `transition`: the one that the
   * model's last layer stands for
   */
  loss?: Loss;
}

/**
 * Rectified normal weights, normalised to sum 1 in each batch: the control experiment of the L2RW paper (arXiv 1803.09050,
 * section 4), which is stronger than one would expect.
 */
export function randomWeights(options: RandomWeightsOptions = {}): Weighting {
  const { loss, transition } = lossOptions(options);
  const common = { name: "random-weights", needsValidation: false };
  const settings = () => ({ loss, ...transitionSetting(transition) });
  if (loss === "model") {
    return {
      ...common,
      loss,
      start: (context) => ({
        settings,
        step: (batch) => context.stepOnModelLoss(batch, draw(context.seed, batch)),
      }),
    };
  }
  return {
    ...common,
    loss,
    transition,
    start: (context) => ({
      settings,
      step: (batch) =>
        context.stepOnLogits(batch, () => ({
          logits: context.head.forward(batch.xs, true),
          weights: draw(context.seed, batch),
        })),
    }),
  };
}

/** Weights that sum to B, so that the mean over the batch is the weighted sum with weights of sum 1. */
function draw(seed: number, { size, epoch, step }: TrainBatch): tf.Tensor1D {
  const random = Random.from(seed, "random-weights", epoch, step);
  const weights = Float64Array.from({ length: size }, () => Math.max(0, random.normal()));
  const sum = weights.reduce((total, w) => total + w, 0);
  return tf.tensor1d(Float32Array.from(weights, (w) => (sum > 0 ? (w / sum) * size : 0)));
}
