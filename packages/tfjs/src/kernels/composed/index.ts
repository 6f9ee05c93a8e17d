import * as tf from "@tensorflow/tfjs-core";
import type { Kernels, RowValueName } from "../contract.js";
import { alignmentWeights, type ComposedWeightedLoss, metaGradient, weightedLoss } from "./operations.js";

const asTensor = (info: tf.TensorInfo): tf.Tensor => info as tf.Tensor;

/** The operations composed of tfjs operations: for backends whose tensors cannot be read synchronously. */
export const composed: Kernels = {
  weightedLoss: ({ logits, labels, sampleWeights }, { rowValues, ...options }) =>
    tf.tidy(() => {
      const result = weightedLoss(asTensor(logits) as tf.Tensor2D, asTensor(labels), {
        ...options,
        sampleWeights: sampleWeights && (asTensor(sampleWeights) as tf.Tensor1D),
      });
      const rows = rowValues.map((name) => tf.cast(rowValue(result, name), "float32"));
      return [result.objective, result.gradLogits, ...(rows.length > 0 ? [tf.stack(rows)] : [])];
    }),

  metaGradient: ({ logits, labels, coefficients }, options) =>
    tf.tidy(() => {
      const values = metaGradient(asTensor(logits) as tf.Tensor2D, asTensor(labels), {
        ...options,
        coefficients: coefficients && (asTensor(coefficients) as tf.Tensor1D),
      });
      return [tf.stack([values, tf.zerosLike(values)], 1)];
    }),

  alignmentWeights: ({ logits, tangents, labels }, { loss }) =>
    tf.tidy(() => {
      const result = alignmentWeights(
        asTensor(logits) as tf.Tensor2D,
        asTensor(tangents) as tf.Tensor2D,
        asTensor(labels),
        loss,
      );
      return [result.alignments, result.weights];
    }),
};

function rowValue(result: ComposedWeightedLoss, name: RowValueName): tf.Tensor {
  return name === "alpha" || name === "beta" || name === "delta" ? result.terms![name] : result[name];
}
