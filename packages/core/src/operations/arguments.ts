import type { Batch, FloatArray, Labels, LilawParams, WeightTerms } from "../backend.js";
import { isDeviceArray } from "../backends/device.js";
import type { DeviceLogits } from "../device.js";
import { expected } from "../errors.js";
import {
  hasOneLogit,
  isOfLabelProb,
  type Loss,
  type LossName,
  labelTypeOf,
  losses,
  lossNames,
} from "../losses.js";
import { TransitionMatrix, type TransitionProbabilities } from "../transition-matrix.js";
import { bufferOf, byteLengthOf, byteOffsetOf, lengthOf, typeOf } from "../typed-array.js";

/** A batch as users type it: `classes` may be left out where a sample has one logit. */
export interface BatchInput<A extends FloatArray = FloatArray> {
  /** Row-major [B, C]; [B] for binary and regression */
  readonly logits: A;
  readonly labels: Labels;
  /** C; 1 (the default) for binary and regression */
  readonly classes?: number | undefined;
  /**
   * Transition matrix [C, C]: row k, column j is P(label j | true class k). With it, u is the probability of the observed
   * label under the matrix, sum_k softmax(z)_k T[k][label], in the loss and in the weight (forward correction, Patrini et
   * al. 2017). For losses of u: cross-entropy, focal, generalized and symmetric cross-entropy, mean absolute error. An
   * array is checked in every call, a {@link TransitionMatrix} only when it is created.
   */
  readonly transition?: TransitionMatrix | TransitionProbabilities | null | undefined;
}

const everyObject: object = {};

/**
 * The properties of an object of arguments: its own, those of its class, and getters, each of which is read once. A
 * property added to `Object.prototype` appears on every object, so it is not an argument.
 *
 * @throws LilawError `INVALID_ARGUMENT` for anything but an object
 */
export function optionsOf<T extends object>(name: string, options: T): T {
  checkObject(name, options);
  for (const _ in everyObject) return withoutShared(options);
  return options;
}

/** @throws LilawError `INVALID_ARGUMENT`, also for a revoked proxy */
export function checkObject(name: string, value: object): void {
  if (!isObject(value)) throw expected("INVALID_ARGUMENT", "an object", name, value);
}

/** Whether a value is an object that can be read, so not a revoked proxy. */
export function isObject(value: unknown): value is object {
  try {
    return typeof value === "object" && Object.getPrototypeOf(value) !== undefined;
  } catch {
    return false;
  }
}

function withoutShared<T extends object>(options: T): T {
  const all = options as Record<PropertyKey, unknown>;
  const own = Object.create(null) as Record<PropertyKey, unknown>;
  for (let at: object | null = options; at && at !== Object.prototype; at = Object.getPrototypeOf(at)) {
    for (const name of Reflect.ownKeys(at)) if (!(name in own)) own[name] = all[name];
  }
  return own as T;
}

export function isFloatArray(value: unknown): value is FloatArray {
  const type = typeOf(value);
  return type === "Float32Array" || type === "Float64Array";
}

/** Whether the logits are on the device; all other arrays must be in the same place. */
export function isOnDevice(logits: unknown): logits is DeviceLogits {
  return !isFloatArray(logits) && isDeviceArray(logits);
}

/** A checked copy, which later changes of the original do not affect. */
export function checkLoss(loss: Loss): Loss {
  if (typeof loss === "string" && plainLosses.has(loss)) return loss;
  if (typeof loss === "object" && loss !== null) {
    const given = optionsOf("loss", loss as object as Record<string, number> & { kind: string });
    const { kind } = given;
    const parameters = isLossName(kind) ? Object.entries(losses[kind].parameters) : [];
    if (parameters.length > 0) {
      const values = parameters.map(([name, { range, holds }]) => [
        name,
        checkNumber(`loss.${name}`, given[name], range, holds),
      ]);
      return { kind, ...Object.fromEntries(values) } as Loss;
    }
  }
  throw expected("UNKNOWN_NAME", `one of ${lossNames.join(", ")}`, "loss", loss);
}

