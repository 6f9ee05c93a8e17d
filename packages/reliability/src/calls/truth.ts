/**
 * The right results in float64, and the error that a result in float32 may have: a multiple of the spacing of float32
 * at the magnitude of the terms whose sum it is.
 */
import type { GradientMode, Labels, LilawParams, Loss, Normalize } from "@lilaw/core";
// The rows of the reference, since errors are measured against the terms of which a result is the sum.
import { rowLoss } from "../../../core/dist/backends/reference/row-loss.js";
import { rowWeigher } from "../../../core/dist/backends/reference/row-weight.js";
import { FaultFound } from "../kind.js";

/** The arguments of a call before it is twisted, with arrays of their own. */
export interface Meant {
  readonly logits: Float32Array | Float64Array;
  readonly labels: Labels;
  readonly classes: number;
  readonly loss: Loss;
  readonly params: LilawParams | null;
  readonly gradient: GradientMode;
  readonly normalize: Normalize;
  readonly sampleWeights?: ArrayLike<number> | undefined;
  readonly coefficients?: ArrayLike<number> | undefined;
  readonly tangents?: ArrayLike<number> | undefined;
}

export type Found = Readonly<Record<string, unknown>>;

/** As in the tests of the kernels. */
const ulps = 4;
const spacing = 2 ** -23;
/** Below the normal range of float32 terms are rounded to multiples of 2^-149, and then multiplied. */
const least = 2 ** -142;
const float32Max = 3.4028235677973366e38;
/** The contract of the native kernels: a probability below this share of the largest may count as 0. */
const leastShare = Math.exp(-130);

/**
 * The error of a row's probabilities, added up, that the kernels of a call may make besides that of rounding, in the
 * unit of terms. It shows only under factors of 10^11 and more.
 */
function lostIn({ logits, classes, loss }: Meant, isNative: boolean): number {
  const name = nameOf(loss);
  const isSoftmax = name !== "binary" && name !== "multi-label" && name !== "regression";
  if (!isNative || !isSoftmax || logits instanceof Float64Array) return 0;
  const steepest = steepestOf(loss);
  return (steepest * classes * leastShare) / (ulps * spacing);
}

/** The most by which a loss, or its gradient, may change with the probabilities of a row. */
function steepestOf(loss: Loss): number {
  if (loss === "mean-absolute-error") return 2;
  if (typeof loss === "string") return 1;
  if (loss.kind === "focal") return 1 + loss.gamma;
  return loss.kind === "symmetric-cross-entropy" ? loss.alpha - loss.beta * loss.A : 1;
}

/** Compares one number. `scale`: the sum of the magnitudes of the terms of `exact`. */
function compare(name: string, actual: number, exact: number, scale: number): void {
  if (Object.is(actual, exact) || actual === exact) return;
  if (Number.isNaN(actual) && Number.isNaN(exact)) return;
  // The terms exceed float64, so the result is not known.
  if (!Number.isFinite(scale) && !Number.isNaN(exact)) return;
  const tolerance = ulps * spacing * Math.max(scale, Math.abs(exact)) + least;
  if (Math.abs(actual - exact) <= tolerance) return;
  // Outside the range of float32, or so near to its end that rounding decides.
  const beyond = (x: number) => Math.abs(x) * (1 + ulps * spacing) + tolerance >= float32Max;
  if (beyond(actual) && beyond(exact) && Math.sign(actual) === Math.sign(exact)) return;
  throw new FaultFound("silentDifferences", `${name} is ${actual} and not ${exact} (terms of ${scale})`);
}

const nameOf = (loss: Loss) => (typeof loss === "string" ? loss : loss.kind);
const kindsOf = ({ loss, normalize, gradient }: Meant) => `${nameOf(loss)}, ${normalize}, ${gradient}: `;

interface RowTruth {
  readonly loss: number;
  readonly lossScale: number;
  readonly u: number;
  readonly v: number;
  readonly prediction: number;
  readonly finite: boolean;
  readonly weight: number;
  readonly weightScale: number;
  readonly terms: LilawParams;
  readonly by: LilawParams;
  readonly byScale: LilawParams;
  readonly byU: number;
  readonly byV: number;
  readonly byUScale: number;
  readonly byVScale: number;
}

