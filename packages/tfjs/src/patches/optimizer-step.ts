/** The step of an optimizer, as the training calls it. */
import type * as tf from "@tensorflow/tfjs-core";

export interface NamedGradient {
  /** The name of the variable in tfjs's engine */
  name: string;
  /** Absent where the loss does not depend on the variable */
  tensor: tf.Tensor | undefined;
}

/** The steps of an optimizer. */
export interface ApplyGradients {
  /** Takes one step. The caller disposes the gradients */
  apply(gradients: NamedGradient[]): void;
  dispose(): void;
}
