import { checks, expected, Random } from "@lilaw/core";
import { checkCount, checkLabels } from "./check.js";

/**
 * A kind of label noise. `rate` in [0, 1] is the share of samples that is *chosen*: exactly
 * `Math.round(rate * n)` of them, uniformly without replacement. A chosen sample of class y then draws its
 * new label from row y of the kind's flip matrix M, so that the transition matrix is (1 - rate) I + rate M:
 *
 * - `symmetric`: any *other* class, evenly
 * - `uniform`: *any* class, evenly; the label may stay as it is
 * - `pair-flip`: y + 1 (mod C)
 * - `adjacent`: y - 1 or y + 1 (mod C), 1/2 each
 * - `asymmetric`: row y of `matrix` (`[C * C]`, rows sum to 1; with `rate: 1` it is the transition matrix
 *   itself). Without one, a Dirichlet(1, …, 1) row over the other classes is drawn for every class. With two classes
 *   there is only one other, so this is symmetric noise
 * - `background`: the class `background` (default 0), whose own samples stay as they are
 * - `instance`: evenly one of the labels `rules[y]`, all different from y; a class without rules stays as it is
 */
export type Noise =
  | { kind: "none" }
  | { kind: "symmetric"; rate: number }
  | { kind: "uniform"; rate: number }
  | { kind: "pair-flip"; rate: number }
  | { kind: "adjacent"; rate: number }
  | { kind: "asymmetric"; rate: number; matrix?: Float64Array }
  | { kind: "background"; rate: number; background?: number }
  | { kind: "instance"; rate: number; rules: readonly (readonly number[])[] };

export interface NoisyLabels {
  /** `[n]`, the labels with noise. */
  labels: Int32Array;
  /** `[n]`, 1 where the label differs from the true one. */
  flags: Uint8Array;
  /** Realised share of differing labels. */
  rate: number;
  /** `[C * C]`, row = true class: the nominal probability of each given label. */
  transitionMatrix: Float64Array;
  /** `[C * C]`, row = true class: the realised shares. The row of a class without samples is 0. */
  realisedMatrix: Float64Array;
  /** Whether `transitionMatrix` has T[i][i] > T[i][j] for all j != i, which noise-robustness results assume. */
  diagonallyDominant: boolean;
  /**
   * A note for people where another kind of noise equals symmetric noise, as pair-flip and asymmetric do with two
   * classes.
   */
  note?: string;
}

const kinds = [
  "none",
  "symmetric",
  "uniform",
  "pair-flip",
  "adjacent",
  "asymmetric",
  "background",
  "instance",
] as const satisfies readonly Noise["kind"][];

/** The matrix of this many classes takes 800 MB. */
const maxClasses = 10_000;

const noiseSyntax = "KIND:RATE such as symmetric:0.5, background:0.4:CLASS, instance:0.2:1=7,7=1+9 or none";

/**
 * Reads noise from text: `none`, `KIND:RATE`, `background:RATE:CLASS` or `instance:RATE:RULES`, where RULES
 * such as `1=7,7=1+9` say that 1 may become 7, and 7 may become 1 or 9.
 *
 * @throws `UNKNOWN_NAME` for an unknown kind, `INVALID_ARGUMENT` for a rate outside [0, 1] or other text
 */
export function parseNoise(text: string): Noise {
  if (typeof text !== "string") throw unreadable(text);
  const [name, rateText, detail, ...rest] = text.split(":");
  const kind = kinds.find((known) => known === name);
  if (kind === undefined) throw expected("UNKNOWN_NAME", `one of ${kinds.join(", ")}`, "noise", text);
  const takesDetail = kind === "background" || kind === "instance";
  if (rest.length > 0 || (detail !== undefined && !takesDetail)) throw unreadable(text);
  if (kind === "none") {
    if (rateText !== undefined) throw unreadable(text);
    return { kind };
  }
  const rate = checkRate(parseNumber(rateText, text));
  if (kind === "background") {
    return detail === undefined ? { kind, rate } : { kind, rate, background: parseClass(detail, text) };
  }
  if (kind === "instance") return { kind, rate, rules: parseRules(detail, text) };
  return { kind, rate };
}

/**
 * Adds label noise. The same arguments give the same result. See {@link Noise} for the kinds.
 * The labels passed in are not changed.
 *
 * @param labels `[n]`, the true classes
 * @param classes at most 10,000
 * @param seed an integer
 * @throws `INVALID_ARGUMENT` for a rate outside [0, 1], wrong matrix, background or rules, other labels than an
 *   Int32Array; `UNKNOWN_NAME` for an unknown kind; `LABEL_OUT_OF_RANGE` for a label outside [0, classes)
 */