/** The values of a row that the operations share. */
function rowsOf(meant: Meant, lost: number): RowTruth[] {
  const { logits, classes, loss, params } = meant;
  const smoothing = typeof loss === "object" && loss.kind === "label-smoothing" ? loss.smoothing : 0;
  const rows = rowLoss({ ...meant, transition: null });
  const weigh = params && rowWeigher(params);
  const count = logits.length / classes;
  return Array.from({ length: count }, (_, i) => {
    const row = { ...rows.measure(i) };
    const w = weigh && row.weighted ? { ...weigh(row.labelProb, row.maxProb) } : null;
    // By magnitude: those of regression may be negative, and terms cannot.
    const [u, v] = [Math.abs(row.labelProb), Math.abs(row.maxProb)];
    const { alpha = 0, beta = 0, delta = 0 } = params ?? {};
    const [a, b, d] = [Math.abs(alpha) * u + v, Math.abs(beta) * u + v, Math.abs(delta) * u + v];
    const slopes = w
      ? {
          alpha: w.alpha * (1 - w.alpha),
          beta: w.beta * (1 - w.beta),
          delta: Math.abs(delta * row.labelProb - row.maxProb) * w.delta,
        }
      : { alpha: 0, beta: 0, delta: 0 };
    // The change of the weight when u and v change by their own magnitude.
    const moves = slopes.alpha * a + slopes.beta * b + (slopes.delta + (w?.delta ?? 0) * d) * d;
    return {
      loss: row.loss,
      lossScale: Math.abs(row.loss) + smoothing * spread(logits, i, classes) + lost,
      u: row.labelProb,
      v: row.maxProb,
      prediction: row.prediction,
      finite: !Number.isNaN(row.loss),
      weight: w?.total ?? 1,
      weightScale: (w?.total ?? 1) + moves,
      terms: { alpha: w?.alpha ?? 0, beta: w?.beta ?? 0, delta: w?.delta ?? 0 },
      by: { alpha: w?.byAlpha ?? 0, beta: w?.byBeta ?? 0, delta: w?.byDelta ?? 0 },
      byScale: {
        alpha: u * slopes.alpha * (1 + a),
        beta: u * slopes.beta * (1 + b),
        delta: u * (w?.delta ?? 0) * d * (1 + d * d),
      },
      byU: w?.byLabelProb ?? 0,
      byV: w?.byMaxProb ?? 0,
      byUScale:
        Math.abs(alpha) * slopes.alpha * (1 + a) +
        Math.abs(beta) * slopes.beta * (1 + b) +
        Math.abs(delta) * (w?.delta ?? 0) * d * (1 + d * d),
      byVScale: slopes.alpha * (1 + a) + slopes.beta * (1 + b) + (w?.delta ?? 0) * d * (1 + d * d),
    };
  });
}

/** Label smoothing adds logits up: the loss is a difference of their sums. */
function spread(logits: ArrayLike<number>, row: number, classes: number): number {
  let max = Number.NEGATIVE_INFINITY;
  for (let k = row * classes; k < (row + 1) * classes; k++) max = Math.max(max, logits[k]!);
  let total = 0;
  for (let k = row * classes; k < (row + 1) * classes; k++) total += max - logits[k]!;
  return total / classes;
}

