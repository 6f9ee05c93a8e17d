import { expected } from "@lilaw/core";
import type * as tf from "@tensorflow/tfjs-core";
import { checkTensor } from "../operations/check-tensor.js";

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
