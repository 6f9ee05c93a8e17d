/** A benchmark has suites, a suite has cases, and a case has variants that take turns. Each variant of a case gives a row. */
import { loadavg } from "node:os";
import { expected } from "@lilaw/core";
import { type Cell, type Row, round } from "./results.js";
import {
  type Effort,
  type Measured,
  ratiosOf,
  type SkippedVariant,
  spreadOf,
  type TurnOptions,
  takeTurns,
  type Variant,
} from "./turns.js";

/** The cases that together answer a question. */
export interface Suite {
  /** Names its results, and is matched by `--filter` */
  readonly name: string;
  /** The question that it answers, a sentence that ends in a question mark */
  readonly question: string;
  /** Lists the cases; opens none of them. */
  cases(quick: boolean): readonly Case[] | Promise<readonly Case[]>;
}

/** Variants that are compared with each other. */
export interface Case {
  /** Columns that tell it from the other cases, such as operation and shape */
  readonly labels: Readonly<Record<string, Cell>>;
  /** Names of all variants, including those that turn out not to run here */
  readonly variants: readonly string[];
  /** The variant that the others are compared with; it always runs */
  readonly baseline: string;
  readonly effort: Effort;
  /** Prepares the variants with these names. */
  open(names: readonly string[]): OpenCase | Promise<OpenCase>;
}

/** A case that is ready to be measured. */
export interface OpenCase {
  readonly variants: readonly (Variant | SkippedVariant)[];
  /** Compares the results of the variants; throws where they differ. */
  check(): unknown;
  /** Further columns for the row of a variant. */
  columns?(measured: Measured, all: readonly Measured[]): Readonly<Record<string, Cell>>;
  close?(): unknown;
}

/** The cases of a suite that were asked for, each with its variants. */
export interface Selection {
  readonly suite: Suite;
  readonly cases: readonly { readonly case: Case; readonly names: readonly string[] }[];
  /** Whether all cases of the suite are here, with all their variants */
  readonly complete: boolean;
}

/**
 * Selects variants by a pattern, which is searched for in `SUITE LABELS VARIANT`, such as
 * `tfjs lilawStep [128,10] wasm kernels`. The baseline of a case is measured with any of its variants.
 *
 * @param filter a regular expression; without one everything is selected
 * @throws LilawError `INVALID_ARGUMENT` (no regular expression), `UNKNOWN_NAME` (nothing matches)
 */
export async function select(
  suites: readonly Suite[],
  quick: boolean,
  filter?: string,
): Promise<Selection[]> {
  const pattern = patternOf(filter);
  const selections: Selection[] = [];
  for (const suite of suites) {
    const path = (variant: string, { labels }: Case) =>
      [suite.name, ...Object.values(labels), variant].join(" ");
    const all = await suite.cases(quick);
    const cases = all
      .map((one) => ({ case: one, names: one.variants.filter((name) => pattern.test(path(name, one))) }))
      .filter(({ names }) => names.length > 0);
    const complete =
      cases.length === all.length && cases.every((one) => one.names.length === one.case.variants.length);
    if (cases.length > 0) selections.push({ suite, cases, complete });
  }
  if (selections.length === 0) {
    throw expected("UNKNOWN_NAME", "a pattern that some measurement matches", "--filter", filter);
  }
  return selections;
}

function patternOf(filter = ""): RegExp {
  try {
    return new RegExp(filter);
  } catch {
    throw expected("INVALID_ARGUMENT", "a regular expression", "--filter", filter);
  }
}

/**
 * Measures a case.
 *
 * @param names of the variants to measure; the baseline is measured with them
 * @returns a row for every variant, in the order of the open case
 * @throws errors of the case and its variants; the reason of `signal`
 */
export async function measure(
  { labels, baseline, effort, ...one }: Case,
  names: readonly string[],
  options: TurnOptions = {},
): Promise<Row[]> {
  const [load] = loadavg() as [number];
  const opened = await one.open([...new Set([baseline, ...names])]);
  try {
    const present = opened.variants.filter((variant) => "sample" in variant);
    const results = await takeTurns(present, () => opened.check(), effort, options);
    const all = results.filter((result) => "seconds" in result);
    const base = all.find(({ variant }) => variant.name === baseline);
    const oursIsBase = opened.variants.some(({ name, ours }) => name === baseline && ours);
    return opened.variants.map((variant) => {
      const result = "skipped" in variant ? variant : results[present.indexOf(variant)]!;
      const measured = "seconds" in result ? result : undefined;
      return {
        ...labels,
        variant: variant.name,
        baseline,
        better: variant.ours ? "lower" : oursIsBase ? "higher" : "",
        skipped: "skipped" in result ? result.skipped : "",
        ...(measured && numbers(measured, base)),
        ...(measured && opened.columns?.(measured, all)),
        load: round(load, 2),
      };
    });
  } finally {
    await opened.close?.();
  }
}

function numbers(measured: Measured, base: Measured | undefined) {
  const time = spreadOf(measured.seconds.map((seconds) => seconds * 1e6));
  const ratio = base && spreadOf(ratiosOf(measured, base));
  return {
    microsecondsP20: round(time.p20),
    microsecondsP50: round(time.p50),
    microsecondsP80: round(time.p80),
    ...(ratio && { ratioP20: round(ratio.p20), ratioP50: round(ratio.p50), ratioP80: round(ratio.p80) }),
    rounds: measured.seconds.length,
    calls: measured.calls,
  };
}
