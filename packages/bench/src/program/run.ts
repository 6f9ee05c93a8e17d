/** Runs suites as a program does: with its options, and with progress. */
import { SingleBar } from "cli-progress";
import type { Command } from "commander";
import type { Cell, Row } from "../results.js";
import { measure, type Selection, type Suite, select } from "../suites.js";
import { barOf, durationText, lineOf, widthOf } from "./terminal.js";

export interface BenchOptions {
  readonly quick: boolean;
  readonly json: boolean;
  readonly filter?: string;
}

/** The results of a suite. */
export interface SuiteResults {
  readonly suite: Suite;
  readonly rows: readonly Row[];
  /** Whether the whole suite was measured, not `quick` and without a filter that leaves something out */
  readonly complete: boolean;
}

/** Adds the options of {@link BenchOptions}. */
export function withBenchOptions(command: Command): Command {
  return command
    .option("--quick", "fewer shapes, shorter samples", false)
    .option("--json", "print one JSON document on standard output, and nothing else there", false)
    .option("--filter <regex>", "only what matches it, in lines like: tfjs lilawStep [128,10] wasm kernels");
}

export interface SuiteSurroundings {
  /** Stops the measuring between two samples */
  readonly signal: AbortSignal;
  /** Where progress is shown; default: standard error */
  readonly output?: NodeJS.WriteStream;
}

/**
 * Measures the selected parts of suites, one suite after the other, and yields the results of each when it is done.
 * Progress is a bar on a terminal, and a line for each case elsewhere.
 *
 * @throws LilawError `INVALID_ARGUMENT` or `UNKNOWN_NAME` for a bad filter; the reason of `signal`
 */
export async function* runSuites(
  suites: readonly Suite[],
  { quick, filter }: BenchOptions,
  { signal, output = process.stderr }: SuiteSurroundings,
): AsyncGenerator<SuiteResults> {
  for (const selection of await select(suites, quick, filter)) {
    const rows: Row[] = [];
    for (const { case: one, names } of selection.cases) {
      const title = titleOf(selection, one.labels);
      const bar = output.isTTY ? startBar(output, title) : undefined;
      if (!bar) output.write(`${title}\n`);
      const onTurn = (done: number, total: number) => {
        bar?.setTotal(total);
        bar?.update(done);
      };
      try {
        rows.push(...(await measure(one, names, { signal, onTurn })));
      } finally {
        bar?.stop();
      }
    }
    yield { suite: selection.suite, rows, complete: selection.complete && !quick };
  }
}

function titleOf({ suite }: Selection, labels: Readonly<Record<string, Cell>>): string {
  return [suite.name, ...Object.values(labels)].join(" ");
}

function startBar(stream: NodeJS.WriteStream, title: string): SingleBar {
  const bar = new SingleBar({
    format: (_, { progress, value, total, eta }) =>
      lineOf(
        [
          { rank: 1, text: title },
          { rank: 3, text: barOf(progress) },
          { rank: 2, text: `${value}/${total}` },
          { rank: 0, text: `ETA ${durationText(eta)}` },
        ],
        widthOf(stream) - 1,
      ),
    stream,
    clearOnComplete: true,
    hideCursor: true,
    gracefulExit: true,
  });
  bar.start(1, 0);
  return bar;
}