/** The losses without parameters, which are their names. */
const plainLosses: ReadonlySet<string> = new Set(
  lossNames.filter((name) => Object.keys(losses[name].parameters).length === 0),
);

const isLossName = (name: unknown): name is LossName =>
  typeof name === "string" && Object.hasOwn(losses, name);

/** The transition matrix, checked for this number of classes, or null if there is none. */
export function checkTransition(
  transition: TransitionMatrix | TransitionProbabilities | null | undefined,
  loss: Loss,
  classes: number,
): TransitionMatrix | null {
  if (transition == null) return null;
  if (!isOfLabelProb(loss)) {
    const able = lossNames.filter((name) => "ofLabelProb" in losses[name]).join(", ");
    throw expected("INVALID_ARGUMENT", `one of ${able} (there is a transition matrix)`, "loss", loss);
  }
  const matrix = TransitionMatrix.is(transition) ? transition : new TransitionMatrix(transition);
  if (matrix.classes !== classes)
    throw expected("LENGTH_MISMATCH", `${classes} classes`, "transition", `${matrix.classes} classes`);
  return matrix;
}

export function checkNumber(
  name: string,
  value: number | undefined,
  expectation: string,
  holds: (x: number) => boolean = () => true,
): number {
  if (!Number.isFinite(value) || !holds(value!)) throw expected("INVALID_ARGUMENT", expectation, name, value);
  return value!;
}

/** A checked copy, which later changes of the original do not affect. */
export function checkParams(params: LilawParams): LilawParams {
  if (typeof params === "object" && params !== null) {
    const { alpha, beta, delta } = optionsOf("params", params);
    if (Number.isFinite(alpha) && Number.isFinite(beta) && Number.isFinite(delta))
      return { alpha, beta, delta };
    if (!isDeviceArray(params)) {
      const [name, value] = Object.entries({ alpha, beta, delta }).find(([, x]) => !Number.isFinite(x))!;
      throw expected("INVALID_ARGUMENT", "a finite number", name, value);
    }
  }
  throw expected("INVALID_ARGUMENT", "{ alpha, beta, delta }", "params", params);
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
  // Its rows may have getters, so it is read before the lengths are.
  const transition = checkTransition(input.transition, loss, classes);
  const count = checkCount(lengthOf(logits), classes);
  checkLabels(labels, loss, classes, count);
  transition?.checkLabels(labels);
  return { batch: { logits, labels, classes, loss, transition }, count };
}

/** The number of rows. */
export function checkCount(length: number, classes: number): number {
  const count = length / classes;
  if (Number.isInteger(count) && count > 0) return count;
  throw expected("LENGTH_MISMATCH", `a positive multiple of ${classes} classes`, "logits.length", length);
}

