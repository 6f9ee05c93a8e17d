import type { Batch, FloatArray, Labels, LilawParams, Loss } from "../backend.js";
import { isDeviceArray } from "../backends/device.js";
import type { DeviceLogits } from "../device.js";
import { expected } from "../errors.js";

/** A batch as users type it: `classes` may be left out where a sample has one logit. */
export interface BatchInput<A extends FloatArray = FloatArray> {
  /** Row-major [B, C]; [B] for binary and regression */
  readonly logits: A;
  readonly labels: Labels;
  /** C; 1 (the default) for binary and regression */
  readonly classes?: number | undefined;
}

const lossNames = '"cross-entropy", focal, label-smoothing, "binary", "multi-label" or regression';

export function isFloatArray(value: unknown): value is FloatArray {
  return value instanceof Float32Array || value instanceof Float64Array;
}

/** Where the logits are, the rest has to be. */
export function isOnDevice<Input extends { readonly logits: unknown }>(
  input: Input,
): input is Extract<Input, { readonly logits: DeviceLogits }> {
  return !isFloatArray(input.logits) && isDeviceArray(input.logits);
}

export function checkLoss(loss: Loss): Loss {
  if (loss === "cross-entropy" || loss === "binary" || loss === "multi-label") return loss;
  switch (loss?.kind) {
    case "focal":
      checkNumber("loss.gamma", loss.gamma, "a finite number of at least 0", (x) => x >= 0);
      break;
    case "label-smoothing":
      checkNumber("loss.smoothing", loss.smoothing, "a number in [0, 1)", (x) => x >= 0 && x < 1);
      break;
    case "regression":
      checkNumber("loss.range", loss.range, "a finite number above 0", (x) => x > 0);
      break;
    default:
      throw expected("UNKNOWN_NAME", lossNames, "loss", loss);
  }
  return loss;
}

export function checkNumber(
  name: string,
  value: number,
  expectation: string,
  holds: (x: number) => boolean = () => true,
): number {
  if (!Number.isFinite(value) || !holds(value)) throw expected("INVALID_ARGUMENT", expectation, name, value);
  return value;
}

export function checkParams(params: LilawParams): LilawParams {
  for (const name of ["alpha", "beta", "delta"] as const) {
    if (Number.isFinite(params?.[name])) continue;
    if (isDeviceArray(params)) throw expected("INVALID_ARGUMENT", "{ alpha, beta, delta }", "params", params);
    throw expected("INVALID_ARGUMENT", "a finite number", name, params?.[name]);
  }
  return params;
}

export function checkChoice<T extends string>(name: string, value: T, choices: readonly T[]): T {
  if (!choices.includes(value)) {
    throw expected("INVALID_ARGUMENT", `one of ${choices.map((c) => `"${c}"`).join(", ")}`, name, value);
  }
  return value;
}

/** Checks shapes, types and the range of every label. Logits may be non-finite: that is counted, not refused. */
export function checkBatch(input: BatchInput, loss: Loss): { batch: Batch; count: number } {
  const { logits, labels } = input;
  if (!isFloatArray(logits)) {
    throw expected("INVALID_ARGUMENT", "a Float32Array or Float64Array", "logits", logits);
  }
  const classes = checkClasses(input.classes, loss);
  const count = checkCount(logits.length, classes);
  checkLabels(labels, loss, classes, count);
  return { batch: { logits, labels, classes }, count };
}

/** The number of rows. */
export function checkCount(length: number, classes: number): number {
  const count = length / classes;
  if (Number.isInteger(count) && count > 0) return count;
  throw expected("LENGTH_MISMATCH", `a positive multiple of ${classes} classes`, "logits.length", length);
}

export function checkClasses(classes: number | undefined, loss: Loss): number {
  const single = loss === "binary" || (typeof loss === "object" && loss.kind === "regression");
  if (single) {
    if (classes !== undefined && classes !== 1) {
      throw expected("INVALID_ARGUMENT", "1 (one logit a sample)", "classes", classes);
    }
    return 1;
  }
  if (!Number.isSafeInteger(classes) || classes! < 1) {
    throw expected("INVALID_ARGUMENT", "an integer of at least 1", "classes", classes);
  }
  return classes!;
}

function checkLabels(labels: Labels, loss: Loss, classes: number, count: number): void {
  const regression = typeof loss === "object" && loss.kind === "regression";
  const typed = labels instanceof Int32Array || labels instanceof Uint8Array || isFloatArray(labels);
  if (!typed)
    throw expected("INVALID_ARGUMENT", "an Int32Array, Uint8Array or float array", "labels", labels);
  const length = loss === "multi-label" ? count * classes : count;
  if (labels.length !== length)
    throw expected("LENGTH_MISMATCH", `${length}`, "labels.length", labels.length);
  const limit = loss === "binary" || loss === "multi-label" ? 2 : classes;
  for (let i = 0; i < length; i++) {
    const label = labels[i]!;
    if (regression ? Number.isFinite(label) : Number.isInteger(label) && label >= 0 && label < limit)
      continue;
    if (regression) throw expected("NON_FINITE", "a finite target", `labels[${i}]`, label);
    throw expected("LABEL_OUT_OF_RANGE", `an integer in [0, ${limit})`, `labels[${i}]`, label);
  }
}

/** Checks one float array of the given length, if it is there. */
export function checkLength(name: string, array: FloatArray | undefined, length: number): void {
  if (array === undefined) return;
  if (!isFloatArray(array)) {
    throw expected("INVALID_ARGUMENT", "a Float32Array or Float64Array", name, array);
  }
  if (array.length !== length) throw expected("LENGTH_MISMATCH", `${length}`, `${name}.length`, array.length);
}

/** In place means the very same array: any other overlap would read what was just written. */
export function checkOverlap(name: string, out: FloatArray | undefined, input: FloatArray): void {
  if (out === undefined || out.buffer !== input.buffer) return;
  const same = out.byteOffset === input.byteOffset && out.constructor === input.constructor;
  const apart =
    out.byteOffset + out.byteLength <= input.byteOffset ||
    input.byteOffset + input.byteLength <= out.byteOffset;
  if (!same && !apart) {
    throw expected("INVALID_ARGUMENT", "an array apart from the input, or the input itself", name, out);
  }
}

/** A new array of the same precision as the logits. */
export function newFloats<A extends FloatArray>(like: A, length: number): A {
  return (like instanceof Float32Array ? new Float32Array(length) : new Float64Array(length)) as A;
}
