/** The step of an optimizer, as the training calls it. */
import type * as tf from "@tensorflow/tfjs-core";

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
