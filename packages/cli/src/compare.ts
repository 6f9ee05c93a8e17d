/** The differences between runs: settings, data, and the results of the trainings that they have in common. */
import { isDeepStrictEqual } from "node:util";
import { expected } from "@lilaw/core";
import { errorFunction, mean, sampleStandardDeviation, tTest } from "simple-statistics";
import type { RunConfig } from "./config.js";
import type { RunResult } from "./results-table.js";
import type { RunFolder } from "./run-folder.js";

/** The first run with one of the others. */
export interface Comparison {
  /** Paths of the run folders. */
  readonly runs: readonly [first: string, other: string];
  /** Settings and facts of the data that differ; null where a run has none. */
  readonly differences: readonly Difference[];
  /** An entry for each method that both runs have. */
  readonly methods: readonly MethodComparison[];
  /** Trainings that only one of the runs has finished, as METHOD-SEED. */
  readonly unpaired: readonly string[];
}

export interface Difference {
  readonly name: string;
  readonly values: readonly [first: unknown, other: unknown];
}

/** The test accuracies at the best epoch of a method, in pairs of the same seed. */
export interface MethodComparison {
  readonly method: string;
  readonly seeds: readonly number[];
  readonly first: readonly number[];
  readonly other: readonly number[];
  /** Mean over the pairs of the other one minus the first one. */
  readonly meanDifference: number;
  /** Standard deviation of the differences; null for a single pair. */
  readonly deviation: number | null;
  /**
   * Probability of a mean difference at least as large, in size, if the sign of each difference were a coin flip: of all
   * flips for up to 16 pairs, by the normal distribution of Student's t for more. Null for a single pair.
   */
  readonly p: number | null;
}

/**
 * Compares each run with the first.
 *
 * @throws INCOMPATIBLE_STATE for runs with other test samples or classes, and for runs without a training in common;
 *   INVALID_ARGUMENT for fewer than two runs
 */
export function compareRuns(folders: readonly RunFolder[]): Comparison[] {
  const [first, ...others] = folders;
  if (first === undefined || others.length === 0)
    throw expected("INVALID_ARGUMENT", "two or more run folders", "RUN", folders.length);
  return others.map((other) => compare(first, other));
}

function compare(first: RunFolder, other: RunFolder): Comparison {
  checkSameTest(first, other);
  const results = [first, other].map(({ summary }) => summary.results) as [RunResult[], RunResult[]];
  const methods = methodsOf(results);
  if (methods.length === 0) {
    const wanted = `a method and seed that ${first.path} has finished too`;
    throw expected("INCOMPATIBLE_STATE", wanted, other.path, namesOf(results[1]).join(", ") || "none");
  }
  const [own, others] = results.map(namesOf) as [string[], string[]];
  const alone = (names: string[], rest: string[]) => names.filter((name) => !rest.includes(name));
  return {
    runs: [first.path, other.path],
    differences: differencesOf(first.config, other.config),
    methods,
    unpaired: [...alone(own, others), ...alone(others, own)],
  };
}

const namesOf = (results: readonly RunResult[]): string[] =>
  results.map(({ method, seed }) => `${method}-${seed}`);

/** @throws INCOMPATIBLE_STATE */
function checkSameTest(first: RunFolder, other: RunFolder): void {
  const [a, b] = [first.config.data, other.config.data];
  if (a.classNames.join("\n") !== b.classNames.join("\n")) {
    const wanted = `the classes of ${first.path} (${a.classNames.join(", ")})`;
    throw expected("INCOMPATIBLE_STATE", wanted, other.path, b.classNames.join(", "));
  }
  if (a.testSha256 === b.testSha256) return;
  const wanted = `the test samples of ${first.path} (${a.testSize}, ${a.origins.test}; with --test FILE they stay the same)`;
  throw expected("INCOMPATIBLE_STATE", wanted, other.path, `others (${b.testSize}, ${b.origins.test})`);
}

/** Facts of `config.json` that a comparison shows; others follow from them. */
function factsOf({ settings, data, backend, versions }: RunConfig): Record<string, unknown> {
  const { files = {}, decisions: _, ...rest } = settings;
  const { decisions, sources } = data;
  const ofSources = Object.entries(sources).map(([split, source]) => [`${split} data`, source]);
  return {
    ...Object.fromEntries(ofSources),
    decisions,
    ...files,
    ...rest,
    "used backend": backend.backend,
    ...versions,
  };
}

function differencesOf(first: RunConfig, other: RunConfig): Difference[] {
  const [a, b] = [factsOf(first), factsOf(other)];
  return [...new Set([...Object.keys(a), ...Object.keys(b)])]
    .filter((name) => !isDeepStrictEqual(a[name], b[name]))
    .map((name) => ({ name, values: [a[name] ?? null, b[name] ?? null] }));
}

function methodsOf([first, other]: readonly [RunResult[], RunResult[]]): MethodComparison[] {
  const methods = [...new Set(first.map(({ method }) => method))];
  return methods.flatMap((method) => {
    const pairs = first.flatMap((one) => {
      const same = other.find(({ method, seed }) => method === one.method && seed === one.seed);
      return one.method === method && same ? [[one, same] as const] : [];
    });
    return pairs.length === 0 ? [] : [compareMethod(method, pairs)];
  });
}

function compareMethod(
  method: string,
  pairs: readonly (readonly [first: RunResult, other: RunResult])[],
): MethodComparison {
  const first = pairs.map(([one]) => one.testAccuracyAtBestValid);
  const other = pairs.map(([, one]) => one.testAccuracyAtBestValid);
  const differences = other.map((accuracy, i) => accuracy - first[i]!);
  const isSingle = differences.length === 1;
  return {
    method,
    seeds: pairs.map(([{ seed }]) => seed),
    first,
    other,
    meanDifference: mean(differences),
    deviation: isSingle ? null : sampleStandardDeviation(differences),
    p: isSingle ? null : chanceOf(differences),
  };
}

/** Pairs of whose differences all flips of signs are gone through. */
const mostFlipped = 16;

/** The probability of a mean at least as far from 0 where signs are coin flips. */
export function chanceOf(differences: readonly number[]): number {
  const count = differences.length;
  if (count > mostFlipped) {
    const t = Math.abs(tTest([...differences], 0));
    // All differences are 0.
    return Number.isNaN(t) ? 1 : Math.max(0, 1 - errorFunction(t / Math.SQRT2));
  }
  const sum = Math.abs(differences.reduce((a, b) => a + b, 0));
  // Sums of the same numbers in another order differ by roundings.
  const least = sum - 1e-12 * differences.reduce((a, b) => a + Math.abs(b), 0);
  let hits = 0;
  for (let flips = 0; flips < 2 ** count; flips++) {
    const flipped = differences.reduce((total, x, i) => total + (flips & (1 << i) ? -x : x), 0);
    if (Math.abs(flipped) >= least) hits++;
  }
  return hits / 2 ** count;
}
