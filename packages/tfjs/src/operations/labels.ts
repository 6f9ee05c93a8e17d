import {
  checks,
  expected,
  type Labels,
  type Loss,
  losses,
  type TransitionMatrix,
  type TransitionProbabilities,
} from "@lilaw/core";
import * as tf from "@tensorflow/tfjs-core";

/** Labels as the kernels take them: int32 for class losses and binary, float32 for multi-label and regression. */
export function labelTensor(labels: Labels, loss: Loss, rows: number): tf.Tensor {
  const type = losses.labelTypeOf(loss);
  if (type === "class" || type === "binary")
    return tf.tensor1d(labels instanceof Int32Array ? labels : integers(labels), "int32");
  const values = labels instanceof Float32Array ? labels : Float32Array.from(labels);
  return type === "flags" ? tf.tensor2d(values, [rows, labels.length / rows]) : tf.tensor1d(values);
}

/**
 * The matrix that labels came about by, or null where there is none.
 *
 * @throws LilawError `INVALID_ARGUMENT`, `LENGTH_MISMATCH`, `LABEL_OUT_OF_RANGE` for a label that comes from no class
 */
export function transitionOf(
  transition: TransitionMatrix | TransitionProbabilities | null | undefined,
  loss: Loss,
  classes: number,
  labels: Labels,
): TransitionMatrix | null {
  const matrix = checks.checkTransition(transition, loss, classes);
  matrix?.checkLabels(labels);
  return matrix;
}

/** Refuses fractions, which tfjs would truncate. */
function integers(labels: Labels): Int32Array {
  return Int32Array.from(labels, (label, i) => {
    if (!Number.isInteger(label)) throw expected("LABEL_OUT_OF_RANGE", "an integer", `labels[${i}]`, label);
    return label;
  });
}