export function injectNoise(labels: Int32Array, classes: number, noise: Noise, seed: number): NoisyLabels {
  checkCount(classes, "classes", maxClasses);
  checkLabels(labels, classes);
  checks.checkObject("noise", noise);
  const rate = noise.kind === "none" ? 0 : checkRate(noise.rate);
  const flips = flipMatrix(noise, classes, seed);
  const noisy = labels.slice();
  const draws = Random.from(seed, "noise", "labels");
  for (const row of Random.from(seed, "noise", "rows")
    .permutation(labels.length)
    .subarray(0, Math.round(rate * labels.length))) {
    noisy[row] = drawFromRow(flips, classes, labels[row]!, draws.uniform());
  }
  const transitionMatrix = flips.map(
    (flip, cell) => (isDiagonal(cell, classes) ? 1 - rate : 0) + rate * flip,
  );
  const flags = Uint8Array.from(labels, (label, row) => (label === noisy[row] ? 0 : 1));
  const isSymmetric = noise.kind !== "symmetric" && classes > 1 && isSymmetricFlip(flips, classes);
  return {
    labels: noisy,
    flags,
    rate: labels.length === 0 ? 0 : flags.reduce((sum, flag) => sum + flag, 0) / labels.length,
    transitionMatrix,
    realisedMatrix: realisedMatrix(labels, noisy, classes),
    diagonallyDominant: isDiagonallyDominant(transitionMatrix, classes),
    ...(isSymmetric && { note: `with ${classes} classes this ${noise.kind} noise is the symmetric one` }),
  };
}

/** `[C * C]`: the distribution of the new label of a chosen sample, by its true class. */
function flipMatrix(noise: Noise, classes: number, seed: number): Float64Array {
  switch (noise.kind) {
    case "none":
      return matrixOf(classes, (from, to) => Number(from === to));
    case "uniform":
      return matrixOf(classes, () => 1 / classes);
    case "symmetric":
      needOtherClasses(noise.kind, classes);
      return matrixOf(classes, symmetricFlip(classes));
    case "pair-flip":
      needOtherClasses(noise.kind, classes);
      return matrixOf(classes, (from, to) => Number(to === (from + 1) % classes));
    case "adjacent":
      needOtherClasses(noise.kind, classes);
      // With two classes both neighbours are the same class.
      return matrixOf(
        classes,
        (from, to) =>
          Number(to === (from + 1) % classes) / 2 + Number(to === (from + classes - 1) % classes) / 2,
      );
    case "asymmetric":
      needOtherClasses(noise.kind, classes);
      return noise.matrix === undefined
        ? dirichletRows(classes, Random.from(seed, "noise", "matrix"))
        : checkFlipMatrix(noise.matrix, classes);
    case "background": {
      const background = noise.background ?? 0;
      if (!isClass(background, classes)) {
        throw expected("INVALID_ARGUMENT", `a class below ${classes}`, "noise.background", background);
      }
      return matrixOf(classes, (_, to) => Number(to === background));
    }
    case "instance":
      return ruleRows(noise.rules, classes);
    default:
      throw expected("UNKNOWN_NAME", `one of ${kinds.join(", ")}`, "noise.kind", (noise as Noise).kind);
  }
}

function matrixOf(classes: number, value: (from: number, to: number) => number): Float64Array {
  const matrix = new Float64Array(classes * classes);
  for (let from = 0; from < classes; from++) {
    for (let to = 0; to < classes; to++) matrix[from * classes + to] = value(from, to);
  }
  return matrix;
}

function symmetricFlip(classes: number): (from: number, to: number) => number {
  return (from, to) => (from === to ? 0 : 1 / (classes - 1));
}

function isSymmetricFlip(matrix: Float64Array, classes: number): boolean {
  const flip = symmetricFlip(classes);
  return matrix.every((value, cell) => value === flip(Math.floor(cell / classes), cell % classes));
}

function isDiagonal(cell: number, classes: number): boolean {
  return cell % (classes + 1) === 0;
}

/** Dirichlet(1, …, 1) over the other classes: exponential draws, normalised by row. */
function dirichletRows(classes: number, random: Random): Float64Array {
  const matrix = matrixOf(classes, (from, to) => (from === to ? 0 : random.exponential()));
  for (let from = 0; from < classes; from++) {
    const row = matrix.subarray(from * classes, (from + 1) * classes);
    const sum = row.reduce((a, b) => a + b, 0);
    row.forEach((value, to) => {
      row[to] = value / sum;
    });
  }
  return matrix;
}

