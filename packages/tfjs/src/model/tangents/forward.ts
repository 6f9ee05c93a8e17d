import { expected, type LilawError } from "@lilaw/core";
import * as tf from "@tensorflow/tfjs-core";
import type { LayersModel } from "@tensorflow/tfjs-layers";
import { type LayerInternals, leafLayers } from "../internals.js";
import { ruleOf } from "./registry.js";
import type { Direction, LayerCall } from "./rule.js";

/** A direction in weight space: a tensor for each variable that moves. */
export type WeightDirection = ReadonlyMap<tf.Variable, tf.Tensor>;

/**
 * Forward-mode differentiation of a forward pass: while `forward` runs, each layer's output gets the tangent that its
 * rule derives from those of its inputs. The pass itself is tfjs's own and may be recorded for gradients; the tangents are
 * not recorded.
 *
 * @returns the output of `forward` and its derivative along `direction`; the caller disposes both (or tidies)
 * @throws LilawError `INVALID_ARGUMENT` if a layer that takes part has no rule
 */
export function forwardWithTangents<T extends tf.Tensor>(
  model: LayersModel,
  direction: WeightDirection,
  forward: () => T,
): { output: T; tangent: T } {
  const tangents = new Map<tf.Tensor, tf.Tensor>();
  const directionOf: Direction = (weight) =>
    weight == null ? undefined : direction.get(weight.read() as tf.Variable);
  const observe = (call: LayerCall): void => {
    const tangent = untaped(() => tangentOf(call, tangents, directionOf));
    if (tangent !== undefined) tangents.set(call.output, tangent);
  };
  try {
    const output = observed(leafLayers(model), observe, forward);
    const tangent = tangents.get(output);
    tangents.delete(output);
    return { output, tangent: (tangent ?? untaped(() => tf.zerosLike(output))) as T };
  } finally {
    tf.dispose([...tangents.values()]);
  }
}

function tangentOf(
  call: LayerCall,
  tangents: ReadonlyMap<tf.Tensor, tf.Tensor>,
  direction: Direction,
): tf.Tensor | undefined {
  const { layer, inputs } = call;
  const changes = inputs.map((input) => tangents.get(input));
  const moves = (weight: { read(): tf.Tensor }) => direction(weight) !== undefined;
  if (changes.every((change) => change === undefined) && !layer.weights.some(moves)) return undefined;
  const rule = ruleOf(layer);
  if (rule === undefined) throw noRule(`${layer.name} (${layer.getClassName()})`);
  const change = rule.tangent(call, changes, direction);
  return changes.includes(change) ? change.clone() : change;
}

export function noRule(layer: string): LilawError {
  const expectation = 'layers with a tangent rule (or the route "central-difference")';
  return expected("INVALID_ARGUMENT", expectation, "model", layer);
}

/** Runs `forward` and shows each call of the layers to `observe`. */
function observed<T>(layers: LayerInternals[], observe: (call: LayerCall) => void, forward: () => T): T {
  for (const layer of layers) {
    layer.apply = (given, kwargs = {}) => {
      const output = Object.getPrototypeOf(layer).apply.call(layer, given, kwargs);
      const inputs = Array.isArray(given) ? given : [given];
      if (output instanceof tf.Tensor) observe({ layer, inputs, output, kwargs });
      return output;
    };
  }
  try {
    return forward();
  } finally {
    for (const layer of layers) delete (layer as Partial<LayerInternals>).apply; // the method of the class is visible again
  }
}

/** The result of `compute`, kept. Nothing is recorded for gradients, and all other tensors are disposed. */
function untaped<T extends tf.Tensor | undefined>(compute: () => T): T {
  let result: T | undefined;
  // tfjs records nothing inside an operation with a gradient of its own; this one has no inputs.
  tf.customGrad(() => {
    result = compute();
    if (result !== undefined) tf.keep(result);
    return { value: tf.scalar(0), gradFunc: () => [] };
  })().dispose();
  return result as T;
}
