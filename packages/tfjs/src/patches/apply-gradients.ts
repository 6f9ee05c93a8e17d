import * as tf from "@tensorflow/tfjs-core";
import { type AdamInternals, adamOnTensorFlow } from "./adam-tensorflow.js";
import type { ApplyGradients } from "./optimizer-step.js";

/** tfjs's own steps, or faster ones to the same end; the optimizer's state is tfjs's either way. */
export function applyGradientsOf(optimizer: tf.Optimizer): ApplyGradients {
  if (tf.getBackend() === "tensorflow" && optimizer.getClassName() === "Adam") {
    return adamOnTensorFlow(optimizer as unknown as AdamInternals);
  }
  return {
    apply: (gradients) =>
      optimizer.applyGradients(gradients as Parameters<tf.Optimizer["applyGradients"]>[0]),
    dispose() {},
  };
}
