import { execFileSync } from "node:child_process";
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { stringify } from "csv-stringify/sync";

/**
 * Writes benchmark results as CSV. Every row says where it comes from: processor, cores, Node, date and commit
 * (with `+` when the working tree differed from it).
 *
 * @returns the path written
 */
export function writeResults(file: URL, rows: readonly Record<string, unknown>[]): string {
  const path = fileURLToPath(file);
  mkdirSync(dirname(path), { recursive: true });
  const origin = {
    machine: `${cpus()[0]!.model.trim()}, ${cpus().length} cores`,
    node: process.versions.node,
    date: new Date().toISOString().slice(0, 10),
    commit: commitOf(dirname(path)),
  };
  writeFileSync(
    `${path}.part`,
    stringify(
      rows.map((row) => ({ ...row, ...origin })),
      { header: true },
    ),
  );
  renameSync(`${path}.part`, path);
  return path;
}

function commitOf(cwd: string): string {
  const git = (...args: string[]) => execFileSync("git", args, { cwd, encoding: "utf8" }).trim();
  const changed = git("status", "--porcelain", "--untracked-files=no") !== "";
  return git("rev-parse", "--short", "HEAD") + (changed ? "+" : "");
}
