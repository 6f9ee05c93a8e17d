import { execFileSync } from "node:child_process";
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { stringify } from "csv-stringify/sync";

/** Where results come from. */
export interface Origin {
  /** Processor and cores */
  readonly machine: string;
  readonly node: string;
  /** YYYY-MM-DD */
  readonly date: string;
  /** With `+` when the working tree differed from it */
  readonly commit: string;
}

/** The origin of what is measured now, by code in the folder `cwd`. */
export function currentOrigin(cwd: string): Origin {
  return {
    machine: `${cpus()[0]!.model.trim()}, ${cpus().length} cores`,
    node: process.versions.node,
    date: new Date().toISOString().slice(0, 10),
    commit: commitOf(cwd),
  };
}

/**
 * Writes benchmark results as CSV. Every row says where it comes from, in the columns of {@link Origin}; the other
 * columns are all that any row has.
 *
 * @returns the path written
 */
export function writeResults(file: URL, rows: readonly Record<string, unknown>[]): string {
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

/** Code that runs outside of its repository brings its commit along, as `LILAW_COMMIT`. */
function commitOf(cwd: string): string {
  if (process.env.LILAW_COMMIT) return process.env.LILAW_COMMIT;
  const git = (...args: string[]) => execFileSync("git", args, { cwd, encoding: "utf8" }).trim();
  const changed = git("status", "--porcelain", "--untracked-files=no") !== "";
  return git("rev-parse", "--short", "HEAD") + (changed ? "+" : "");
}
