/** What every benchmark program has in common: its options, its progress and what it prints. */
import { SingleBar } from "cli-progress";
import Table from "cli-table3";
import type { Command } from "commander";
import { type Cell, measure, type Question, type Row, type Selection, select } from "./questions.js";

export interface BenchOptions {
  readonly quick: boolean;
  readonly json: boolean;
  readonly filter?: string;
}

/** The answer to a question. */
export interface Answer {
  readonly question: Question;
  readonly rows: readonly Row[];
  /** Whether nothing was left out, by a filter or in a hurry: fit to be kept */
  readonly whole: boolean;
}

/** Adds the options of {@link BenchOptions}. */
export function withBenchOptions(command: Command): Command {
  return command
    .option("--quick", "fewer shapes, shorter samples", false)
    .option("--json", "print one JSON document on standard output, and nothing else there", false)
    .option("--filter <regex>", "only what matches it, in lines like: tfjs lilawStep [128,10] wasm kernels");
}

/** What to measure, and whether to tell how far it is. */
interface Course {
  readonly signal: AbortSignal;
  /** Default: standard error, where it is a terminal */
  readonly output?: NodeJS.WriteStream;
}

/**
 * Measures what the options select of the questions, one after the other, and hands over each answer as it is there.
 * Progress goes to standard error: a bar on a terminal, a line a case elsewhere.
 *
 * @throws INVALID_ARGUMENT, UNKNOWN_NAME for a bad filter; the reason of `signal`
 */
export async function* answers(
  questions: readonly Question[],
  { quick, filter }: BenchOptions,
  { signal, output = process.stderr }: Course,
): AsyncGenerator<Answer> {
  for (const selection of await select(questions, quick, filter)) {
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
    yield { question: selection.question, rows, whole: selection.whole && !quick };
  }
}

function titleOf({ question }: Selection, labels: Readonly<Record<string, Cell>>): string {
  return [question.name, ...Object.values(labels)].join(" ");
}

function startBar(stream: NodeJS.WriteStream, title: string): SingleBar {
  const bar = new SingleBar({
    format: `${title} {bar} {value}/{total} ETA {eta_formatted}`,
    stream,
    clearOnComplete: true,
    barsize: 16,
    barCompleteChar: "█",
    barIncompleteChar: "░",
    hideCursor: true,
    gracefulExit: true,
  });
  bar.start(1, 0);
  return bar;
}

/** Columns that a reader of numbers can do without; they are in the CSV and the JSON. */
const inFilesOnly = ["baseline", "better", "rounds", "calls", "load", "ratioP20", "ratioP80"];
const times = ["microsecondsP20", "microsecondsP50", "microsecondsP80"];

/** A table of the rows, for a terminal. */
export function renderRows(rows: readonly Row[]): string {
  const hidden = new Set(["skipped", ...inFilesOnly, ...times]);
  const known = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const shown = known.filter(
    (column) => !hidden.has(column) && rows.some((row) => (row[column] ?? "") !== ""),
  );
  const labels = shown.filter((column) => column !== "ratioP50");
  const table = new Table({
    head: [...labels, "µs: p20", "p50", "p80", "ratio (p20 to p80)"],
    style: { head: [], border: [] },
  });
  for (const row of rows) {
    const measured = row.skipped === "";
    const cells = labels.map((column) => text(row[column]));
    const ratio = `${text(row.ratioP50)} (${text(row.ratioP20)} to ${text(row.ratioP80)})`;
    table.push(
      measured
        ? [...cells, ...times.map((column) => text(row[column])), ratio]
        : [...cells, { colSpan: 4, content: `skipped: ${row.skipped}` }],
    );
  }
  return table.toString();
}

function text(cell: Cell): string {
  return typeof cell === "number" ? Number(cell.toPrecision(4)).toLocaleString("en") : (cell ?? "");
}
