import * as tf from "@tensorflow/tfjs-core";
import { type AdamInternals, adamOnTensorFlow } from "./adam-tensorflow.js";

export interface NamedGradient {
  /** Of the variable, as the engine knows it */
  name: string;
  /** Absent where the loss does not depend on the variable */
  tensor: tf.Tensor | undefined;
}

/** How an optimizer's steps are taken. */
export interface ApplyGradients {
  /** One step. The gradients belong to the caller */
  apply(gradients: NamedGradient[]): void;
  dispose(): void;
}

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
