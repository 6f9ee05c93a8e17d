/** Converts arguments from objects, the form that people write, to the positions in which the addon takes them. */
import type {
  AlignmentWeightsArgsAt,
  AlignmentWeightsOutputsAt,
  AlignmentWeightsPositions,
  MetaGradientArgsAt,
  MetaGradientPositions,
  NativeLoss,
  Place,
  WeightedLossArgsAt,
  WeightedLossOutputsAt,
  WeightedLossPositions,
} from "./call.js";
import { expected } from "./errors.js";
import { addon } from "./load.js";

/** The name of a loss, read once. */
function lossName(loss: NativeLoss): string {
  return typeof loss === "string" ? loss : isReadable(loss) ? loss.kind : (undefined as never);
}

/** A loss as the addon takes it: its number, or an array of its number and its parameters where it has some. */
export function lossNumbers(loss: NativeLoss): number | Float64Array {
  const { kind, parameters } = addon().names.loss(lossName(loss));
  if (parameters.length === 0) return kind;
  const values = loss as unknown as Readonly<Record<string, unknown>>;
  return Float64Array.of(kind, ...parameters.map((name) => number(`loss.${name}`, values[name])));
}

/** Memory of a call: its params as input, its scalars as output. */
export interface CallMemory<At extends Place> {
  params(params: At["params"]): At["doubles"];
  readonly result: At["bytes"];
}

// The caller's objects are read once, and all of them before the memory of the call is written: a getter may make
// another call, which uses the same memory.

/** Calls a form of weightedLoss directly: collecting the arguments in an array would cost more than a small kernel. */
export function marshalWeightedLoss<At extends Place, R>(
  call: (...args: WeightedLossPositions<At>) => R,
  args: WeightedLossArgsAt<At>,
  out: WeightedLossOutputsAt<At>,
  memory: CallMemory<At>,
): R {
  const { logits, labels, classes, loss, transition, params, gradient, normalize, sampleWeights } = object(
    args,
    "args",
  );
  const { losses, weights, labelProbs, maxProbs, predictions, terms, gradLogits } = object(out, "out");
  const { names } = addon();
  const alpha = terms?.alpha;
  const beta = terms?.beta;
  const delta = terms?.delta;
  const numbers = lossNumbers(loss);
  const rows = rowsOf(logits, classes);
  const { result } = memory;
  return call(
    rows,
    classes,
    numbers,
    logits,
    labels,
    transition,
    params && memory.params(params),
    names.gradientMode(gradient),
    names.normalization(normalize),
    sampleWeights,
    losses,
    weights,
    labelProbs,
    maxProbs,
    predictions,
    alpha,
    beta,
    delta,
    gradLogits,
    result,
  );
}

export function marshalMetaGradient<At extends Place, R>(
  call: (...args: MetaGradientPositions<At>) => R,
  args: MetaGradientArgsAt<At>,
  memory: CallMemory<At>,
): R {
  const { logits, labels, classes, loss, transition, params, coefficients } = object(args, "args");
  const numbers = lossNumbers(loss);
  const rows = rowsOf(logits, classes);
  const { result } = memory;
  return call(
    rows,
    classes,
    numbers,
    logits,
    labels,
    transition,
    memory.params(params),
    coefficients,
    result,
  );
}

export function marshalAlignmentWeights<At extends Place, R>(
  call: (...args: AlignmentWeightsPositions<At>) => R,
  args: AlignmentWeightsArgsAt<At>,
  out: AlignmentWeightsOutputsAt<At>,
  memory: CallMemory<At>,
): R {
  const { logits, labels, classes, loss, transition, tangents } = object(args, "args");
  const { alignments, weights } = object(out, "out");
  const numbers = lossNumbers(loss);
  const rows = rowsOf(logits, classes);
  const { result } = memory;
  return call(rows, classes, numbers, logits, labels, transition, tangents, alignments, weights, result);
}

/** Number of rows; no integer if the logits are no array or do not divide by the classes, which the addon refuses. */
function rowsOf(logits: { readonly length: number } | undefined, classes: number): number {
  const divisor = number("classes", classes);
  const length = lengthOf(logits);
  return typeof length === "number" ? length / divisor : Number.NaN;
}

/** The length getter of all typed arrays, which properties of a single array cannot change. */
const typedLength = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Float32Array.prototype), "length")!
  .get!;

/** Length of a typed array; undefined for anything else, such as a proxy of a typed array. */
function lengthOf(logits: { readonly length: number } | undefined): number | undefined {
  try {
    return ArrayBuffer.isView(logits) ? typedLength.call(logits) : logits?.length;
  } catch {
    return undefined;
  }
}

/** A number. Converting an object to one would run the object's own code. */
export function number(name: string, value: unknown): number {
  if (typeof value === "number") return value;
  throw expected("INVALID_ARGUMENT", "a number", name, value);
}

const everyObject: object = {};

/** Whether a value is an object that can be read, so not a revoked proxy. */
function isReadable(value: unknown): value is object {
  try {
    return typeof value === "object" && value !== null && Object.getPrototypeOf(value) !== undefined;
  } catch {
    return false;
  }
}

/** An object of arguments, without properties inherited from `Object.prototype`. */
export function object<T extends object>(value: T, name: string): T {
  if (!isReadable(value)) throw expected("INVALID_ARGUMENT", "an object", name, value);
  // A property added to Object.prototype appears on every object, so it is not an argument.
  for (const _ in everyObject) return Object.assign(Object.create(null), value);
  return value;
}
