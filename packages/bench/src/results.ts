/** Results are rows, and are kept as CSV files that say where they come from. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "csv-parse/sync";
import { stringify } from "csv-stringify/sync";

export type Cell = string | number | undefined;

/** The result of one variant in one case. The columns before `variant` are the labels of the case. */
export interface Row {
  readonly [label: string]: Cell;
  readonly variant: string;
  /** The variant that this one is compared with */
  readonly baseline: string;
  /** Which ratios are better, "lower" or "higher"; "" where neither side is ours */
  readonly better: "lower" | "higher" | "";
  /** Why there are no numbers, else "" */
  readonly skipped: string;
  /** How many times as long as the baseline, within a round */
  readonly ratioP20?: number;
  readonly ratioP50?: number;
  readonly ratioP80?: number;
  /** Of one call */
  readonly microsecondsP20?: number;
  readonly microsecondsP50?: number;
  readonly microsecondsP80?: number;
  /** Samples, one in each round */
  readonly rounds?: number;
  /** Calls in a sample */
  readonly calls?: number;
  /** Load average of the machine in the minute before the case */
  readonly load: number;
}

/** A row as it is read from a CSV file: every cell is text. */
export type WrittenRow = Readonly<Record<string, string>>;

/** Where results come from. */
export interface Origin {
  /** Processor and number of cores */
  readonly machine: string;
  /** Version of Node */
  readonly node: string;
  /** YYYY-MM-DD */
  readonly date: string;
  /** Short name of the commit, with `+` where the working tree differs from it; "" outside of a Git repository */
  readonly commit: string;
}

/**
 * The origin of results that are measured now.
 *
 * @param cwd a folder of the repository whose commit is named; the environment variable `LILAW_COMMIT` names it for code
 * that runs outside of its repository
 */
export function currentOrigin(cwd: string): Origin {
  return {
    machine: `${cpus()[0]?.model.trim()}, ${cpus().length} cores`,
    node: process.versions.node,
    date: new Date().toISOString().slice(0, 10),
    commit: commitOf(cwd),
  };
}

/**
 * Replaces a CSV file as a whole. Every row gets the columns of {@link Origin}; the other columns are all those that any
 * row has. Folders that are missing are made.
 *
 * @returns the path of the file
 */
export function writeResults(file: URL, rows: readonly Readonly<Record<string, unknown>>[]): string {
  const path = fileURLToPath(file);
  mkdirSync(dirname(path), { recursive: true });
  const origin = currentOrigin(dirname(path));
  const columns = [...new Set([...rows, origin].flatMap((row) => Object.keys(row)))];
  writeFileSync(
    `${path}.part`,
    stringify(
      rows.map((row) => ({ ...row, ...origin })),
      { header: true, columns },
    ),
  );
  renameSync(`${path}.part`, path);
  return path;
}

/** The rows of a CSV file that {@link writeResults} wrote; none where there is no such file. */
export function readResults(file: URL): WrittenRow[] {
  return existsSync(file) ? parse(readFileSync(file, "utf8"), { columns: true }) : [];
}

/** Rounds to significant digits. */
export function round(value: number, digits = 4): number {
  return Number(value.toPrecision(digits));
}

function commitOf(cwd: string): string {
  if (process.env.LILAW_COMMIT) return process.env.LILAW_COMMIT;
  const git = (...args: string[]) =>
    execFileSync("git", args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  try {
    const changed = git("status", "--porcelain", "--untracked-files=no") !== "";
    return git("rev-parse", "--short", "HEAD") + (changed ? "+" : "");
  } catch {
    return "";
  }
}
