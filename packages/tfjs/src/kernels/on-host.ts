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
import { type Kernels, movedBy, type RowValueName, split } from "./contract.js";
import { type HostMemory, hostMemory } from "./host-memory.js";

export const onHost: Kernels = {
  weightedLoss({ logits, labels, sampleWeights, moved }, { rowValues, params, ...attributes }) {
    const [count, classes] = logits.shape as [number, number];
    const shapes = [[], [count, classes], ...(rowValues.length > 0 ? [[rowValues.length, count]] : [])];
    return filled(shapes, (memory, [objective, gradLogits, rows]) => {
      const predictions = new Int32Array(rowValues.includes("predictions") ? count : 0);
      const result = weightedLoss(
        {
          ...attributes,
          ...batchOf(memory, logits, labels, attributes.loss),
          params: params && movedBy(params, moved && memory.view(moved)),
          sampleWeights: sampleWeights && (memory.view(sampleWeights) as Float32Array),
        },
        { gradLogits: gradLogits!, ...(rows && rowOutputs(rows, rowValues, count, predictions)) },
      );
      objective![0] = result.objective;
      if (predictions.length > 0) rows!.set(predictions, rowValues.indexOf("predictions") * count);
    });
  },

  metaGradient({ logits, labels, coefficients, moved }, { loss, params }) {
    return filled([[5, 2]], (memory, [values]) => {
      const { alpha, beta, delta, objective, nonFiniteRows } = metaGradient({
        ...batchOf(memory, logits, labels, loss),
        loss,
        params: movedBy(params, moved && memory.view(moved)),
        coefficients: coefficients && (memory.view(coefficients) as Float32Array),
      });
      values!.set([alpha, beta, delta, objective, nonFiniteRows].flatMap(split));
    });
  },

  alignmentWeights({ logits, tangents, labels }, { loss }) {
    const count = logits.shape[0]!;
    return filled([[count], [count]], (memory, [alignments, weights]) => {
      alignmentWeights(
        {
          ...batchOf(memory, logits, labels, loss),
          loss,
          tangents: memory.view(tangents) as Float32Array,
        },
        { alignments: alignments!, weights: weights! },
      );
    });
  },
};

/** New tensors, their arrays filled by `fill`. */
function filled(shapes: number[][], fill: (memory: HostMemory, arrays: Float32Array[]) => void): tf.Tensor[] {
  const memory = hostMemory();
  const { arrays, tensors } = memory.allocate(shapes);
  try {
    fill(memory, arrays);
    return tensors;
  } catch (error) {
    tf.dispose(tensors);
    throw error;
  }
}

function batchOf(memory: HostMemory, logits: tf.TensorInfo, labels: tf.TensorInfo, loss: Loss) {
  const single = loss === "binary" || (typeof loss === "object" && loss.kind === "regression");
  const classes = single ? 1 : logits.shape[1]!;
  return { logits: memory.view(logits) as Float32Array, labels: memory.view(labels) as Labels, classes };
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
  const terms = (["alpha", "beta", "delta"] as const).map(view);
  // All three or none: those that nobody asked for go to waste.
  const [alpha, beta, delta] = terms.map((term) => term ?? new Float32Array(count)) as [
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  return {
    ...(losses && { losses }),
    ...(weights && { weights }),
    ...(labelProbs && { labelProbs }),
    ...(maxProbs && { maxProbs }),
    ...(predictions.length > 0 && { predictions }),
    ...(terms.some((term) => term !== undefined) && { terms: { alpha, beta, delta } }),
  };
}
