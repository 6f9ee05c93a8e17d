import { expected, type Labels, type Loss, losses } from "@lilaw/core";
import * as tf from "@tensorflow/tfjs-core";
import { crossEntropy } from "../operations/cross-entropy.js";

/** Rows of labels on the host, in the layout @lilaw/core takes. */
export interface Targets {
  readonly labels: Labels;
  /** Values per row: the classes for multi-label, else 1 */
  readonly width: number;
}

/**
 * Reads a target tensor: class indices [N] or [N, 1], or one-hot [N, C] for class losses; 0/1 [N] or [N, 1] for
 * binary; 0/1 [N, C] for multi-label; [N] or [N, 1] for regression.
 *
 * @throws LilawError `MODEL_OUTPUT` when the targets do not fit the model's units, `LABEL_OUT_OF_RANGE`,
 *   `INVALID_ARGUMENT` for rows that are not one-hot, `NON_FINITE` for targets of regression
 */
export async function readTargets(y: tf.Tensor, units: number, loss: Loss, name = "y"): Promise<Targets> {
  const values = await y.data<"float32">();
  const width = y.size / y.shape[0]!;
  const type = losses.labelTypeOf(loss);
  if (type === "flags") {
    checkWidth(width, units, name);
    return { labels: checked(Float32Array.from(values), 2, name), width };
  }
  if (type === "target" || type === "binary") {
    checkWidth(width, 1, name);
    const labels =
      type === "binary"
        ? Int32Array.from(checked(values, 2, name))
        : finiteTargets(Float32Array.from(values), name);
    return { labels, width: 1 };
  }
  if (width === 1) return { labels: Int32Array.from(checked(values, units, name)), width: 1 };
  checkWidth(width, units, name);
  return { labels: fromOneHot(values, units, name), width: 1 };
}

function checkWidth(width: number, units: number, name: string): void {
  if (width !== units) {
    throw expected(
      "MODEL_OUTPUT",
      `targets that fit the model's ${units} output units`,
      name,
      `${width} values a row`,
    );
  }
}

function checked<A extends ArrayLike<number>>(values: A, limit: number, name: string): A {
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (!Number.isInteger(value) || value < 0 || value >= limit) {
      throw expected("LABEL_OUT_OF_RANGE", `an integer in [0, ${limit})`, `${name}[${i}]`, value);
    }
  }
  return values;
}

/** @throws LilawError `NON_FINITE` */
export function finiteTargets(targets: Float32Array, name: string): Float32Array {
  const bad = targets.findIndex((target) => !Number.isFinite(target));
  if (bad >= 0) throw expected("NON_FINITE", "a finite target", `${name}[${bad}]`, targets[bad]);
  return targets;
}

function fromOneHot(values: ArrayLike<number>, classes: number, name: string): Int32Array {
  const labels = new Int32Array(values.length / classes);
  for (let i = 0; i < labels.length; i++) {
    let ones = 0;
    let zeros = 0;
    for (let k = 0; k < classes; k++) {
      const value = values[i * classes + k]!;
      if (value === 1) {
        ones++;
        labels[i] = k;
      } else if (value === 0) zeros++;
    }
    if (ones !== 1 || zeros !== classes - 1) {
      throw expected("INVALID_ARGUMENT", "one 1 and zeros elsewhere", `${name}, row ${i}`, "other values");
    }
  }
  return labels;
}

/** The labels of some rows. */
export function takeTargets({ labels, width }: Targets, rows: Int32Array): Labels {
  const taken = new (labels.constructor as Int32ArrayConstructor)(rows.length * width);
  for (let i = 0; i < rows.length; i++) {
    for (let k = 0; k < width; k++) taken[i * width + k] = labels[rows[i]! * width + k]!;
  }
  return taken;
}

/**
 * Targets as the model's own loss and metrics want them: class indices become one-hot rows, unless the compiled
 * loss is the sparse one, and single values get a row each. Everything else is returned as it is.
 */
export function modelTargets(y: tf.Tensor, units: number, compiledLoss: unknown): tf.Tensor {
  if (units === 1 && y.rank === 1) return tf.reshape(y, [-1, 1]);
  if (!isIndex(y, units) || compiledLoss === "sparseCategoricalCrossentropy") return y;
  return tf.tidy(() => tf.cast(tf.oneHot(tf.cast(tf.reshape(y, [-1]), "int32"), units), "float32"));
}

const isIndex = (y: tf.Tensor, units: number): boolean => y.size === y.shape[0] && units > 1;

/** Losses whose targets have the shape of the outputs. */
const isKnown = (compiledLoss: unknown): boolean =>
  compiledLoss === crossEntropy ||
  (typeof compiledLoss === "string" && compiledLoss !== "sparseCategoricalCrossentropy");

/**
 * Checks targets that only the model's own loss uses: indices must be classes, and for losses of tfjs the targets of a row
 * must be as many as its outputs. Targets of other losses are not checked, since their shape is not known.
 *
 * @throws LilawError `LABEL_OUT_OF_RANGE`, `MODEL_OUTPUT`
 */
export async function checkModelTargets(
  y: tf.Tensor,
  output: readonly (number | null)[],
  compiledLoss: unknown,
  name = "y",
): Promise<void> {
  const units = output.at(-1) ?? 1;
  if (isIndex(y, units)) checked(await y.data<"float32">(), units, name);
  else if (isKnown(compiledLoss)) {
    const wanted = output.slice(1).reduce<number>((size, d) => size * (d ?? Number.NaN), 1);
    if (!Number.isNaN(wanted)) checkWidth(y.size / y.shape[0]!, wanted, name);
  }
}
