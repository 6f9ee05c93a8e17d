import * as tf from "@tensorflow/tfjs-core";
import type { TangentRule } from "./rule.js";

/**
 * Layers that are linear in their inputs and have no weights are their own derivative: reshaping, padding, average
 * pooling, sums and concatenation; dropout too, whose mask follows from its seed.
 */
export const linear: TangentRule = {
  tangent({ layer, inputs, kwargs }, tangents) {
    const changes = inputs.map((input, i) => tangents[i] ?? tf.zerosLike(input));
    return layer.call(changes.length === 1 ? changes[0]! : changes, kwargs) as tf.Tensor;
  },
};

/** scale x + offset */
export const rescaling: TangentRule = {
  tangent: ({ layer }, [change]) => tf.mul(change!, layer.scale as number),
};
