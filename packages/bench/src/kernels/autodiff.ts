/**
 * The operations as most users would write them: formulas in TensorFlow.js operations, with the gradients that
 * TensorFlow.js derives. Rows that are not finite and ties get no special treatment, and confident rows lose digits.
 */
import * as tf from "@tensorflow/tfjs-core";
import { params } from "./data.js";

type Scalars = readonly [alpha: tf.Tensor, beta: tf.Tensor, delta: tf.Tensor];

const scalars = (): [tf.Scalar, tf.Scalar, tf.Scalar] => [
  tf.scalar(params.alpha),
  tf.scalar(params.beta),
  tf.scalar(params.delta),
];

function crossEntropy(logits: tf.Tensor2D, label: tf.Tensor): tf.Tensor {
  return tf.losses.softmaxCrossEntropy(label, logits, undefined, undefined, tf.Reduction.NONE);
}

function objective(logits: tf.Tensor2D, labels: tf.Tensor1D, [alpha, beta, delta]: Scalars): tf.Scalar {
  const label = tf.oneHot(labels, logits.shape[1]);
  const probs = tf.softmax(logits);
  const u = tf.sum(tf.mul(probs, label), 1);
  const v = tf.max(probs, 1);
  const byAlpha = tf.sigmoid(tf.sub(tf.mul(alpha, u), v));
  const byBeta = tf.sigmoid(tf.neg(tf.sub(tf.mul(beta, u), v)));
  const byDelta = tf.exp(tf.div(tf.neg(tf.square(tf.sub(tf.mul(delta, u), v))), 2));
  return tf.mean(tf.mul(tf.addN([byAlpha, byBeta, byDelta]), crossEntropy(logits, label)));
}

/** The objective [] and the full gradient [rows, classes]. */
export function weightedLoss(logits: tf.Tensor2D, labels: tf.Tensor1D): [tf.Tensor, tf.Tensor] {
  const { value, grad } = tf.valueAndGrad((z) => objective(z as tf.Tensor2D, labels, scalars()))(logits);
  return [value, grad];
}

/** The partials by alpha, beta and delta, [3]. */
export function metaGradient(logits: tf.Tensor2D, labels: tf.Tensor1D): tf.Tensor {
  return tf.stack(
    tf.grads((alpha, beta, delta) => objective(logits, labels, [alpha!, beta!, delta!]))(scalars()),
  );
}

/** The weights of Learning to Reweight, [rows]. */
export function alignmentWeights(logits: tf.Tensor2D, tangents: tf.Tensor2D, labels: tf.Tensor1D): tf.Tensor {
  const label = tf.oneHot(labels, logits.shape[1]);
  const gradient = tf.grad((z) => tf.sum(crossEntropy(z as tf.Tensor2D, label)))(logits);
  const positive = tf.relu(tf.sum(tf.mul(gradient, tangents), 1));
  return tf.divNoNan(positive, tf.sum(positive));
}
