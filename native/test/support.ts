/** What the tests of the kernels share: random batches, and the float64 reference with the unit of its errors. */
import {
  cpuIsa,
  load,
  type NativeLoss,
  type NativeParams,
  type NativeWeightedLossArgs,
  type NativeWeightedLossOutputs,
  setCpuIsa,
} from "@lilaw/native";
// From the sources of @lilaw/core, which depends on this package. The reference by its rows: an error has to be
// measured against the terms that make an entry.
import { rowLoss } from "../../packages/core/src/backends/reference/row-loss.js";
import { type RowWeight, rowWeigher } from "../../packages/core/src/backends/reference/row-weight.js";
import type { RowStats } from "../../packages/core/src/backends/reference/rows/row.js";
import type { Random } from "../../packages/core/src/random.js";

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

export const allLosses: readonly NativeLoss[] = [
  "cross-entropy",
  { kind: "focal", gamma: 2 },
  { kind: "focal", gamma: 0.5 },
  { kind: "label-smoothing", smoothing: 0.1 },
  "binary",
  "multi-label",
  { kind: "regression", range: 3 },
];

export const nameOf = (loss: NativeLoss) => (typeof loss === "string" ? loss : Object.values(loss).join(" "));

const hasOneLogit = (loss: NativeLoss) =>
  loss === "binary" || (typeof loss === "object" && loss.kind === "regression");

/** A batch of `rows` with logits of `scale`, and ties at the top of every third row. */
export function randomBatch(
  random: Random,
  loss: NativeLoss,
  { rows, classes: wanted, scale }: { rows: number; classes: number; scale: number },
): NativeWeightedLossArgs {
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

function randomLabels(random: Random, loss: NativeLoss, rows: number, classes: number) {
  if (loss === "multi-label") {
    return Uint8Array.from({ length: rows * classes }, () => (random.uniform() < 0.3 ? 1 : 0));
  }
  if (loss === "binary") return Int32Array.from({ length: rows }, () => random.int(2));
  if (typeof loss === "object" && loss.kind === "regression") {
    return Float32Array.from({ length: rows }, () => 3 * random.normal());
  }
  return Int32Array.from({ length: rows }, () => random.int(classes));
}

/** All outputs, filled with a number that no result is, to see what is written. */
export function newOutputs({ logits, classes, params }: NativeWeightedLossArgs) {
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

const smoothingOf = (loss: NativeLoss) =>
  typeof loss === "object" && loss.kind === "label-smoothing" ? loss.smoothing : 0;

/** Compares outputs of weightedLoss (without normalize) with float64, each entry by the terms that it is made of. */
export function errorsOf(
  args: NativeWeightedLossArgs,
  out: ReturnType<typeof newOutputs>,
  objective: number,
): Errors {
  const { logits, labels, classes, params, gradient, sampleWeights } = args;
  const count = logits.length / classes;
  const smoothing = smoothingOf(args.loss);
  const rows = rowLoss({ logits, labels, classes }, args.loss);
  const sharp = rowLoss({ logits, labels, classes }, smoothing > 0 ? "cross-entropy" : args.loss);
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
    for (let k = 0; k < classes; k++) {
      const smoothed = smoothing * Math.abs(byLoss) * (1 / classes + (labels[i] === k ? 1 : 0));
      note("gradLogits", inUlps(out.gradLogits[i * classes + k]!, exact[k]!, scale[k]! + smoothed));
    }
  }
  note("objective", inUlps(objective, sum / count, sumOfMagnitudes / count));
  return errors;

  /** Label smoothing adds logits up: the loss is a difference of their sums. */
  function spread(i: number): number {
    const row = logits.subarray(i * classes, (i + 1) * classes);
    const max = row.reduce((a, b) => Math.max(a, b));
    return row.reduce((total, z) => total + (max - z), 0) / classes;
  }
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
