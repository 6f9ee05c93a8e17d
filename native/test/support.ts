/** Shared by the tests of the kernels: random batches, and the float64 reference with the unit of its errors. */
import {
  cpuIsa,
  load,
  type NativeParams,
  type NativeWeightedLossArgs,
  type NativeWeightedLossOutputs,
  setCpuIsa,
} from "@lilaw/native";
// From the sources of @lilaw/core, which depends on this package. The reference by its rows: an error has to be
// measured against the terms that make an entry.
import type { Batch } from "../../packages/core/src/backend.js";
import { rowLoss } from "../../packages/core/src/backends/reference/row-loss.js";
import { type RowWeight, rowWeigher } from "../../packages/core/src/backends/reference/row-weight.js";
import type { RowStats } from "../../packages/core/src/backends/reference/rows/row.js";
import {
  hasOneLogit,
  isOfLabelProb,
  type Loss,
  labelTypeOf,
  lossOfLabelProb,
} from "../../packages/core/src/losses.js";
import type { Random } from "../../packages/core/src/random.js";
import { TransitionMatrix } from "../../packages/core/src/transition-matrix.js";

export const hasAddon = load().binding !== null;
export const noAddon = "no addon: a C++ compiler and CMake build it";

/** The instruction sets that run here, found by asking for each. */
export function instructionSets(): string[] {
  if (!hasAddon) return ["none"];
  const best = cpuIsa();
  const runs = (name: string) => {
    try {
      setCpuIsa(name);
      return true;
    } catch {
      return false;
    } finally {
      setCpuIsa(best);
    }
  };
  return ["sse2", "avx2", "avx512", "neon", "baseline"].filter(runs);
}

export const softmaxLosses: readonly Loss[] = [
  "cross-entropy",
  { kind: "focal", gamma: 2 },
  { kind: "focal", gamma: 0.5 },
  { kind: "label-smoothing", smoothing: 0.1 },
  { kind: "generalized-cross-entropy", q: 0.7 },
  { kind: "generalized-cross-entropy", q: 1 },
  { kind: "symmetric-cross-entropy", alpha: 0.1, beta: 1, A: -4 },
  { kind: "symmetric-cross-entropy", alpha: 6, beta: 0.1, A: -4 },
  "mean-absolute-error",
];
/** Those that can have a transition matrix. */
export const labelProbLosses = softmaxLosses.filter(isOfLabelProb);
export const allLosses: readonly Loss[] = [
  ...softmaxLosses,
  "binary",
  "multi-label",
  { kind: "regression", range: 3 },
];

export const nameOf = (loss: Loss) => (typeof loss === "string" ? loss : Object.values(loss).join(" "));

/** Arguments of weightedLoss with a loss that the reference knows. */
export interface Args extends Omit<NativeWeightedLossArgs, "transition"> {
  readonly loss: Loss;
}

/** The same, perhaps with a transition matrix by observed labels. */
export interface TransitionArgs extends Args {
  readonly transition?: Float32Array;
}

/** Transition matrices of several kinds, by observed labels, as the kernels take them. */
export const transitions = {
  none: (classes: number) => matrix(classes, (k, j) => (k === j ? 1 : 0)),
  symmetric: (classes: number) => matrix(classes, (k, j) => (k === j ? 0.6 : 0.4 / (classes - 1))),
  "pair flip": (classes: number) =>
    matrix(classes, (k, j) => (k === j ? 0.6 : j === (k + 1) % classes ? 0.4 : 0)),
  "one class": (classes: number) =>
    matrix(classes, (k, j) => (j === 0 ? (k === 0 ? 1 : 0.4) : j === k ? 0.6 : 0)),
  any: (classes: number, random: Random) =>
    matrix(classes, (k, j) => random.exponential() + (k === j ? classes : 0)),
  sparse: (classes: number, random: Random) =>
    matrix(classes, (k, j) => (k === j ? 1e-12 : random.uniform() < 0.2 ? random.uniform() ** 9 : 0)),
} as const satisfies Record<string, (classes: number, random: Random) => Float32Array>;

function matrix(classes: number, of: (trueClass: number, label: number) => number): Float32Array {
  const byLabel = new Float32Array(classes * classes);
  for (let k = 0; k < classes; k++) {
    const row = Array.from({ length: classes }, (_, j) => (classes === 1 ? 1 : of(k, j)));
    const sum = row.reduce((a, b) => a + b);
    for (const [j, value] of row.entries()) byLabel[j * classes + k] = value / sum;
  }
  return byLabel;
}

/** The same batch as the reference takes it. */
export function referenceBatch({ logits, labels, classes, loss, transition }: TransitionArgs): Batch {
  if (transition == null) return { logits, labels, classes, loss, transition: null };
  const rows = new Float32Array(transition.length);
  transition.forEach((value, i) => {
    rows[(i % classes) * classes + Math.floor(i / classes)] = value;
  });
  return { logits, labels, classes, loss, transition: new TransitionMatrix(rows) };
}

