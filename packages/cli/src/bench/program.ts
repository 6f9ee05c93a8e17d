/** What every benchmark program has in common: its options, its progress and what it prints. */
import { SingleBar } from "cli-progress";
import Table from "cli-table3";
import type { Command } from "commander";
import { durationText } from "../forecast.js";
import { barOf, lengthOf, lineOf, widthOf } from "../terminal.js";
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

interface Surroundings {
  readonly signal: AbortSignal;
  /** For progress; default: standard error */
  readonly output?: NodeJS.WriteStream;
}

/**
 * Measures what the options select of the questions, one after the other, and hands over each answer as it is there.
 * Progress is a bar on a terminal, a line a case elsewhere.
 *
 * @throws INVALID_ARGUMENT, UNKNOWN_NAME for a bad filter; the reason of `signal`
 */
export async function* answers(
  questions: readonly Question[],
  { quick, filter }: BenchOptions,
  { signal, output = process.stderr }: Surroundings,
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

/** Columns that a reader of numbers can do without; they are in the CSV and the JSON. */
const inFilesOnly = [
  "contender",
  "baseline",
  "better",
  "skipped",
  "rounds",
  "calls",
  "load",
  "logits",
  "bytes",
];
const measures = ["microseconds", "ratio"].flatMap((name) =>
  ["P20", "P50", "P80"].map((part) => name + part),
);

/**
 * The rows for a terminal: a table a case, and what was not measured. Columns that a reader can do without make room
 * where tables would be wider than `width`.
 */
export function renderRows(rows: readonly Row[], width = Infinity): string {
  const cases = groupBy(rows, (row) => labelsOf(row).join(" "));
  const absent = groupBy(
    rows.filter(({ skipped }) => skipped !== ""),
    ({ contender, skipped }) => `${contender} (${skipped})`,
  );
  const everywhere = ([, group]: [string, Row[]]) => group.length === cases.length;
  return [
    ...cases.map(([title, group]) => `${title}\n${renderCase(group, width)}`),
    ...absent.map((entry) => {
      const where = everywhere(entry) ? "" : `${entry[1].map((row) => labelsOf(row).join(" ")).join(", ")}: `;
      return `not measured: ${where}${entry[0]}`;
    }),
  ].join("\n");
}

/** [key, its rows], in order of appearance. */
function groupBy(rows: readonly Row[], keyOf: (row: Row) => string): [string, Row[]][] {
  const groups = new Map<string, Row[]>();
  for (const row of rows) groups.set(keyOf(row), [...(groups.get(keyOf(row)) ?? []), row]);
  return [...groups];
}

/** The columns before `contender` are the labels of the case. */
function labelsOf(row: Row): Cell[] {
  return Object.values(row).slice(0, Object.keys(row).indexOf("contender"));
}

function renderCase(rows: readonly Row[], width: number): string {
  const hidden = new Set([...inFilesOnly, ...measures]);
  const present = rows.filter(({ skipped }) => skipped === "");
  const known = new Set(present.flatMap((row) => Object.keys(row).slice(labelsOf(row).length)));
  const others = [...known].filter((column) => !hidden.has(column));
  const range = (name: string) => (row: Row) => `${text(row[`${name}P20`])} to ${text(row[`${name}P80`])}`;
  /** The higher the rank, the sooner a column makes room. */
  const columns: { rank: number; head: string; cell: (row: Row) => string }[] = [
    { rank: 0, head: "", cell: (row) => text(row.contender ?? "") },
    { rank: 0, head: "µs", cell: (row) => text(row.microsecondsP50) },
    { rank: 1, head: "(20 to 80 %)", cell: range("microseconds") },
    { rank: 0, head: "ratio", cell: (row) => text(row.ratioP50) },
    { rank: 2, head: "(20 to 80 %)", cell: range("ratio") },
    ...others.map((name, i) => ({ rank: 3 + i, head: name, cell: (row: Row) => text(row[name]) })),
  ];
  for (let most = 2 + others.length; ; most--) {
    const shown = columns.filter(({ rank }) => rank <= most);
    const table = new Table({
      head: shown.map(({ head }) => head),
      colAligns: shown.map((_, i) => (i === 0 ? "left" : "right")),
      style: { head: [], border: [], compact: true },
      chars: { "left-mid": "", mid: "", "mid-mid": "", "right-mid": "" },
    });
    table.push(...present.map((row) => shown.map(({ cell }) => cell(row))));
    const lines = table.toString();
    if (most === 0 || lengthOf(lines.split("\n", 1)[0]!) <= width) return lines;
  }
}

function text(cell: Cell): string {
  return typeof cell === "number" ? Number(cell.toPrecision(3)).toLocaleString("en") : (cell ?? "");
}
