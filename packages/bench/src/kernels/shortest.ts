/**
 * The operations in as few TensorFlow.js operations as possible: softmax, logarithm, and gradients in closed form. Rows
 * that are not finite and ties get no special treatment, and confident rows lose digits.
 */
import * as tf from "@tensorflow/tfjs-core";
import { params } from "./data.js";

function rowsOf(logits: tf.Tensor2D, labels: tf.Tensor1D) {
  const [count, classes] = logits.shape;
  const probs = tf.softmax(logits);
  const label = tf.oneHot(labels, classes);
  const u = tf.sum(tf.mul(probs, label), 1);
  const v = tf.max(probs, 1);
  const ce = tf.neg(tf.log(u));
  const d = tf.sub(tf.mul(params.delta, u), v);
  const alpha = tf.sigmoid(tf.sub(tf.mul(params.alpha, u), v));
  const beta = tf.sigmoid(tf.sub(v, tf.mul(params.beta, u)));
  const delta = tf.exp(tf.mul(-0.5, tf.square(d)));
  const slopes = [tf.mul(alpha, tf.sub(1, alpha)), tf.mul(beta, tf.sub(1, beta)), tf.mul(d, delta)] as const;
  return { count, classes, probs, label, u, v, ce, weight: tf.addN([alpha, beta, delta]), slopes };
}

/** The objective [] and the full gradient [rows, classes]. */
export function weightedLoss(logits: tf.Tensor2D, labels: tf.Tensor1D): [tf.Tensor, tf.Tensor] {
  const { count, classes, probs, label, u, v, ce, weight, slopes } = rowsOf(logits, labels);
  const [a, b, c] = slopes;
  const byU = tf.sub(tf.sub(tf.mul(params.alpha, a), tf.mul(params.beta, b)), tf.mul(params.delta, c));
  const byV = tf.sub(tf.add(b, c), a);
  const top = tf.oneHot(tf.argMax(probs, 1) as tf.Tensor1D, classes);
  const onLabel = tf.expandDims(tf.div(tf.sub(weight, tf.mul(tf.mul(ce, u), byU)), count), 1);
  const onTop = tf.expandDims(tf.div(tf.mul(tf.mul(ce, v), byV), -count), 1);
  const gradLogits = tf.add(tf.mul(onLabel, tf.sub(probs, label)), tf.mul(onTop, tf.sub(probs, top)));
  return [tf.mean(tf.mul(weight, ce)), gradLogits];
}

/** The partials by alpha, beta and delta, [3]. */
export function metaGradient(logits: tf.Tensor2D, labels: tf.Tensor1D): tf.Tensor {
  const { u, ce, slopes } = rowsOf(logits, labels);
  const scaled = tf.mul(ce, u);
  const [a, b, c] = slopes.map((slope) => tf.mean(tf.mul(scaled, slope))) as [
    tf.Tensor,
    tf.Tensor,
    tf.Tensor,
  ];
  return tf.stack([a, tf.neg(b), tf.neg(c)]);
}

/** The weights of Learning to Reweight, [rows]. */
export function alignmentWeights(logits: tf.Tensor2D, tangents: tf.Tensor2D, labels: tf.Tensor1D): tf.Tensor {
  const gradient = tf.sub(tf.softmax(logits), tf.oneHot(labels, logits.shape[1]));
  const positive = tf.relu(tf.sum(tf.mul(gradient, tangents), 1));
  return tf.divNoNan(positive, tf.sum(positive));
}
