import { expected } from "@lilaw/core";
import * as tf from "@tensorflow/tfjs-core";
import type { LayersModel } from "@tensorflow/tfjs-layers";

export function checkCount(name: string, value: number, least: number): number {
  if (!Number.isSafeInteger(value) || value < least) {
    throw expected("INVALID_ARGUMENT", `an integer of at least ${least}`, name, value);
  }
  return value;
}

/** {@link checkCount} of what may be left out. */
export function checkOptionalCount(name: string, value: number | null | undefined, least: number): void {
  if (value != null) checkCount(name, value, least);
}

export function checkFunction(name: string, value: unknown): void {
  if (value !== undefined && typeof value !== "function") {
    throw expected("INVALID_ARGUMENT", "a function", name, value);
  }
}

/** @throws LilawError `INVALID_ARGUMENT`, `DISPOSED` */
export function checkTensor<T extends tf.Tensor>(name: string, value: T): T {
  if (!(value instanceof tf.Tensor)) throw expected("INVALID_ARGUMENT", "a tensor", name, value);
  if (value.isDisposed) throw expected("DISPOSED", "a tensor that is not disposed", name, "one that is");
  return value;
}

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

/** Factors of samples, each finite: a copy. */
export async function readWeights(
  name: string,
  weights: tf.Tensor | Float32Array,
  count: number,
): Promise<Float32Array> {
  const given =
    weights instanceof Float32Array ? weights : await checkTensor(name, weights).data<"float32">();
  if (given.length !== count) throw expected("LENGTH_MISMATCH", `${count}`, `${name}.length`, given.length);
  const bad = given.findIndex((weight) => !Number.isFinite(weight));
  if (bad >= 0) throw expected("NON_FINITE", "a finite number", `${name}[${bad}]`, given[bad]);
  return Float32Array.from(given);
}
