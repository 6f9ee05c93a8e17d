/** The operations through @lilaw/core on host arrays: for backends whose tensors can be read synchronously. */
import {
  alignmentWeights,
  type Labels,
  losses,
  metaGradient,
  type WeightedLossOutputs,
  weightedLoss,
} from "@lilaw/core";
import * as tf from "@tensorflow/tfjs-core";
import { type HostMemory, hostMemory } from "../patches/host-memory.js";
import { type Kernels, movedBy, type RowValueName, split } from "./contract.js";

/** Object literals throughout: a spread would cost more than a kernel on a small batch. */
export const onHost: Kernels = {
  weightedLoss({ logits, labels, sampleWeights, moved }, { rowValues, ...attributes }) {
    const { loss, transition, params, gradient, normalize } = attributes;
    const [count, classes] = logits.shape as [number, number];
    const shapes = [[], [count, classes]];
    if (rowValues.length > 0) shapes.push([rowValues.length, count]);
    return filled(shapes, [logits, labels, sampleWeights, moved], (memory, arrays) => {
      const [objective, gradLogits, rows] = arrays as [Float32Array, Float32Array, Float32Array?];
      const predictions = rowValues.includes("predictions") ? new Int32Array(count) : undefined;
      const out = { ...(rows && rowOutputs(rows, rowValues, count, predictions)), gradLogits };
      const result = weightedLoss(
        {
          logits: floats(memory, logits),
          labels: memory.view(labels) as Labels,
          classes: losses.hasOneLogit(loss) ? 1 : classes,
          loss,
          transition,
          params: params && movedBy(params, moved && memory.view(moved)),
          gradient,
          normalize,
          sampleWeights: sampleWeights && floats(memory, sampleWeights),
        },
        out,
      );
      objective[0] = result.objective;
      if (predictions) rows!.set(predictions, rowValues.indexOf("predictions") * count);
    });
  },

  metaGradient({ logits, labels, coefficients, moved }, { loss, transition, params }) {
    return filled([[5, 2]], [logits, labels, coefficients, moved], (memory, [values]) => {
      const { alpha, beta, delta, objective, nonFiniteRows } = metaGradient({
        logits: floats(memory, logits),
        labels: memory.view(labels) as Labels,
        classes: losses.hasOneLogit(loss) ? 1 : logits.shape[1],
        loss,
        transition,
        params: movedBy(params, moved && memory.view(moved)),
        coefficients: coefficients && floats(memory, coefficients),
      });
      [alpha, beta, delta, objective, nonFiniteRows].forEach((value, i) => {
        values!.set(split(value), 2 * i);
      });
    });
  },

  alignmentWeights({ logits, tangents, labels }, { loss, transition }) {
    const count = logits.shape[0]!;
    return filled([[count], [count]], [logits, tangents, labels], (memory, [alignments, weights]) => {
      alignmentWeights(
        {
          logits: floats(memory, logits),
          labels: memory.view(labels) as Labels,
          classes: losses.hasOneLogit(loss) ? 1 : logits.shape[1],
          loss,
          transition,
          tangents: floats(memory, tangents),
        },
        { alignments: alignments!, weights: weights! },
      );
    });
  },
};

/** New tensors, their arrays filled by `fill` from the inputs. */
function filled<T extends tf.Tensor[]>(
  shapes: number[][],
  inputs: (tf.TensorInfo | undefined)[],
  fill: (memory: HostMemory, arrays: Float32Array[]) => void,
): T {
  const memory = hostMemory();
  const { arrays, tensors } = memory.allocate(shapes, inputs);
  try {
    fill(memory, arrays);
    return tensors as T;
  } catch (error) {
    tf.dispose(tensors);
    throw error;
  }
}

const floats = (memory: HostMemory, tensor: tf.TensorInfo) => memory.view(tensor) as Float32Array;

/** The outputs of the operation as views of `rows`, one row a value. */
function rowOutputs(
  rows: Float32Array,
  names: readonly RowValueName[],
  count: number,
  predictions: Int32Array | undefined,
): WeightedLossOutputs<Float32Array> {
  const view = (name: RowValueName): Float32Array | undefined => {
    const at = names.indexOf(name);
    return at < 0 ? undefined : rows.subarray(at * count, (at + 1) * count);
  };
  const [rowLosses, weights, labelProbs, maxProbs] = (
    ["losses", "weights", "labelProbs", "maxProbs"] as const
  ).map(view);
  const terms = (["alpha", "beta", "delta"] as const).map(view);
  // The operation computes all three or none, so terms that were not asked for get arrays too.
  const [alpha, beta, delta] = terms.map((term) => term ?? new Float32Array(count)) as [
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  return {
    ...(rowLosses && { losses: rowLosses }),
    ...(weights && { weights }),
    ...(labelProbs && { labelProbs }),
    ...(maxProbs && { maxProbs }),
    ...(predictions && { predictions }),
    ...(terms.some((term) => term !== undefined) && { terms: { alpha, beta, delta } }),
  };
}
