/** The committed results of long runs. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { currentOrigin } from "@lilaw/bench";
import { stringify } from "csv-stringify/sync";
import type { Kind } from "./kind.js";
import type { Report } from "./pool.js";

const file = fileURLToPath(new URL("../results/runs.csv", import.meta.url));

/** Adds a line for every group of a run. @returns the path written */
export function record(kind: Kind, seed: number, report: Report): string {
  const { machine, node, date, commit } = currentOrigin(dirname(fileURLToPath(import.meta.url)));
  const rows = [...report.groups].sort().map(([group, { count, right, refused, faults }]) => ({
    ...{ date, commit, kind: kind.name, group, seed, count, right, refused },
    ...faults,
    ...{ seconds: report.seconds.toFixed(0), machine, node },
  }));
  const header = !existsSync(file);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.part`, (header ? "" : readFileSync(file, "utf8")) + stringify(rows, { header }));
  renameSync(`${file}.part`, file);
  return file;
}
