import type { MetaGradient as Gradient, MetaGradientInput } from "@lilaw/core";
import * as tf from "@tensorflow/tfjs-core";
import { MetaGradient } from "../kernels/contract.js";
import { runKernel } from "../kernels/register.js";
import { labelTensor } from "./labels.js";

export type MetaGradientOptions = Omit<MetaGradientInput, "logits" | "classes" | "backend">;

/**
 * The partial derivatives of the weighted validation loss by alpha, beta and delta, computed where the logits are
 * (see `metaGradient` in @lilaw/core). Ten numbers are read back.
 *
 * @param logits float32 [M, C]
 */
export function metaGradient(logits: tf.Tensor2D, options: MetaGradientOptions): Gradient {
  const { loss = "cross-entropy", params } = options;
  return tf.tidy(() => {
    const labels = labelTensor(options.labels, loss, logits.shape[0]);
    const coefficients = options.coefficients && tf.tensor1d(options.coefficients as Float32Array);
    const inputs = { logits, labels, ...(coefficients && { coefficients }) };
    const [values] = runKernel(MetaGradient, inputs, { loss, params });
    const parts = values!.dataSync<"float32">();
    const [alpha, beta, delta, objective, nonFiniteRows] = [0, 2, 4, 6, 8].map(
      (at) => parts[at]! + parts[at + 1]!,
    );
    return {
      alpha: alpha!,
      beta: beta!,
      delta: delta!,
      objective: objective!,
      nonFiniteRows: nonFiniteRows!,
    };
  });
}
