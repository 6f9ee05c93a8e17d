import { expected } from "@lilaw/core";
import * as tf from "@tensorflow/tfjs-core";
import type { LayersModel } from "@tensorflow/tfjs-layers";
import { checkTensor } from "../operations/check-tensor.js";

/** Features and targets, as tfjs takes them. */
export type LabelledTensors = readonly [x: tf.Tensor | tf.Tensor[], y: tf.Tensor];

/** The tensors of x, one for each input of a model, whose samples have the shapes that the model takes. */
export function checkInputs(model: LayersModel, x: unknown, name: string): tf.Tensor[] {
  const xs = Array.isArray(x) ? x : x instanceof tf.Tensor ? [x] : byName(model, x, name);
  if (xs.length !== model.inputs.length) {
    throw expected("INVALID_ARGUMENT", `${model.inputs.length} tensors (the model's inputs)`, name, xs);
  }
  xs.forEach((tensor, i) => {
    const called = xs.length === 1 ? name : `${name}[${i}]`;
    const { shape } = checkTensor(called, tensor);
    const wanted = model.inputs[i]!.shape;
    const fits =
      shape.length === wanted.length && wanted.every((size, d) => size === null || size === shape[d]);
    if (!fits) {
      throw expected("INVALID_ARGUMENT", `shape ${shapeText(wanted)}`, called, `shape ${shapeText(shape)}`);
    }
  });
  return xs;
}

function byName(model: LayersModel, x: unknown, name: string): tf.Tensor[] {
  if (typeof x !== "object" || x === null) throw expected("INVALID_ARGUMENT", "a tensor", name, x);
  const named = x as Record<string, tf.Tensor>;
  return model.inputNames.map((input) => checkTensor(`${name}.${input}`, named[input]!));
}

const shapeText = (shape: readonly (number | null)[]): string =>
  `[${shape.map((size) => size ?? "any").join(", ")}]`;

/** The number of samples, which is that of every tensor. */
export function checkSamples(xs: readonly tf.Tensor[], y: tf.Tensor, name = "y"): number {
  const count = checkTensor(name, y).shape[0];
  if (count === undefined)
    throw expected("INVALID_ARGUMENT", "a value or row for each sample", name, "a scalar");
  for (const { shape } of xs) {
    if (shape[0] !== count) throw expected("LENGTH_MISMATCH", `${shape[0]} samples (as in x)`, name, count);
  }
  if (count === 0) throw expected("LENGTH_MISMATCH", "at least one sample", name, 0);
  return count;
}
