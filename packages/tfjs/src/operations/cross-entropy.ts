import * as tf from "@tensorflow/tfjs-core";

/**
 * Softmax cross-entropy of each row, for `model.compile({ loss: crossEntropy })` on models that end in logits.
 *
 * @param yTrue class indices [B] or [B, 1], or one-hot [B, C]
 * @param logits float32 [B, C]
 * @returns float32 [B]
 */
export function crossEntropy(yTrue: tf.Tensor, logits: tf.Tensor): tf.Tensor1D {
  return tf.tidy(() => {
    const classes = logits.shape[1]!;
    const isIndex = yTrue.size === yTrue.shape[0] && classes > 1;
    const oneHot = isIndex ? tf.oneHot(tf.cast(tf.reshape(yTrue, [-1]), "int32"), classes) : yTrue;
    return tf.losses.softmaxCrossEntropy(
      tf.cast(oneHot, "float32"),
      logits,
      undefined,
      undefined,
      tf.Reduction.NONE,
    ) as tf.Tensor1D;
  });
}
