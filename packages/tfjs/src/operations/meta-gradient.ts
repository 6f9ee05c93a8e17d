import type { MetaGradient as Gradient, MetaGradientInput } from "@lilaw/core";
import * as tf from "@tensorflow/tfjs-core";
import { runKernel } from "../kernels/register.js";
import { labelTensor, transitionOf } from "./labels.js";

export type MetaGradientOptions = Omit<MetaGradientInput, "logits" | "classes" | "backend">;

/**
 * The partial derivatives of the weighted validation loss by alpha, beta and delta, computed where the logits are
 * (see `metaGradient` in @lilaw/core). Ten numbers are read back.
 *
 * @param logits float32 [M, C]
 */
export function metaGradient(logits: tf.Tensor2D, options: MetaGradientOptions): Gradient {
  const values = metaGradientTensor(logits, options);
  const parts = values.dataSync<"float32">();
  values.dispose();
  const [alpha, beta, delta, objective, nonFiniteRows] = [0, 2, 4, 6, 8].map(
    (at) => parts[at]! + parts[at + 1]!,
  ) as [number, number, number, number, number];
  return { alpha, beta, delta, objective, nonFiniteRows };
}

/**
 * {@link metaGradient} without reading: [5, 2], the partials, the objective and the number of non-finite rows, each
 * as the sum of two floats.
 *
 * @param moved [3], the change of the scalars since `params`
 */
export function metaGradientTensor(
  logits: tf.Tensor2D,
  {
    labels,
    loss = "cross-entropy",
    transition,
    params,
    coefficients,
    moved,
  }: MetaGradientOptions & { moved?: tf.Tensor1D },
): tf.Tensor2D {
  return tf.tidy(() => {
    const inputs = {
      logits,
      labels: labelTensor(labels, loss, logits.shape[0]),
      ...(coefficients && { coefficients: tf.tensor1d(coefficients as Float32Array) }),
      ...(moved && { moved }),
    };
    const matrix = transitionOf(transition, loss, logits.shape[1], labels);
    return runKernel("metaGradient", inputs, { loss, transition: matrix, params })[0];
  });
}
