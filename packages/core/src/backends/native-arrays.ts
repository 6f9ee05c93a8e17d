/** The arrays of a call in the types that the native kernels take. */
import type * as Native from "@lilaw/native";
import type { FloatArray, Labels, Loss, WeightedLossOutputs } from "../backend.js";
import { expected } from "../errors.js";

export type NativeModule = typeof Native;

/** Narrows an array that the kernels take; they have no other precision. */
export function float32(name: string, array: FloatArray): Float32Array;
export function float32(name: string, array: FloatArray | undefined): Float32Array | undefined;
export function float32(name: string, array: FloatArray | undefined): Float32Array | undefined {
  if (array === undefined || array instanceof Float32Array) return array;
  throw expected(
    "INVALID_ARGUMENT",
    'a Float32Array (backends "cpu" and "cuda" compute in float32; "auto" and "reference" take Float64Array too)',
    name,
    array,
  );
}

/** Labels in the type that the kernels take. All labels are small integers, or targets of regression. */
export function nativeLabels(labels: Labels, loss: Loss): Native.NativeLabels {
  if (loss === "multi-label") return copied(labels, Uint8Array);
  if (typeof loss === "object" && loss.kind === "regression") return copied(labels, Float32Array);
  return copied(labels, Int32Array);
}

interface ArrayType<A> {
  new (...args: never): A;
  from(values: ArrayLike<number>): A;
}

/** Labels that are of another type than the kernels take. */
function copied<A extends Native.NativeLabels>(labels: Labels, type: ArrayType<A>): A {
  if (labels instanceof type) return labels;
  try {
    return type.from(labels);
  } catch {
    // A getter of the caller has taken their memory away since they were checked.
    throw expected("INVALID_ARGUMENT", "labels whose memory stays where it is", "labels", labels);
  }
}

/** The outputs in the type that the kernels fill. */
export function nativeOutputs(out: WeightedLossOutputs): Native.NativeWeightedLossOutputs {
  const { terms } = out;
  return {
    losses: float32("out.losses", out.losses),
    weights: float32("out.weights", out.weights),
    labelProbs: float32("out.labelProbs", out.labelProbs),
    maxProbs: float32("out.maxProbs", out.maxProbs),
    predictions: out.predictions,
    terms: terms && {
      alpha: float32("out.terms.alpha", terms.alpha),
      beta: float32("out.terms.beta", terms.beta),
      delta: float32("out.terms.delta", terms.delta),
    },
    gradLogits: float32("out.gradLogits", out.gradLogits),
  };
}
