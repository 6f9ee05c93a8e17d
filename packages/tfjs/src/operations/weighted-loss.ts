import { weightedLoss as onArrays, type WeightedLossInput, type WeightedLossOutputs } from "@lilaw/core";
import * as tf from "@tensorflow/tfjs-core";

export type WeightedLossOptions = Omit<WeightedLossInput, "logits" | "classes">;

/**
 * The weighted loss of a batch as a differentiable tfjs operation: the scalar objective, whose gradient on the
 * logits is the closed form of `weightedLoss` in @lilaw/core (where all options, results and errors are described).
 * Per-row results are written to the arrays in `out`.
 *
 * @param logits float32 [B, C]
 */
export function weightedLoss(
  logits: tf.Tensor2D,
  options: WeightedLossOptions,
  out: Omit<WeightedLossOutputs<Float32Array>, "gradLogits"> = {},
): tf.Scalar {
  const operation = tf.customGrad((z: tf.Tensor | tf.GradSaveFunc) => {
    const input = z as tf.Tensor2D;
    const values = input.dataSync<"float32">();
    const gradLogits = new Float32Array(values.length);
    const { objective } = onArrays(
      { ...options, logits: values, classes: input.shape[1] },
      { ...out, gradLogits },
    );
    return {
      value: tf.scalar(objective),
      gradFunc: (dy: tf.Tensor) => tf.mul(dy, tf.tensor2d(gradLogits, input.shape)),
    };
  });
  return operation(logits) as tf.Scalar;
}