export function checkClasses(classes: number | undefined, loss: Loss): number {
  if (hasOneLogit(loss)) {
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

/**
 * Checks labels: class indices below `classes`, 0 or 1 for binary and multi-label, finite targets for regression; one for
 * each row, or `classes` for each row with multi-label.
 *
 * @throws LilawError `INVALID_ARGUMENT`, `LENGTH_MISMATCH`, `LABEL_OUT_OF_RANGE`, `NON_FINITE`
 */
export function checkLabels(labels: Labels, loss: Loss, classes: number, count: number): void {
  const labelType = labelTypeOf(loss);
  const regression = labelType === "target";
  const type = typeOf(labels);
  if (type !== "Int32Array" && type !== "Uint8Array" && !isFloatArray(labels))
    throw expected("INVALID_ARGUMENT", "an Int32Array, Uint8Array or float array", "labels", labels);
  const length = labelType === "flags" ? count * classes : count;
  checkLengthIs("labels", labels, length);
  const limit = labelType === "class" ? classes : 2;
  for (let i = 0; i < length; i++) {
    const label = labels[i]!;
    if (regression ? Number.isFinite(label) : Number.isInteger(label) && label >= 0 && label < limit)
      continue;
    if (regression) throw expected("NON_FINITE", "a finite target", `labels[${i}]`, label);
    throw expected("LABEL_OUT_OF_RANGE", `an integer in [0, ${limit})`, `labels[${i}]`, label);
  }
}

function checkLengthIs(name: string, array: View, length: number): void {
  const actual = lengthOf(array);
  if (actual !== length) throw expected("LENGTH_MISMATCH", `${length}`, `${name}.length`, actual);
}

/** Checks one float array of the given length, unless it is undefined. */
export function checkLength(name: string, array: FloatArray | undefined, length: number): void {
  if (array !== undefined) checkFloats(name, array, length);
}

/** Checks one float array of the given length. */
export function checkFloats(name: string, array: FloatArray, length: number): void {
  if (!isFloatArray(array)) {
    throw expected("INVALID_ARGUMENT", "a Float32Array or Float64Array", name, array);
  }
  checkLengthIs(name, array, length);
}

/** Checks one Int32Array of the given length, unless it is undefined. */
export function checkIntegers(name: string, array: Int32Array | undefined, length: number): void {
  if (array === undefined) return;
  if (typeOf(array) !== "Int32Array") throw expected("INVALID_ARGUMENT", "an Int32Array", name, array);
  checkLengthIs(name, array, length);
}

/** The three terms, read once and not checked. */
export function readTerms(terms: WeightTerms): WeightTerms {
  const { alpha, beta, delta } = optionsOf("out.terms", terms);
  return { alpha, beta, delta };
}

/** The three terms, read once and checked. */
export function checkTerms(terms: WeightTerms, params: LilawParams | null, count: number): WeightTerms {
  if (params === null) {
    throw expected("INVALID_ARGUMENT", "alpha, beta and delta (out.terms was asked for)", "params", params);
  }
  const read = readTerms(terms);
  checkFloats("out.terms.alpha", read.alpha, count);
  checkFloats("out.terms.beta", read.beta, count);
  checkFloats("out.terms.delta", read.delta, count);
  return read;
}

type View = FloatArray | Labels;

/**
 * Refuses outputs that share memory with an input or with one another: an operation would read what it has just
 * written. Only `out.gradLogits` may be `logits`, as a whole. Memory is identified by its buffer: two SharedArrayBuffer
 * objects of the same memory count as different.
 *
 * @param views inputs, then outputs, in the order of their names; those that are absent are undefined
 * @param inputs how many of them are inputs
 */
export function checkApart(
  names: readonly string[],
  views: readonly (View | undefined)[],
  inputs: number,
): void {
  const buffers: (ArrayBufferLike | undefined)[] = [];
  for (let i = 0; i < views.length; i++) {
    const view = views[i];
    const buffer = view && bufferOf(view);
    buffers.push(buffer);
    if (i < inputs || buffer === undefined) continue;
    for (let k = 0; k < i; k++) {
      if (buffers[k] === buffer) checkPair(names[k]!, views[k]!, names[i]!, view!);
    }
  }
}

function checkPair(name: string, view: View, outputName: string, output: View): void {
  const [begin, outputBegin] = [byteOffsetOf(view), byteOffsetOf(output)];
  if (begin + byteLengthOf(view) <= outputBegin || outputBegin + byteLengthOf(output) <= begin) return;
  const mayBeSame = name === "logits" && outputName === "out.gradLogits";
  const isSame = begin === outputBegin && typeOf(view) === typeOf(output);
  if (mayBeSame && isSame) return;
  const expectation = `memory apart from that of ${name}${mayBeSame ? ", or all of it" : ""}`;
  throw expected("INVALID_ARGUMENT", expectation, outputName, output);
}

/** Refuses an `out` on which the scalars of an operation cannot be set, before anything is written. */
export function checkOut(out: object, scalars: readonly string[]): void {
  checkObject("out", out);
  if (Object.isExtensible(out)) return;
  for (const name of scalars) {
    if (Object.getOwnPropertyDescriptor(out, name)?.writable) continue;
    throw expected("INVALID_ARGUMENT", `an object on which ${name} can be set`, "out", out);
  }
}

/** A new array of the same precision as the logits. */
export function newFloats<A extends FloatArray>(like: A, length: number): A {
  return (typeOf(like) === "Float32Array" ? new Float32Array(length) : new Float64Array(length)) as A;
}