/** A batch of `rows` with logits of `scale`, and ties at the top of every third row. */
export function randomBatch(
  random: Random,
  loss: Loss,
  { rows, classes: wanted, scale }: { rows: number; classes: number; scale: number },
): Args {
  const classes = hasOneLogit(loss) ? 1 : wanted;
  const logits = Float32Array.from({ length: rows * classes }, () => scale * random.normal());
  for (let i = 0; i < rows; i += 3) {
    const row = logits.subarray(i * classes, (i + 1) * classes);
    row[random.int(classes)] = row.reduce((a, b) => Math.max(a, b));
  }
  return { logits, labels: randomLabels(random, loss, rows, classes), classes, loss, ...defaults };
}

const defaults = {
  params: { alpha: 10, beta: 2, delta: 6 },
  gradient: "full",
  normalize: "none",
} as const satisfies Partial<NativeWeightedLossArgs>;

function randomLabels(random: Random, loss: Loss, rows: number, classes: number) {
  const type = labelTypeOf(loss);
  if (type === "flags") {
    return Uint8Array.from({ length: rows * classes }, () => (random.uniform() < 0.3 ? 1 : 0));
  }
  if (type === "binary") return Int32Array.from({ length: rows }, () => random.int(2));
  if (type === "target") {
    return Float32Array.from({ length: rows }, () => 3 * random.normal());
  }
  return Int32Array.from({ length: rows }, () => random.int(classes));
}

/** All outputs, filled with a number that no result is, to see what is written. */
export function newOutputs({ logits, classes, params }: Args) {
  const rows = logits.length / classes;
  const floats = (length = rows) => new Float32Array(length).fill(-99);
  return {
    losses: floats(),
    weights: floats(),
    labelProbs: floats(),
    maxProbs: floats(),
    predictions: new Int32Array(rows).fill(-99),
    ...(params && { terms: { alpha: floats(), beta: floats(), delta: floats() } }),
    gradLogits: floats(logits.length),
  } satisfies NativeWeightedLossOutputs;
}

/** 2^-23: the spacing of float32 numbers relative to the one at the start of their binade. */
const ULP = 2 ** -23;
/** The smallest float32: an exact result below the normal range is rounded to a multiple of it. */
const LEAST = 2 ** -149;

/** |actual - exact| in units of float32 spacing of `scale`: the sum of the magnitudes of the terms of `exact`. */
export function inUlps(actual: number, exact: number, scale = Math.abs(exact)): number {
  if (Object.is(actual, exact) || actual === exact) return 0;
  // Beyond the range of float32 the nearest float is infinite.
  if (Math.abs(exact) > 3.4028235e38) return actual === Math.fround(exact) ? 0 : Number.POSITIVE_INFINITY;
  const error = Math.abs(actual - exact);
  if (error <= LEAST) return 0;
  return Number.isNaN(error) ? Number.POSITIVE_INFINITY : (error - LEAST) / (ULP * scale);
}

/** The errors of a result in ulps, the largest of each output. */
export interface Errors {
  [output: string]: number;
}

export function merge(into: Errors, from: Errors): void {
  for (const [name, error] of Object.entries(from)) into[name] = Math.max(into[name] ?? 0, error);
}

const smoothingOf = (loss: Loss) =>
  typeof loss === "object" && loss.kind === "label-smoothing" ? loss.smoothing : 0;

