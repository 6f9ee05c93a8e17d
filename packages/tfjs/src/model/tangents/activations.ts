import * as tf from "@tensorflow/tfjs-core";
import { identity } from "../head.js";
import type { ActivationInternals, LayerInternals } from "../internals.js";
import type { TangentRule } from "./rule.js";

/** 1 where the condition holds, else 0. */
const where = (condition: tf.Tensor): tf.Tensor => tf.cast(condition, "float32");

const scaled = (y: tf.Tensor, factor: number): tf.Tensor => (factor === 1 ? y : tf.mul(y, factor));

/** Constants of SELU (arXiv 1706.02515). */
const selu = { alpha: 1.6732632423543772, scale: 1.0507009873554805 };

/** Derivatives of elementwise activations, computed from the output where that is enough, else from the input. */
const derivatives: Record<string, (y: tf.Tensor, x: () => tf.Tensor) => tf.Tensor> = {
  relu: (y) => tf.step(y),
  relu6: (y) => where(tf.logicalAnd(tf.greater(y, 0), tf.less(y, 6))),
  elu: (y) => tf.add(tf.minimum(y, 0), 1),
  selu: (y) => tf.where(tf.greater(y, 0), selu.scale, tf.add(y, selu.scale * selu.alpha)),
  tanh: (y) => tf.sub(1, tf.square(y)),
  sigmoid: (y) => tf.mul(y, tf.sub(1, y)),
  hardSigmoid: (y) => scaled(where(tf.logicalAnd(tf.greater(y, 0), tf.less(y, 1))), 0.2),
  softplus: (_, x) => tf.sigmoid(x()),
  softsign: (y) => tf.square(tf.sub(1, tf.abs(y))),
  swish(y, x) {
    const s = tf.sigmoid(x());
    return tf.add(s, tf.mul(y, tf.sub(1, s)));
  },
  mish(_, input) {
    const x = input();
    const t = tf.tanh(tf.softplus(x));
    return tf.add(t, tf.mul(tf.mul(x, tf.sigmoid(x)), tf.sub(1, tf.square(t))));
  },
  gelu(_, input) {
    const x = input();
    const density = tf.mul(tf.exp(tf.mul(tf.square(x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
    return tf.add(tf.mul(tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1), 0.5), tf.mul(x, density));
  },
  gelu_new(_, input) {
    const x = input();
    const c = Math.sqrt(2 / Math.PI);
    const square = tf.square(x);
    const t = tf.tanh(tf.mul(tf.mul(x, tf.add(tf.mul(square, 0.044715), 1)), c));
    const slope = tf.mul(tf.add(tf.mul(square, 3 * 0.044715), 1), c);
    const curve = tf.mul(tf.mul(x, tf.sub(1, tf.square(t))), slope);
    return tf.mul(tf.add(tf.add(t, curve), 1), 0.5);
  },
};

export function knowsActivation(activation: ActivationInternals): boolean {
  const name = activation.getClassName();
  return name in derivatives || ["linear", "softmax", "logSoftmax"].includes(name);
}

/**
 * The change of an activation's output.
 *
 * @param y its output
 * @param x its input, computed only if it is needed
 * @param change of its input
 */
export function activationTangent(
  activation: ActivationInternals,
  y: tf.Tensor,
  x: () => tf.Tensor,
  change: tf.Tensor,
): tf.Tensor {
  const name = activation.getClassName();
  if (name === "linear") return change;
  if (name === "softmax") return softmaxTangent(y, change);
  if (name === "logSoftmax") return tf.sub(change, tf.sum(tf.mul(tf.exp(y), change), -1, true));
  return tf.mul(change, derivatives[name]!(y, x));
}

/** Along the last axis, the only one tfjs has. */
function softmaxTangent(y: tf.Tensor, change: tf.Tensor): tf.Tensor {
  return tf.mul(y, tf.sub(change, tf.sum(tf.mul(y, change), -1, true)));
}

export const activation: TangentRule = {
  covers: (layer) => knowsActivation(layer.activation!),
  tangent: ({ layer, inputs, output }, [change]) =>
    activationTangent(layer.activation!, output, () => inputs[0]!, change!),
};

/** A layer that multiplies each element by a slope that depends on the element. */
function elementwise(
  derivative: (layer: LayerInternals, x: tf.Tensor, y: tf.Tensor) => tf.Tensor,
): TangentRule {
  return {
    tangent: ({ layer, inputs, output }, [change]) => tf.mul(change!, derivative(layer, inputs[0]!, output)),
  };
}

/** 1 for positive x, else `slope`. */
const kink = (x: tf.Tensor, slope: number): tf.Tensor => tf.add(scaled(tf.step(x), 1 - slope), slope);

export const relu = elementwise(({ maxValue }, _, y) => {
  const positive = tf.step(y);
  return maxValue == null ? positive : tf.mul(positive, where(tf.less(y, maxValue)));
});

export const leakyRelu = elementwise(({ alpha }, x) => kink(x, alpha as number));

export const thresholdedRelu = elementwise(({ theta }, x) => where(tf.greater(x, theta!)));

/** tfjs has this layer with alpha 1 only. */
export const elu = elementwise((_layer, x, y) => derivatives.elu!(y, () => x));

/** max(x, 0) + alpha min(x, 0), with one learned alpha a feature. */
export const prelu: TangentRule = {
  tangent({ layer, inputs }, [change], direction) {
    const x = inputs[0]!;
    const alpha = layer.alpha as { read(): tf.Tensor };
    const alphaChange = direction(alpha);
    const terms: tf.Tensor[] = [];
    if (change !== undefined) terms.push(tf.where(tf.greater(x, 0), change, tf.mul(change, alpha.read())));
    if (alphaChange !== undefined) terms.push(tf.mul(tf.minimum(x, 0), alphaChange));
    return terms.reduce((sum, term) => tf.add(sum, term));
  },
};

export const softmax: TangentRule = {
  tangent: ({ layer, output }, [change]) =>
    layer.softmax === identity ? change! : softmaxTangent(output, change!),
};
