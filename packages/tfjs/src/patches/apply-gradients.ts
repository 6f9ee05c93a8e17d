import * as tf from "@tensorflow/tfjs-core";
import { type AdamInternals, adamOnTensorFlow } from "./adam-tensorflow.js";
import type { ApplyGradients } from "./optimizer-step.js";

/** The steps of tfjs, or faster ones with the same result. The state is that of tfjs's optimizer in both cases. */
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
