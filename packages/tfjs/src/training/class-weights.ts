import { expected } from "@lilaw/core";
import * as tf from "@tensorflow/tfjs-core";
import type { ClassWeight, ClassWeightMap } from "@tensorflow/tfjs-layers";

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
  if (typeof given !== "object")
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
