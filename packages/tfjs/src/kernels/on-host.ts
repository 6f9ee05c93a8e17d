/** The operations through @lilaw/core on host arrays: for backends whose tensors can be read synchronously. */
import {
  alignmentWeights,
  type Labels,
  type Loss,
  metaGradient,
  type WeightedLossOutputs,
  weightedLoss,
} from "@lilaw/core";
import * as tf from "@tensorflow/tfjs-core";
import { type Kernels, type RowValueName, split } from "./contract.js";

type Values = Float32Array | Int32Array;

export const onHost: Kernels = {
  weightedLoss({ logits, labels, sampleWeights }, { rowValues, ...attributes }) {
    const [count, classes] = logits.shape as [number, number];
    const gradLogits = new Float32Array(count * classes);
    const rows = new Float32Array(rowValues.length * count);
    const predictions = new Int32Array(rowValues.includes("predictions") ? count : 0);
    const { objective } = weightedLoss(
      {
        ...attributes,
        ...batchOf(logits, labels, attributes.loss),
        sampleWeights: sampleWeights && (read(sampleWeights) as Float32Array),
      },
      { gradLogits, ...rowOutputs(rows, rowValues, count, predictions) },
    );
    const at = rowValues.indexOf("predictions");
    if (at >= 0) rows.set(predictions, at * count);
    return [
      tf.scalar(objective),
      tf.tensor2d(gradLogits, [count, classes]),
      ...(rowValues.length > 0 ? [tf.tensor2d(rows, [rowValues.length, count])] : []),
    ];
  },

  metaGradient({ logits, labels, coefficients }, { loss, params }) {
    const { alpha, beta, delta, objective, nonFiniteRows } = metaGradient({
      ...batchOf(logits, labels, loss),
      loss,
      params,
      coefficients: coefficients && (read(coefficients) as Float32Array),
    });
    return [tf.tensor2d([alpha, beta, delta, objective, nonFiniteRows].flatMap(split), [5, 2])];
  },

  alignmentWeights({ logits, tangents, labels }, { loss }) {
    const { alignments, weights } = alignmentWeights({
      ...batchOf(logits, labels, loss),
      loss,
      tangents: read(tangents) as Float32Array,
    });
    return [tf.tensor1d(alignments), tf.tensor1d(weights)];
  },
};

function read({ dataId }: tf.TensorInfo): Values {
  const backend = tf.backend() as unknown as { readSync(dataId: object): Values };
  return backend.readSync(dataId);
}

function batchOf(logits: tf.TensorInfo, labels: tf.TensorInfo, loss: Loss) {
  const single = loss === "binary" || (typeof loss === "object" && loss.kind === "regression");
  const classes = single ? 1 : logits.shape[1]!;
  return { logits: read(logits) as Float32Array, labels: read(labels) as Labels, classes };
}

/** The outputs of the operation as views of `rows`, one row a value. */
function rowOutputs(
  rows: Float32Array,
  names: readonly RowValueName[],
  count: number,
  predictions: Int32Array,
): WeightedLossOutputs<Float32Array> {
  const view = (name: RowValueName): Float32Array | undefined => {
    const at = names.indexOf(name);
    return at < 0 ? undefined : rows.subarray(at * count, (at + 1) * count);
  };
  const [losses, weights, labelProbs, maxProbs] = (
    ["losses", "weights", "labelProbs", "maxProbs"] as const
  ).map(view);
  const [alpha, beta, delta] = (["alpha", "beta", "delta"] as const).map(view);
  return {
    ...(losses && { losses }),
    ...(weights && { weights }),
    ...(labelProbs && { labelProbs }),
    ...(maxProbs && { maxProbs }),
    ...(predictions.length > 0 && { predictions }),
    ...(alpha && beta && delta && { terms: { alpha, beta, delta } }),
  };
}
