/** Converts the arrays of a call to the types that the native kernels take. */
import type * as Native from "@lilaw/native";
import type { FloatArray, Labels, WeightedLossOutputs } from "../backend.js";
import { expected } from "../errors.js";
import { type Loss, labelTypeOf } from "../losses.js";
import { typeOf } from "../typed-array.js";

export type NativeModule = typeof Native;

/** Checks that an array is a Float32Array, the only precision of the kernels. */
export function float32(name: string, array: FloatArray): Float32Array;
export function float32(name: string, array: FloatArray | undefined): Float32Array | undefined;
export function float32(name: string, array: FloatArray | undefined): Float32Array | undefined {
  if (array === undefined || typeOf(array) === "Float32Array") return array as Float32Array | undefined;
  throw expected(
    "INVALID_ARGUMENT",
    'a Float32Array (backends "cpu" and "cuda" compute in float32; "auto" and "reference" take Float64Array too)',
    name,
    array,
  );
}

const labelArrays = { class: Int32Array, binary: Int32Array, flags: Uint8Array, target: Float32Array };

/** Labels in the type that the kernels take: small integers, or targets of regression. */
export function nativeLabels(labels: Labels, loss: Loss): Native.NativeLabels {
  return copied(labels, labelArrays[labelTypeOf(loss)] as ArrayType<Native.NativeLabels>);
}

interface ArrayType<A> {
  new (values: Labels): A;
  readonly name: string;
}

/** Copies labels to another type. Not by `from`, which calls the array's own iterator. */
function copied<A extends Native.NativeLabels>(labels: Labels, type: ArrayType<A>): A {
  return typeOf(labels) === type.name ? (labels as A) : new type(labels);
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