function ruleRows(rules: readonly (readonly number[])[], classes: number): Float64Array {
  if (!Array.isArray(rules) || rules.length > classes) {
    throw expected(
      "INVALID_ARGUMENT",
      `at most ${classes} lists of labels, one a class`,
      "noise.rules",
      rules,
    );
  }
  rules.forEach((allowed, from) => {
    const isShort = Array.isArray(allowed) && allowed.length < classes;
    // findIndex, since every passes over holes.
    const fits =
      isShort &&
      allowed.findIndex((to) => !isClass(to, classes) || to === from) < 0 &&
      new Set(allowed).size === allowed.length;
    if (!fits) {
      const all = `distinct labels below ${classes} other than ${from}`;
      const received = isShort && allowed.every(Number.isFinite) ? allowed.join("+") : allowed;
      throw expected("INVALID_ARGUMENT", all, `noise.rules[${from}]`, received);
    }
  });
  return matrixOf(classes, (from, to) => {
    const allowed = rules[from] ?? [];
    if (allowed.length === 0) return Number(from === to);
    return allowed.includes(to) ? 1 / allowed.length : 0;
  });
}

function checkFlipMatrix(matrix: Float64Array, classes: number): Float64Array {
  if (
    !ArrayBuffer.isView(matrix) ||
    !(matrix instanceof Float64Array) ||
    matrix.length !== classes * classes
  ) {
    throw expected(
      "INVALID_ARGUMENT",
      `a Float64Array of ${classes * classes} values (classes squared)`,
      "noise.matrix",
      matrix,
    );
  }
  for (let from = 0; from < classes; from++) {
    const row = matrix.subarray(from * classes, (from + 1) * classes);
    const sum = row.reduce((a, b) => a + b, 0);
    // Negated, so that NaN fails too.
    if (!row.every((value) => value >= 0) || !(Math.abs(sum - 1) <= 1e-6)) {
      throw expected(
        "INVALID_ARGUMENT",
        "probabilities that sum to 1",
        `row ${from} of noise.matrix`,
        `[${row.join(", ")}]`,
      );
    }
  }
  return matrix;
}

function drawFromRow(matrix: Float64Array, classes: number, from: number, uniform: number): number {
  let left = uniform;
  let last = from;
  for (let to = 0; to < classes; to++) {
    const probability = matrix[from * classes + to]!;
    if (probability === 0) continue;
    if (left < probability) return to;
    left -= probability;
    last = to;
  }
  // Rounding can leave the sum of a row slightly below 1.
  return last;
}

function realisedMatrix(labels: Int32Array, noisy: Int32Array, classes: number): Float64Array {
  const counts = new Float64Array(classes * classes);
  const totals = new Float64Array(classes);
  labels.forEach((label, row) => {
    counts[label * classes + noisy[row]!]! += 1;
    totals[label]! += 1;
  });
  return counts.map((count, cell) => (count === 0 ? 0 : count / totals[Math.floor(cell / classes)]!));
}

function isDiagonallyDominant(matrix: Float64Array, classes: number): boolean {
  return matrix.every(
    (value, cell) => isDiagonal(cell, classes) || value < matrix[Math.floor(cell / classes) * (classes + 1)]!,
  );
}

function isClass(value: number, classes: number): boolean {
  return Number.isInteger(value) && value >= 0 && value < classes;
}

function needOtherClasses(kind: string, classes: number): void {
  if (classes < 2) throw expected("INVALID_ARGUMENT", "at least 2 classes", `${kind} noise`, classes);
}

function checkRate(rate: number): number {
  // Negated, so that NaN fails too.
  if (typeof rate !== "number" || !(rate >= 0 && rate <= 1))
    throw expected("INVALID_ARGUMENT", "a rate in [0, 1]", "noise rate", rate);
  return rate;
}

function unreadable(text: string): Error {
  return expected("INVALID_ARGUMENT", noiseSyntax, "noise", text);
}

function parseNumber(number: string | undefined, text: string): number {
  // Number alone would also read "0x1" and " ".
  if (!/^-?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?$/i.test(number ?? "")) throw unreadable(text);
  return Number(number);
}

function parseClass(label: string, text: string): number {
  if (!/^\d{1,5}$/.test(label)) throw unreadable(text);
  return Number(label);
}

function parseRules(detail: string | undefined, text: string): number[][] {
  const rules: number[][] = [];
  for (const rule of (detail ?? "").split(",")) {
    const [from, allowed, ...rest] = rule.split("=");
    if (from === undefined || allowed === undefined || rest.length > 0) throw unreadable(text);
    const label = parseClass(from, text);
    if (rules[label] !== undefined) throw unreadable(text);
    rules[label] = allowed.split("+").map((to) => parseClass(to, text));
  }
  return Array.from(rules, (allowed) => allowed ?? []);
}
