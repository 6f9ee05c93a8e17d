/**
 * The command line of a program that measures suites:
 *
 *     main.js [suite …] [--quick] [--filter REGEX] [--json] [--check]
 *
 * The results of a suite that was measured completely (no filter, not quick) replace its CSV file as soon as the suite is
 * done. With `--check` nothing is written, and ratios are compared with those of the CSV files.
 */
import { fileURLToPath } from "node:url";
import { expected } from "@lilaw/core";
import { Command } from "commander";
import { comparableRows, type Regression, regressionsOf, rowIdentity } from "../regressions.js";
import { currentOrigin, type Row, readResults, writeResults } from "../results.js";
import { measure, type Suite } from "../suites.js";
import { fail, statusOf, stopSignal } from "./process.js";
import { type BenchOptions, runSuites, type SuiteResults, withBenchOptions } from "./run.js";
import { renderRows } from "./table.js";

/** Suites whose results are kept in one folder. */
export interface Benchmark {
  /** Shown by `--help`, and part of the JSON document */
  readonly name: string;
  /** The folder of its CSV files, one for each suite; ends in a slash */
  readonly results: URL;
  readonly suites: readonly Suite[];
}

interface Options extends BenchOptions {
  readonly check: boolean;
}

/**
 * Runs the program with the arguments of the process, and sets the exit status: 0, 1 (a regression or an unexpected
 * error), 2 (bad input), 130 (stopped by a signal) or 141 (nobody reads the output any more).
 */
export async function runBenchmark(benchmark: Benchmark): Promise<void> {
  const signal = stopSignal();
  const names = benchmark.suites.map(({ name }) => name);
  const command = withBenchOptions(new Command(benchmark.name))
    .argument("[suites...]", `of ${names.join(", ")} (default: all)`)
    .option("--check", "fail when a committed ratio got worse by more than a tenth on this machine", false)
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
    .action((chosen: string[]) => run(benchmark, chosen, command.opts<Options>(), signal));
  try {
    await command.parseAsync();
  } catch (error) {
    if (!signal.aborted) return fail(error);
    process.stderr.write("stopped; results of suites that were not complete are not kept\n");
    process.exitCode = statusOf(signal);
  }
}

async function run(
  benchmark: Benchmark,
  chosen: readonly string[],
  options: Options,
  signal: AbortSignal,
): Promise<void> {
  const suites = suitesOf(benchmark, chosen);
  const origin = currentOrigin(fileURLToPath(new URL("../", benchmark.results)));
  const say = options.json ? () => {} : (text: string) => console.log(text);
  const all: SuiteResults[] = [];
  const regressions: Regression[] = [];
  say(Object.values(origin).filter(Boolean).join(", "));
  for await (const results of runSuites(suites, options, { signal })) {
    all.push(results);
    const { suite, rows, complete } = results;
    say(`\n${suite.name}: ${suite.question}\n${renderRows(rows)}`);
    const file = new URL(`${suite.name}.csv`, benchmark.results);
    if (options.check) regressions.push(...(await check(results, file, origin.machine, options, signal)));
    else if (complete) process.stderr.write(`${writeResults(file, rows)}\n`);
  }
  if (options.json) process.stdout.write(`${JSON.stringify(documentOf(benchmark, origin, options, all))}\n`);
  if (regressions.length === 0) return;
  process.stderr.write(`${describe(regressions)}\n`);
  process.exitCode = 1;
}

function suitesOf({ suites }: Benchmark, chosen: readonly string[]): readonly Suite[] {
  const names = suites.map(({ name }) => name);
  const unknown = chosen.find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw expected("UNKNOWN_NAME", `one of ${names.join(", ")}`, "the suite", unknown);
  }
  return chosen.length === 0 ? suites : suites.filter(({ name }) => chosen.includes(name));
}

/**
 * The regressions of a suite, each measured twice: another program can slow down a whole measurement, but seldom does so
 * both times.
 */
async function check(
  { suite, rows }: SuiteResults,
  file: URL,
  machine: string,
  options: Options,
  signal: AbortSignal,
): Promise<Regression[]> {
  const committed = readResults(file).filter((row) => row.machine === machine);
  const count = comparableRows(committed, rows);
  process.stderr.write(
    count === 0
      ? `${suite.name}: nothing can be compared, no committed ratio is from this machine (${machine})\n`
      : `${suite.name}: ${count} ratios compared with the committed ones\n`,
  );
  const suspects = regressionsOf(committed, rows);
  if (suspects.length === 0) return [];
  process.stderr.write(`${suite.name}: ${suspects.length} look worse; measuring these again\n`);
  const suspected = new Set(suspects.map(({ what }) => what));
  const again: Row[] = [];
  for (const one of await suite.cases(options.quick)) {
    const names = one.variants.filter((variant) =>
      suspected.has(rowIdentity(one.labels, variant, one.baseline)),
    );
    if (names.length > 0) again.push(...(await measure(one, names, { signal })));
  }
  return regressionsOf(committed, again);
}

function documentOf(benchmark: Benchmark, origin: object, { quick }: Options, all: readonly SuiteResults[]) {
  return {
    benchmark: benchmark.name,
    ...origin,
    quick,
    suites: all.map(({ suite: { name, question }, rows }) => ({ name, question, rows })),
  };
}

function describe(regressions: readonly Regression[]): string {
  const lines = regressions.map(
    ({ what, committed, measured, worse }) =>
      `  ${what}: ratio ${committed} committed, ${measured} now, ${(100 * (worse - 1)).toFixed(0)} % worse`,
  );
  return ["regressions:", ...lines].join("\n");
}
