import { lengthOf } from "@lilaw/bench/program";
import Table from "cli-table3";
import pc from "picocolors";

/** A column of a table: its heading, which may have several lines, and where its cells stand. */
export interface TextColumn {
  readonly heading: string;
  readonly align: "left" | "right";
}

/** A table of cells; where it is wider than `width` columns, a paragraph for each row, under its first cell. */
export function renderCells(
  columns: readonly TextColumn[],
  rows: readonly (readonly string[])[],
  width = Infinity,
): string {
  const table = new Table({
    head: columns.map(({ heading }) => heading),
    colAligns: columns.map(({ align }) => align),
    style: { head: pc.isColorSupported ? ["bold"] : [], border: pc.isColorSupported ? ["gray"] : [] },
  });
  table.push(...rows.map((row) => [...row]));
  const text = table.toString();
  const fits = lengthOf(text.split("\n", 1)[0]!) <= width;
  return fits ? text : rows.map((row) => renderParagraph(columns, row)).join("\n");
}

function renderParagraph(columns: readonly TextColumn[], [title, ...values]: readonly string[]): string {
  const names = columns.slice(1).map(({ heading }) => heading.replaceAll("\n", " "));
  const widest = Math.max(...names.map((name) => name.length));
  const lines = names.map((name, i) => `  ${name.padEnd(widest)}  ${values[i]}`);
  return [pc.bold(title!), ...lines].join("\n");
}