/** @throws FaultFound for a result of `weightedLoss` that is not the right one */
export function checkWeightedLoss(meant: Meant, found: Found, isNative = true): void {
  const { classes, params, gradient, normalize, sampleWeights } = meant;
  const lost = lostIn(meant, isNative);
  const rows = rowsOf(meant, lost);
  const count = rows.length;
  const factor = (i: number) => sampleWeights?.[i] ?? 1;
  const finite = rows.map((row, i) => ({ row, i })).filter(({ row }) => row.finite);
  const byMean = normalize === "batch-mean" && params !== null;
  const sumOf = (value: (row: RowTruth, i: number) => number) =>
    finite.reduce((sum, { row, i }) => sum + value(row, i), 0);
  const weights = byMean ? sumOf((row) => row.weight) : 1;
  const mean = byMean ? weights / finite.length : 1;
  // The relative error of the mean, and thereby of everything that is divided by it.
  const meanScale = byMean ? 1 + sumOf((row) => row.weightScale) / weights : 1;
  const batch = byMean ? sumOf((row, i) => factor(i) * row.weight * row.loss) / weights : 0;
  const batchScale = byMean
    ? (sumOf((row, i) => Math.abs(factor(i)) * row.weightScale * row.lossScale) / weights) * meanScale
    : 0;

  const total = {
    objective: 0,
    scale: 0,
    alpha: 0,
    beta: 0,
    delta: 0,
    alphaScale: 0,
    betaScale: 0,
    deltaScale: 0,
  };
  const at = kindsOf(meant);
  const each = (name: string, i: number, exact: number, scale: number) => {
    const values = found[name] as ArrayLike<number> | undefined;
    if (values !== undefined) compare(`${at}${name}[${i}]`, values[i]!, exact, scale);
  };
  const gradients = found.gradLogits as ArrayLike<number> | undefined;
  const terms = found.terms as Record<"alpha" | "beta" | "delta", ArrayLike<number>> | undefined;
  const smooth =
    typeof meant.loss === "object" && meant.loss.kind === "label-smoothing" ? meant.loss.smoothing : 0;
  const losses = rowLoss({ ...meant, transition: null });
  const sharp = smooth > 0 ? rowLoss({ ...meant, loss: "cross-entropy", transition: null }) : losses;
  const [exact, scale, part] = [0, 0, 0].map(() => new Float64Array(classes)) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ];

  rows.forEach((row, i) => {
    const nan = row.finite ? 0 : Number.NaN;
    const f = factor(i);
    total.objective += (f * row.weight * row.loss) / mean + nan;
    total.scale += (Math.abs(f) * row.weightScale * row.lossScale * meanScale) / mean;
    const byWeight = f * row.loss - batch;
    const byWeightScale = Math.abs(f) * row.lossScale + batchScale;
    for (const name of ["alpha", "beta", "delta"] as const) {
      total[name] += byWeight * row.by[name] + nan;
      total[`${name}Scale`] +=
        byWeightScale * Math.max(row.byScale[name], Math.abs(row.by[name])) * meanScale;
      const values = terms?.[name];
      if (values) compare(`${at}terms.${name}[${i}]`, values[i]!, row.terms[name] + nan, row.weightScale);
    }
    each("losses", i, row.loss + nan, row.lossScale);
    each("weights", i, row.weight / mean + nan, (row.weightScale * meanScale) / mean);
    each("labelProbs", i, row.u + nan, row.u);
    each("maxProbs", i, row.v + nan, row.v);
    each("predictions", i, row.prediction, 0);
    if (gradients === undefined) return;
    if (!row.finite) {
      for (let k = 0; k < classes; k++)
        compare(`${at}gradLogits[${i * classes + k}]`, gradients[i * classes + k]!, nan, 0);
      return;
    }
    const byLoss = (f * row.weight) / (count * mean);
    const byLossScale = (Math.abs(f) * row.weightScale * meanScale) / (count * mean);
    const flows = gradient === "full" && params !== null;
    const flow = flows ? byWeight / (count * mean) : 0;
    const flowScale = flows ? (byWeightScale * meanScale) / (count * mean) : 0;
    losses.measure(i);
    losses.gradient(byLoss, flow * row.byU, flow * row.byV, exact, 0);
    sharp.measure(i);
    scale.fill(0);
    const add = (...by: [number, number, number]) => {
      sharp.gradient(...by, part, 0);
      for (let k = 0; k < classes; k++) scale[k]! += Math.abs(part[k]!);
    };
    const byUScale = flowScale * Math.max(row.byUScale, Math.abs(row.byU));
    const byVScale = flowScale * Math.max(row.byVScale, Math.abs(row.byV));
    add(byLossScale, 0, 0);
    add(0, byUScale, 0);
    add(0, 0, byVScale);
    const lostOfRow = lost * (byLossScale + byUScale + byVScale);
    for (let k = 0; k < classes; k++) {
      const smoothed = smooth * byLossScale * (1 / classes + (meant.labels[i] === k ? 1 : 0));
      compare(
        `${at}gradLogits[${i * classes + k}]`,
        gradients[i * classes + k]!,
        exact[k]!,
        scale[k]! + smoothed + lostOfRow,
      );
    }
  });

  const bad = count - finite.length;
  if ("nonFiniteRows" in found) compare(`${at}nonFiniteRows`, found.nonFiniteRows as number, bad, 0);
  const nan = bad > 0 ? Number.NaN : 0;
  compare(`${at}objective`, found.objective as number, total.objective / count + nan, total.scale / count);
  const by = found.gradParams as LilawParams | undefined;
  for (const name of by ? (["alpha", "beta", "delta"] as const) : []) {
    compare(
      `${at}gradParams.${name}`,
      by![name],
      total[name] / (count * mean) + nan,
      total[`${name}Scale`] / (count * mean),
    );
  }
}

