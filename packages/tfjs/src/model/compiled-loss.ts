import { expected } from "@lilaw/core";
import * as tf from "@tensorflow/tfjs-core";
import type { LayersModel } from "@tensorflow/tfjs-layers";
import { scaledGradient } from "../kernels/register.js";
import { endsInSoftmax, type Head, headOf } from "./head.js";
import { internals } from "./internals.js";

/** The loss a model was compiled with: the mean over a batch of the row losses, each times its weight. */
export type ModelLoss = (
  xs: tf.Tensor[],
  y: tf.Tensor,
  weights: tf.Tensor1D | undefined,
) => {
  objective: tf.Scalar;
  outputs: () => tf.Tensor;
  /** Absent where the loss is not computed from them */
  logits?: tf.Tensor2D;
};

/**
 * Categorical cross-entropy after a softmax, the loss of most classifiers, is computed on the logits: the same numbers in far
 * fewer operations than tfjs needs forward and backward. Every other loss is left to tfjs.
 *
 * @param head given where the logits are needed beside the loss
 */
export function modelLossOf(model: LayersModel, head?: Head): ModelLoss {
  const onLogits = model.loss === "categoricalCrossentropy" && endsInSoftmax(model);
  return onLogits ? categoricalCrossEntropy(model) : asCompiled(model, head);
}

/** @param head given where the logits are needed too */
function asCompiled(model: LayersModel, head: Head | undefined): ModelLoss {
  return (xs, y, weights) => {
    const logits = head?.forward(xs, true);
    const outputs =
      logits === undefined
        ? (model.apply(xs.length === 1 ? xs[0]! : xs, { training: true }) as tf.Tensor)
        : head!.activate(logits);
    const losses = internals(model).lossFunctions[0]!(y, outputs);
    const objective = weights === undefined ? tf.mean(losses) : weightedMean(losses, weights);
    return { objective: objective as tf.Scalar, outputs: () => outputs, ...(logits && { logits }) };
  };
}

function weightedMean(losses: tf.Tensor, weights: tf.Tensor1D): tf.Tensor {
  if (losses.rank === 0) {
    throw expected(
      "INVALID_ARGUMENT",
      "a loss per sample (sample weights need it)",
      "the model's loss",
      "a scalar",
    );
  }
  const perRow = losses.rank === 1 ? losses : tf.mean(tf.reshape(losses, [weights.size, -1]), 1);
  return tf.mean(tf.mul(perRow, weights));
}

function categoricalCrossEntropy(model: LayersModel): ModelLoss {
  const head = headOf(model);
  return (xs, y, weights) => {
    const logits = head.forward(xs, true);
    const factor = weights ? tf.div(tf.reshape(weights, [-1, 1]), -weights.size) : -1 / logits.shape[0];
    const objective = clippedCrossEntropy(logits, tf.mul(y, factor));
    return { objective, outputs: () => head.activate(logits), logits };
  };
}

/**
 * The sum of targets times the logarithms of the probabilities. As in tfjs, probabilities are clipped, and those that are
 * have no gradient.
 */
function clippedCrossEntropy(logits: tf.Tensor2D, targets: tf.Tensor): tf.Scalar {
  const epsilon = tf.backend().epsilon();
  const operation = tf.customGrad((...args: (tf.Tensor | tf.GradSaveFunc)[]) => {
    const [input, save] = args as [tf.Tensor2D, tf.GradSaveFunc];
    const probs = tf.softmax(input);
    const clipped = tf.clipByValue(probs, epsilon, 1 - epsilon);
    const kept = tf.mul(targets, tf.cast(tf.equal(probs, clipped), "float32"));
    save([tf.sub(kept, tf.mul(probs, tf.sum(kept, 1, true)))]);
    return {
      value: tf.sum(tf.mul(targets, tf.log(clipped))),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => scaledGradient(saved[0]!, dy),
    };
  });
  return operation(logits) as tf.Scalar;
}
