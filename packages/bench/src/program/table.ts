/** Rows as tables for a terminal. */
import Table from "cli-table3";
import type { Cell, Row } from "../results.js";
import { lengthOf } from "./terminal.js";

/** Columns that only CSV and JSON have. */
const inFilesOnly = [
  "variant",
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
 * Formats rows for a terminal: a table for each case, then the variants that were not measured. Where a table is wider
 * than `width`, its least important columns are left out.
 */
export function renderRows(rows: readonly Row[], width = Infinity): string {
  const cases = groupBy(rows, (row) => labelsOf(row).join(" "));
  const skipped = groupBy(
    rows.filter(({ skipped }) => skipped !== ""),
    ({ variant, skipped }) => `${variant} (${skipped})`,
  );
  const everywhere = ([, group]: [string, Row[]]) => group.length === cases.length;
  return [
    ...cases.map(([title, group]) => `${title}\n${renderCase(group, width)}`),
    ...skipped.map((entry) => {
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

function labelsOf(row: Row): Cell[] {
  return Object.values(row).slice(0, Object.keys(row).indexOf("variant"));
}

function renderCase(rows: readonly Row[], width: number): string {
  const hidden = new Set([...inFilesOnly, ...measures]);
  const present = rows.filter(({ skipped }) => skipped === "");
  const known = new Set(present.flatMap((row) => Object.keys(row).slice(labelsOf(row).length)));
  const others = [...known].filter((column) => !hidden.has(column));
  const range = (name: string) => (row: Row) => `${text(row[`${name}P20`])} to ${text(row[`${name}P80`])}`;
  /** Columns with the highest rank are left out first. */
  const columns: { rank: number; head: string; cell: (row: Row) => string }[] = [
    { rank: 0, head: "", cell: (row) => text(row.variant ?? "") },
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