/** @throws FaultFound for a result of `metaGradient` that is not the right one */
export function checkMetaGradient(meant: Meant, found: Found, isNative = true): void {
  const rows = rowsOf(meant, lostIn(meant, isNative));
  const at = kindsOf(meant);
  const sum = (value: (row: RowTruth, coefficient: number, scale: number) => number) =>
    rows.reduce((total, row, i) => {
      const given = meant.coefficients?.[i];
      const nan = row.finite ? 0 : Number.NaN;
      return (
        total + value(row, given ?? row.loss, given === undefined ? row.lossScale : Math.abs(given)) + nan
      );
    }, 0) / rows.length;
  for (const name of ["alpha", "beta", "delta"] as const) {
    compare(
      at + name,
      found[name] as number,
      sum((row, c) => c * row.by[name]),
      sum((row, _, scale) => scale * Math.max(row.byScale[name], Math.abs(row.by[name]))),
    );
  }
  const scale = sum((row, _, size) => size * row.weightScale);
  compare(
    `${at}objective`,
    found.objective as number,
    sum((row, c) => c * row.weight),
    scale,
  );
  compare(`${at}nonFiniteRows`, found.nonFiniteRows as number, rows.filter((row) => !row.finite).length, 0);
}

/** @throws FaultFound for a result of `alignmentWeights` that is not the right one */
export function checkAlignmentWeights(meant: Meant, found: Found, isNative = true): void {
  const { logits, classes, loss } = meant;
  const lost = lostIn(meant, isNative);
  const tangents = meant.tangents!;
  const at = kindsOf(meant);
  const rows = rowLoss({ ...meant, transition: null });
  const smooth = typeof loss === "object" && loss.kind === "label-smoothing" ? loss.smoothing : 0;
  const sharp = smooth > 0 ? rowLoss({ ...meant, loss: "cross-entropy", transition: null }) : rows;
  const gradient = new Float64Array(classes);
  const part = new Float64Array(classes);
  let bad = 0;
  const alignments = Array.from({ length: logits.length / classes }, (_, i) => {
    if (Number.isNaN(rows.measure(i).loss)) return { exact: Number.NaN, scale: 0 };
    rows.gradient(1, 0, 0, gradient, 0);
    sharp.measure(i);
    sharp.gradient(1, 0, 0, part, 0);
    let exact = 0;
    let scale = 0;
    for (let k = 0; k < classes; k++) {
      const tangent = tangents[i * classes + k]!;
      exact += gradient[k]! * tangent;
      const smoothed = smooth * (1 / classes + (meant.labels[i] === k ? 1 : 0));
      scale += (Math.abs(part[k]!) + smoothed + lost) * Math.abs(tangent);
    }
    // A tangent that is not finite makes its row NaN, whatever it is multiplied by.
    return Number.isFinite(exact) ? { exact, scale } : { exact: Number.NaN, scale: 0 };
  });
  for (const { exact } of alignments) if (Number.isNaN(exact)) bad++;
  const [givenAlignments, givenWeights] = [found.alignments, found.weights] as (
    | ArrayLike<number>
    | undefined
  )[];
  const positive = alignments.reduce(
    (sum, { exact }) => sum + (Number.isNaN(exact) ? 0 : Math.max(exact, 0)),
    0,
  );
  const positiveScale = alignments.reduce((sum, { exact, scale }) => sum + (exact > -scale ? scale : 0), 0);
  alignments.forEach(({ exact, scale }, i) => {
    if (givenAlignments) compare(`${at}alignments[${i}]`, givenAlignments[i]!, exact, scale);
    if (!givenWeights) return;
    const divisor = positive > 0 ? positive : 1;
    const weight = Number.isNaN(exact) ? Number.NaN : Math.max(0, exact) / divisor;
    // Where only rounding errors are positive, the weights are meaningless.
    const errors = positiveScale * ulps * spacing + alignments.length * least;
    if (errors > positive / 4 && !Number.isNaN(weight)) {
      if (givenWeights[i]! >= 0 && givenWeights[i]! < 2) return;
    }
    const weightScale = (scale + least / (ulps * spacing)) / divisor + (weight * positiveScale) / divisor;
    compare(
      `${at}weights[${i}]`,
      givenWeights[i]!,
      weight,
      Number.isNaN(weight) ? 0 : weight + 2 * weightScale,
    );
  });
  if ("nonFiniteRows" in found) compare(`${at}nonFiniteRows`, found.nonFiniteRows as number, bad, 0);
}
