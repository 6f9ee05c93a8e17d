/** A benchmark is made of questions, a question of cases, a case of contenders that take turns. Results are rows. */
import { loadavg } from "node:os";
import { expected } from "@lilaw/core";
import {
  type Absentee,
  type Contender,
  type Effort,
  type Measured,
  ratiosOf,
  spreadOf,
  type TurnOptions,
  takeTurns,
} from "./turns.js";

export type Cell = string | number | undefined;

export interface Question {
  /** Of its results and for `--filter` */
  readonly name: string;
  /** A sentence that ends in a question mark */
  readonly question: string;
  /** What there is to compare here, cheap to list. */
  cases(quick: boolean): readonly Case[] | Promise<readonly Case[]>;
}

export interface Case {
  /** Columns that tell it from the other cases, such as operation and shape */
  readonly labels: Readonly<Record<string, Cell>>;
  /** Names of all contenders, those included that turn out to be absent */
  readonly contenders: readonly string[];
  /** The contender that the others are compared with; always runs */
  readonly baseline: string;
  readonly effort: Effort;
  /** Makes what the case needs for these contenders. */
  open(names: readonly string[]): Opened | Promise<Opened>;
}

export interface Opened {
  readonly contenders: readonly (Contender | Absentee)[];
  /** Compares the contenders' results; throws when they differ. */
  check(): unknown;
  /** More columns of a contender's row. */
  columns?(measured: Measured, all: readonly Measured[]): Readonly<Record<string, Cell>>;
  close?(): unknown;
}

/** A line of results: of one contender in one case. */
export interface Row {
  readonly [label: string]: Cell;
  readonly contender: string;
  readonly baseline: string;
  /** Which ratios are better, "lower" or "higher"; "" where neither side is ours */
  readonly better: "lower" | "higher" | "";
  /** Why there are no numbers, else "" */
  readonly skipped: string;
  /** How many times as long as the baseline, within a round */
  readonly ratioP20?: number;
  readonly ratioP50?: number;
  readonly ratioP80?: number;
  readonly microsecondsP20?: number;
  readonly microsecondsP50?: number;
  readonly microsecondsP80?: number;
  readonly rounds?: number;
  readonly calls?: number;
  /** Processes that wanted to run in the minute before the case, on average */
  readonly load: number;
}

/** The cases of a question that were asked for, each with its contenders. */
export interface Selection {
  readonly question: Question;
  readonly cases: readonly { readonly case: Case; readonly names: readonly string[] }[];
  /** Whether nothing of the question was left out */
  readonly whole: boolean;
}

/**
 * What a pattern selects: it is looked for in `QUESTION LABELS CONTENDER`, such as
 * `tfjs lilawStep [128,10] wasm kernels`. A baseline comes along with any contender of its case.
 *
 * @throws INVALID_ARGUMENT (no regular expression), UNKNOWN_NAME (nothing matches)
 */
export async function select(
  questions: readonly Question[],
  quick: boolean,
  filter?: string,
): Promise<Selection[]> {
  const pattern = patternOf(filter);
  const selections: Selection[] = [];
  for (const question of questions) {
    const path = (contender: string, { labels }: Case) =>
      [question.name, ...Object.values(labels), contender].join(" ");
    const all = await question.cases(quick);
    const cases = all
      .map((one) => ({ case: one, names: one.contenders.filter((name) => pattern.test(path(name, one))) }))
      .filter(({ names }) => names.length > 0);
    const whole =
      cases.length === all.length && cases.every((one) => one.names.length === one.case.contenders.length);
    if (cases.length > 0) selections.push({ question, cases, whole });
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

/** Measures a case. One row for every contender of `names`, and for the baseline. */
export async function measure(
  { labels, baseline, effort, ...one }: Case,
  names: readonly string[],
  options: TurnOptions = {},
): Promise<Row[]> {
  const [load] = loadavg() as [number];
  const opened = await one.open([...new Set([baseline, ...names])]);
  try {
    const present = opened.contenders.filter((contender) => "sample" in contender);
    const results = await takeTurns(present, () => opened.check(), effort, options);
    const all = results.filter((result) => "seconds" in result);
    const base = all.find(({ contender }) => contender.name === baseline);
    const oursIsBase = opened.contenders.some(({ name, ours }) => name === baseline && ours);
    return opened.contenders.map((contender) => {
      const result = "skipped" in contender ? contender : results[present.indexOf(contender)]!;
      const measured = "seconds" in result ? result : undefined;
      return {
        ...labels,
        contender: contender.name,
        baseline,
        better: contender.ours ? "lower" : oursIsBase ? "higher" : "",
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

/** To so many significant digits. */
export function round(value: number, digits = 4): number {
  return Number(value.toPrecision(digits));
}