/** Compares outputs of weightedLoss (without normalize) with float64, each entry by the terms that it is made of. */
export function errorsOf(
  args: TransitionArgs,
  out: ReturnType<typeof newOutputs>,
  objective: number,
): Errors {
  const { logits, labels, classes, params, gradient, sampleWeights } = args;
  const count = logits.length / classes;
  const smoothing = smoothingOf(args.loss);
  const batch = referenceBatch(args);
  const rows = rowLoss(batch);
  const sharp = rowLoss(smoothing > 0 ? { ...batch, loss: "cross-entropy" } : batch);
  const weigh = params && rowWeigher(params);
  const errors: Errors = {};
  const note = (name: string, error: number) => merge(errors, { [name]: error });
  const part = new Float64Array(classes);
  let sum = 0;
  let sumOfMagnitudes = 0;

  for (let i = 0; i < count; i++) {
    const row = { ...rows.measure(i) };
    sharp.measure(i);
    const w = weigh && row.weighted ? { ...weigh(row.labelProb, row.maxProb) } : null;
    const weight = w?.total ?? 1;
    const factor = sampleWeights?.[i] ?? 1;
    sum += factor * weight * row.loss;
    sumOfMagnitudes += Math.abs(factor * weight * row.loss);
    note("losses", inUlps(out.losses[i]!, row.loss, Math.abs(row.loss) + smoothing * spread(i)));
    note("weights", inUlps(out.weights[i]!, weight));
    note("labelProbs", inUlps(out.labelProbs[i]!, row.labelProb));
    note("maxProbs", inUlps(out.maxProbs[i]!, row.maxProb));
    note("predictions", out.predictions[i] === row.prediction ? 0 : Number.POSITIVE_INFINITY);
    for (const name of ["alpha", "beta", "delta"] as const) {
      if (out.terms) note("terms", inUlps(out.terms[name][i]!, w?.[name] ?? 0, weight));
    }

    const byWeight = gradient === "full" && w ? (factor * row.loss) / count : 0;
    const byLoss = (factor * weight) / count;
    const exact = new Float64Array(classes);
    rows.gradient(byLoss, byWeight * (w?.byLabelProb ?? 0), byWeight * (w?.byMaxProb ?? 0), exact, 0);
    // The factors of u and v are sums themselves.
    const magnitude = w && params ? magnitudes(row, w, params) : { labelProb: 0, maxProb: 0 };
    const scale = new Float64Array(classes);
    const add = (...by: [number, number, number]) => {
      sharp.gradient(...by, part, 0);
      for (let k = 0; k < classes; k++) scale[k]! += Math.abs(part[k]!);
    };
    add(byLoss, 0, 0);
    add(0, Math.abs(byWeight) * magnitude.labelProb, 0);
    add(0, 0, Math.abs(byWeight) * magnitude.maxProb);
    if (batch.transition !== null) addTransitionTerms(i, scale, byLoss, byWeight, magnitude, row);
    for (let k = 0; k < classes; k++) {
      const smoothed = smoothing * Math.abs(byLoss) * (1 / classes + (labels[i] === k ? 1 : 0));
      note("gradLogits", inUlps(out.gradLogits[i * classes + k]!, exact[k]!, scale[k]! + smoothed));
    }
  }
  note("objective", inUlps(objective, sum / count, sumOfMagnitudes / count));
  return errors;

  /** With a transition matrix, entries are differences of the probabilities s and P. */
  function addTransitionTerms(
    i: number,
    scale: Float64Array,
    byLoss: number,
    byWeight: number,
    by: Magnitudes,
    row: RowStats,
  ): void {
    const byLabel = byLoss * lossFactor(args, i);
    const z = logits.subarray(i * classes, (i + 1) * classes);
    const s = softmax(Array.from(z));
    const posterior = softmax(
      Array.from(z, (x, k) => x + Math.log(args.transition![labels[i]! * classes + k]!)),
    );
    for (let k = 0; k < classes; k++) {
      scale[k]! +=
        (byLabel + Math.abs(byWeight) * by.labelProb * row.labelProb) * (s[k]! + posterior[k]!) +
        Math.abs(byWeight) * by.maxProb * row.maxProb * s[k]!;
    }
  }

  /** Label smoothing adds logits up: the loss is a difference of their sums. */
  function spread(i: number): number {
    const row = logits.subarray(i * classes, (i + 1) * classes);
    const max = row.reduce((a, b) => Math.max(a, b));
    return row.reduce((total, z) => total + (max - z), 0) / classes;
  }
}

/** The factor between the gradients of a loss of u and of the cross-entropy in a row. */
export function lossFactor(args: TransitionArgs, i: number): number {
  const minusLogU = rowLoss({ ...referenceBatch(args), loss: "cross-entropy" }).measure(i).loss;
  const prob = { u: Math.exp(-minusLogU), oneMinusU: -Math.expm1(-minusLogU), minusLogU };
  return lossOfLabelProb(args.loss)(prob).factor;
}

function softmax(z: number[]): number[] {
  const max = Math.max(...z);
  const exps = z.map((x) => Math.exp(x - max));
  const sum = exps.reduce((a, b) => a + b);
  return exps.map((e) => e / sum);
}

interface Magnitudes {
  labelProb: number;
  maxProb: number;
}

/** The sums of the magnitudes of the terms of dW/du and dW/dv. */
function magnitudes(row: Readonly<RowStats>, w: Readonly<RowWeight>, { alpha, beta, delta }: NativeParams) {
  const slopeAlpha = w.alpha * (1 - w.alpha);
  const slopeBeta = w.beta * (1 - w.beta);
  const slopeDelta = Math.abs(delta * row.labelProb - row.maxProb) * w.delta;
  return {
    labelProb: Math.abs(alpha) * slopeAlpha + Math.abs(beta) * slopeBeta + Math.abs(delta) * slopeDelta,
    maxProb: slopeAlpha + slopeBeta + slopeDelta,
  };
}
