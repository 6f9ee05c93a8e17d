import * as tf from "@tensorflow/tfjs-core";
import { type LayerInternals, linearActivation, type WeightName } from "../internals.js";
import { activationTangent, knowsActivation } from "./activations.js";
import type { LayerCall, TangentRule } from "./rule.js";

/**
 * Layers that are linear in their input and in each of their weights, up to a bias and an activation: dense,
 * convolutions, embeddings. By the product rule the change of the pre-activation is a sum of the layer itself with
 * one of its factors replaced by that factor's change: L(x', W) + L(x, V_W) + V_b.
 */
export function multilinear(...names: WeightName[]): TangentRule {
  return {
    covers: ({ activation }) => activation == null || knowsActivation(activation),
    tangent(call, [xTangent], direction) {
      const { layer, inputs } = call;
      let bias = direction(layer.bias); // part of one of the terms
      const terms: tf.Tensor[] = [];
      const addTerm = (x: tf.Tensor, weights: Weights) => {
        terms.push(preActivation(call, x, { ...weights, bias }));
        bias = undefined;
      };
      for (const name of names) {
        const change = direction(layer[name]);
        if (change !== undefined) addTerm(inputs[0]!, { [name]: change });
      }
      if (xTangent !== undefined) addTerm(xTangent, {});
      const change = terms.reduce((sum, term) => tf.add(sum, term));
      if (layer.activation == null) return change;
      const input = () => preActivation(call, inputs[0]!, { bias: layer.bias?.read() });
      return activationTangent(layer.activation, call.output, input, change);
    },
  };
}

type Weights = { [name in WeightName | "bias"]?: tf.Tensor | undefined };

/**
 * The output of the layer on `x` before its activation, with the weights given in place of its own; without a bias unless
 * one is given.
 */
function preActivation({ layer, kwargs }: LayerCall, x: tf.Tensor, { bias, ...weights }: Weights): tf.Tensor {
  const standIn = (weight: tf.Tensor | undefined) => (weight === undefined ? null : { read: () => weight });
  const changed: Partial<LayerInternals> = { bias: standIn(bias), useBias: bias !== undefined };
  for (const name of Object.keys(weights) as WeightName[]) changed[name] = standIn(weights[name]);
  if (layer.activation != null) changed.activation = linearActivation();
  const held = Object.fromEntries(
    Object.keys(changed).map((name) => [name, layer[name as keyof LayerInternals]]),
  );
  Object.assign(layer, changed);
  try {
    return layer.call(x, kwargs) as tf.Tensor;
  } finally {
    Object.assign(layer, held);
  }
}
