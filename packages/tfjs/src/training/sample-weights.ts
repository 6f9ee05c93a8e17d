import { checks, expected } from "@lilaw/core";
import * as tf from "@tensorflow/tfjs-core";
import type { ClassWeight, ClassWeightMap } from "@tensorflow/tfjs-layers";
import { checkTensor } from "../operations/check-tensor.js";

/**
 * [N], the factor of each sample that its class has in tfjs's `classWeight`.
 *
 * @param y class indices [N] or [N, 1], or one-hot rows [N, C]
 * @throws LilawError `INVALID_ARGUMENT` for a class without a weight, `NON_FINITE`
 */
export async function classWeightsOf(
  y: tf.Tensor,
  given: ClassWeight | ClassWeight[] | ClassWeightMap,
  output: string,
): Promise<Float32Array> {
  if (!checks.isObject(given))
    throw expected("INVALID_ARGUMENT", "an object of numbers", "classWeight", given);
  const inList = Array.isArray(given) && given.length === 1 ? given[0]! : given;
  const weights = ((inList as ClassWeightMap)[output] ?? inList) as ClassWeight;
  const factors = new Float32Array(y.shape[0]!);
  for (const [i, label] of (await classesOf(y)).entries()) {
    const weight = weights[label];
    if (weight === undefined)
      throw expected("INVALID_ARGUMENT", `a weight of class ${label}`, "classWeight", given);
    if (!Number.isFinite(weight))
      throw expected("NON_FINITE", "a finite number", `classWeight[${label}]`, weight);
    factors[i] = weight;
  }
  return factors;
}

async function classesOf(
  y: tf.Tensor,
): Promise<ArrayLike<number> & { entries(): Iterable<[number, number]> }> {
  if (y.size === y.shape[0]) return y.data<"float32">();
  if (y.rank !== 2)
    throw expected("INVALID_ARGUMENT", "classes (classWeight needs them)", "y", `rank ${y.rank}`);
  const classes = tf.argMax(y, 1);
  try {
    return await classes.data<"int32">();
  } finally {
    classes.dispose();
  }
}

/** A copy of the factors of samples, which must be finite. */
export async function readWeights(
  name: string,
  weights: tf.Tensor | Float32Array,
  count: number,
): Promise<Float32Array> {
  // A proxy of an array is an instance of its class, but no array.
  const isArray = ArrayBuffer.isView(weights) && weights instanceof Float32Array;
  const given = isArray ? weights : await checkTensor(name, weights as tf.Tensor).data<"float32">();
  if (given.length !== count) throw expected("LENGTH_MISMATCH", `${count}`, `${name}.length`, given.length);
  const bad = given.findIndex((weight) => !Number.isFinite(weight));
  if (bad >= 0) throw expected("NON_FINITE", "a finite number", `${name}[${bad}]`, given[bad]);
  return Float32Array.from(given);
}

/** The products of two kinds of factors, of which either may be absent. */
export function timesWeights(
  a: Float32Array | undefined,
  b: Float32Array | undefined,
): Float32Array | undefined {
  return a && b ? a.map((weight, i) => weight * b[i]!) : (a ?? b);
}
