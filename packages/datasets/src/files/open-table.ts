import { expected } from "@lilaw/core";
import { openArff } from "./arff.js";
import type { DataFile } from "./data-file.js";
import { openDelimited } from "./delimited.js";
import { type Format, formatOf } from "./format.js";
import { openJsonl } from "./jsonl.js";
import { openParquet } from "./parquet.js";
import type { Table } from "./table.js";

/** How tables of each format that holds tables are opened. */
const openers: Partial<Record<Format, (file: DataFile, dropped: readonly string[]) => Promise<Table>>> = {
  csv: (file) => openDelimited(file.path, ",", () => file.chunks()),
  tsv: (file) => openDelimited(file.path, "\t", () => file.chunks()),
  arff: (file) => openArff(file.path, () => file.chunks()),
  jsonl: (file, dropped) => openJsonl(file.path, () => file.chunks(), dropped),
  parquet: openParquet,
};

/**
 * @param dropped columns that are left out, which may then hold what a table cannot
 * @throws `INVALID_ARGUMENT` for a file of a format without tables, `CORRUPT_FILE` for a table without a header
 */
export async function openTable(file: DataFile, dropped: readonly string[] = []): Promise<Table> {
  const format = formatOf(file.path, file.head);
  const open = openers[format];
  if (open) return open(file, dropped);
  const wanted = `a table (${Object.keys(openers).join(", ").toUpperCase()})`;
  throw expected("INVALID_ARGUMENT", wanted, file.path, format.toUpperCase());
}
