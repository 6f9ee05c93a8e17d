import * as tf from "@tensorflow/tfjs-core";
import { linear } from "./linear.js";
import type { TangentRule } from "./rule.js";

/** Sum over the inputs of the layer with that input replaced by its change: the product rule. */
const product: TangentRule = {
  covers: ({ normalize }) => normalize !== true,
  tangent({ layer, inputs, kwargs }, tangents) {
    const terms = tangents.flatMap((change, i) =>
      change === undefined ? [] : [layer.call(inputs.with(i, change), kwargs) as tf.Tensor],
    );
    return terms.reduce((sum, term) => tf.add(sum, term));
  },
};

/** Maximum or minimum: the change of the input that won; the mean of them where several did. */
const selection: TangentRule = {
  tangent({ inputs, output }, tangents) {
    const won = inputs.map((input) => tf.cast(tf.equal(input, output), "float32"));
    const terms = tangents.flatMap((change, i) => (change === undefined ? [] : [tf.mul(won[i]!, change)]));
    return tf.div(tf.addN(terms), tf.addN(won));
  },
};

export const merges = {
  Add: linear,
  Average: linear,
  Concatenate: linear,
  Multiply: product,
  Dot: product,
  Maximum: selection,
  Minimum: selection,
} satisfies Record<string, TangentRule>;
