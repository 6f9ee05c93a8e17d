/** Committed benchmark results, for the tables and plots of the documents. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "csv-parse/sync";
import { root } from "./steps.mjs";

/** The rows of the file `benchmarks/PATH`, with text in every cell; no rows where there is no such file. */
export function readResults(path) {
  const file = join(root, "benchmarks", path);
  return existsSync(file) ? parse(readFileSync(file, "utf8"), { columns: true }) : [];
}

/** [key, rows of that key], in order of appearance; the key is a column or a function of the row. */
export function groups(rows, key) {
  const keyOf = typeof key === "string" ? (row) => row[key] : key;
  const byKey = new Map();
  for (const row of rows) byKey.set(keyOf(row), [...(byKey.get(keyOf(row)) ?? []), row]);
  return [...byKey];
}

/** The origin of rows as text. */
export function originOf([{ machine, node, date, commit }], ...remarks) {
  return [machine, `Node ${node}`, ...remarks, date, `commit ${commit}`].join(", ");
}
