import { lengthOf } from "@lilaw/bench/program";
import pc from "picocolors";
import type { Suspect } from "./suspects.js";

const head = ["where", "given", "suggested", "score"];
/** A cell is not cut to less. */
const leastWidth = 6;

/**
 * Suspects as lines of at most `width` columns: where the label is, the given and the suggested one, the score. Long cells are cut,
 * paths at their beginning.
 */
export function renderSuspects(suspects: readonly Suspect[], width: number): string {
  const rows = suspects.map((suspect) => [
    whereOf(suspect),
    suspect.labelName,
    suspect.suggestedName,
    suspect.score.toPrecision(4),
  ]);
  const widths = fittingWidths([head, ...rows], width);
  const lineOf = (cells: readonly string[]) =>
    cells
      .map((cell, i) => {
        const shown = cut(cell, widths[i]!, i === 0 ? "start" : "end");
        return i === 3 ? shown.padStart(widths[i]!) : shown.padEnd(widths[i]!);
      })
      .join("  ");
  return [pc.bold(lineOf(head)), ...rows.map(lineOf)].join("\n");
}

/** Where a label is in its source: its file, its line, else its row. */
function whereOf({ split, row, line, file }: Suspect): string {
  const place = file ?? (line === null ? `row ${row}` : `line ${line}`);
  return split === "valid" ? `${place} (valid)` : place;
}

/** The widths of the columns; the widest ones get narrower until a line fits. */
function fittingWidths(rows: readonly (readonly string[])[], width: number): number[] {
  const widths = head.map((_, i) => rows.reduce((widest, cells) => Math.max(widest, lengthOf(cells[i]!)), 0));
  const gaps = 2 * (widths.length - 1);
  const text = widths.slice(0, -1);
  while (gaps + widths.reduce((a, b) => a + b, 0) > width) {
    const widest = Math.max(...text);
    if (widest <= leastWidth) break;
    const at = text.indexOf(widest);
    widths[at] = text[at] = widest - 1;
  }
  return widths;
}

function cut(text: string, width: number, from: "start" | "end"): string {
  if (text.length <= width) return text;
  return from === "start" ? `…${text.slice(text.length - width + 1)}` : `${text.slice(0, width - 1)}…`;
}
