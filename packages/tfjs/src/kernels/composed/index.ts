import * as tf from "@tensorflow/tfjs-core";
import type { Kernels, RowValueName } from "../contract.js";
import { alignmentWeights, type ComposedWeightedLoss, metaGradient, weightedLoss } from "./operations.js";

const asTensor = (info: tf.TensorInfo): tf.Tensor => info as tf.Tensor;
const asVector = (info: tf.TensorInfo | undefined) => info as tf.Tensor1D | undefined;

/** The operations composed of tfjs operations: for backends whose tensors cannot be read synchronously. */
export const composed: Kernels = {
  weightedLoss: ({ logits, labels, sampleWeights, moved }, { rowValues, ...options }) =>
    tf.tidy(() => {
      const result = weightedLoss(asTensor(logits) as tf.Tensor2D, asTensor(labels), {
        ...options,
        sampleWeights: asVector(sampleWeights),
        moved: asVector(moved),
      });
      const rows = rowValues.map((name) => tf.cast(rowValue(result, name), "float32"));
      return [result.objective, result.gradLogits, ...(rows.length > 0 ? [tf.stack(rows)] : [])];
    }),

  metaGradient: ({ logits, labels, coefficients, moved }, options) =>
    tf.tidy(() => {
      const values = metaGradient(asTensor(logits) as tf.Tensor2D, asTensor(labels), {
        ...options,
        coefficients: asVector(coefficients),
        moved: asVector(moved),
      });
      return [tf.stack([values, tf.zerosLike(values)], 1) as tf.Tensor2D];
    }),

  alignmentWeights: ({ logits, tangents, labels }, { loss, transition }) =>
    tf.tidy(() => {
      const result = alignmentWeights(
        asTensor(logits) as tf.Tensor2D,
        asTensor(tangents) as tf.Tensor2D,
        asTensor(labels),
        loss,
        transition,
      );
      return [result.alignments, result.weights];
    }),
};

function rowValue(result: ComposedWeightedLoss, name: RowValueName): tf.Tensor {
  return name === "alpha" || name === "beta" || name === "delta" ? result.terms![name] : result[name];
}
