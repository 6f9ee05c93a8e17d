/** Text that fits a terminal of any width, or an output that is no terminal. */
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

/** A duration with its two largest units: `45s`, `3m20s`, `2h05m`, `3d04h`; `-` where it is not known. */
export function durationText(seconds: number | undefined): string {
  if (seconds === undefined || !Number.isFinite(seconds)) return "-";
  const whole = Math.round(seconds);
  const two = (value: number) => String(value).padStart(2, "0");
  const [minutes, hours, days] = [60, 3600, 86400].map((unit) => Math.floor(whole / unit)) as [
    number,
    number,
    number,
  ];
  if (days > 0) return `${days}d${two(hours % 24)}h`;
  if (hours > 0) return `${hours}h${two(minutes % 60)}m`;
  return minutes > 0 ? `${minutes}m${two(whole % 60)}s` : `${whole}s`;
}
