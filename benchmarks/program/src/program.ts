/**
 * The command line of a benchmark package:
 *
 *     main.js [question …] [--quick] [--filter REGEX] [--json] [--check]
 *
 * The answer to a question that was measured whole (no filter, not quick) becomes its CSV in the folder of results, once
 * it is there; with `--check` nothing is written, and ratios are compared with those of the CSV.
 */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import {
  type Answer,
  answers,
  type BenchOptions,
  fail,
  interrupted,
  measure,
  type Question,
  type Row,
  renderRows,
  stopSignal,
  withBenchOptions,
} from "@lilaw/cli/bench";
import { expected } from "@lilaw/core";
import { currentOrigin, writeResults } from "@lilaw/testing";
import { Command } from "commander";
import { parse } from "csv-parse/sync";
import { type CommittedRow, comparable, identity, type Regression, regressionsOf } from "./regressions.js";

export interface Benchmark {
  /** Of its folder */
  readonly name: string;
  /** The folder of its CSV files; ends in a slash */
  readonly results: URL;
  readonly questions: readonly Question[];
}

interface Options extends BenchOptions {
  readonly check: boolean;
}

/** Runs the program and sets the exit status: 0, 1 (a regression, an error), 2 (bad input) or 130 (stopped). */
export async function runBenchmark(benchmark: Benchmark): Promise<void> {
  const signal = stopSignal();
  const names = benchmark.questions.map(({ name }) => name);
  const command = withBenchOptions(new Command(benchmark.name))
    .argument("[questions...]", `of ${names.join(", ")} (default: all)`)
    .option("--check", "fail when a committed ratio got worse by more than a tenth on this machine", false)
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
    .action((chosen: string[]) => run(benchmark, chosen, command.opts<Options>(), signal));
  try {
    await command.parseAsync();
  } catch (error) {
    if (!signal.aborted) return fail(error);
    process.stderr.write("stopped; answers that were not whole are not kept\n");
    process.exitCode = interrupted;
  }
}

async function run(
  benchmark: Benchmark,
  chosen: readonly string[],
  options: Options,
  signal: AbortSignal,
): Promise<void> {
  const questions = questionsOf(benchmark, chosen);
  const origin = currentOrigin(fileURLToPath(new URL("../", benchmark.results)));
  const say = options.json ? () => {} : (text: string) => console.log(text);
  const given: Answer[] = [];
  const regressions: Regression[] = [];
  say(Object.values(origin).join(", "));
  for await (const answer of answers(questions, options, { signal })) {
    given.push(answer);
    say(`\n${answer.question.name}: ${answer.question.question}\n${renderRows(answer.rows)}`);
    const file = new URL(`${answer.question.name}.csv`, benchmark.results);
    if (options.check) regressions.push(...(await check(answer, file, origin.machine, options, signal)));
    else if (answer.whole) process.stderr.write(`${writeResults(file, answer.rows)}\n`);
  }
  if (options.json)
    process.stdout.write(`${JSON.stringify(documentOf(benchmark, origin, options, given))}\n`);
  if (regressions.length === 0) return;
  process.stderr.write(`${describe(regressions)}\n`);
  process.exitCode = 1;
}

function questionsOf({ questions }: Benchmark, chosen: readonly string[]): readonly Question[] {
  const names = questions.map(({ name }) => name);
  const unknown = chosen.find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw expected("UNKNOWN_NAME", `one of ${names.join(", ")}`, "the question", unknown);
  }
  return chosen.length === 0 ? questions : questions.filter(({ name }) => chosen.includes(name));
}

/**
 * The regressions of an answer, after a second look at each: what another program did to a whole measurement is not a
 * regression, and seldom happens twice.
 */
async function check(
  { question, rows }: Answer,
  file: URL,
  machine: string,
  options: Options,
  signal: AbortSignal,
): Promise<Regression[]> {
  const committed = readResults(file).filter((row) => row.machine === machine);
  const count = comparable(committed, rows);
  process.stderr.write(
    count === 0
      ? `${question.name}: nothing can be compared, no committed ratio is from this machine (${machine})\n`
      : `${question.name}: ${count} ratios compared with the committed ones\n`,
  );
  const suspects = regressionsOf(committed, rows);
  if (suspects.length === 0) return [];
  process.stderr.write(`${question.name}: ${suspects.length} look worse; measuring these again\n`);
  const suspected = new Set(suspects.map(({ what }) => what));
  const again: Row[] = [];
  for (const one of await question.cases(options.quick)) {
    const names = one.contenders.filter((contender) =>
      suspected.has(identity(one.labels, contender, one.baseline)),
    );
    if (names.length > 0) again.push(...(await measure(one, names, { signal })));
  }
  return regressionsOf(committed, again);
}

function readResults(file: URL): CommittedRow[] {
  return existsSync(file) ? parse(readFileSync(file, "utf8"), { columns: true }) : [];
}

function documentOf(benchmark: Benchmark, origin: object, { quick }: Options, given: readonly Answer[]) {
  return {
    benchmark: benchmark.name,
    ...origin,
    quick,
    questions: given.map(({ question: { name, question }, rows }) => ({ name, question, rows })),
  };
}

function describe(regressions: readonly Regression[]): string {
  const lines = regressions.map(
    ({ what, committed, measured, worse }) =>
      `  ${what}: ratio ${committed} committed, ${measured} now, ${(100 * (worse - 1)).toFixed(0)} % worse`,
  );
  return ["regressions:", ...lines].join("\n");
}
