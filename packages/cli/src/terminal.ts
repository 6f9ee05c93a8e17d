/** Text for an output that may be a terminal, of whatever width. */
import { stripVTControlCharacters } from "node:util";
import wrap from "wrap-ansi";

export type Output = Pick<NodeJS.WriteStream, "write" | "isTTY" | "columns">;

/** Columns that a line may have; infinite where no terminal breaks it. */
export function widthOf(output: Output): number {
  // A terminal that does not know its width says 0.
  return (output.isTTY && output.columns) || Infinity;
}

/** Text broken between words. Lines that begin with a space stay whole: commands to be copied, and tables. */
export function fitted(text: string, output: Output): string {
  const width = widthOf(output);
  const fit = (line: string) => (line.startsWith(" ") ? line : wrap(line, width));
  return width === Infinity ? text : text.split("\n").map(fit).join("\n");
}

/** Columns that a line takes, colours aside. */
export function lengthOf(line: string): number {
  return stripVTControlCharacters(line).length;
}

/** A part of a line. Where not all have room, those with the lowest rank stay. */
export interface Part {
  readonly rank: number;
  readonly text: string;
}

/** One line of the parts that `width` has room for, in the order in which they are given. */
export function lineOf(parts: readonly Part[], width: number): string {
  const kept = new Set<Part>();
  let room = width;
  for (const part of parts.toSorted((a, b) => a.rank - b.rank)) {
    const length = lengthOf(part.text) + (kept.size > 0 ? 1 : 0);
    if (part.text === "" || length > room) continue;
    room -= length;
    kept.add(part);
  }
  return parts
    .filter((part) => kept.has(part))
    .map(({ text }) => text)
    .join(" ");
}

/** A bar of which a share in [0, 1] is filled. */
export function barOf(share: number): string {
  const length = 12;
  const filled = Math.round(Math.min(1, Math.max(0, share)) * length);
  return "█".repeat(filled) + "░".repeat(length - filled);
}
