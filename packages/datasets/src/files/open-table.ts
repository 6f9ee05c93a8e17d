import { expected } from "@lilaw/core";
import { openArff } from "./arff.js";
import type { DataFile } from "./data-file.js";
import { openDelimited } from "./delimited.js";
import { type Format, formatOf } from "./format.js";
import type { Chunks } from "./inflate.js";
import type { Table } from "./table.js";

/** How tables of each format that holds tables are opened. */
const openers: Partial<Record<Format, (name: string, chunks: () => Chunks) => Promise<Table>>> = {
  csv: (name, chunks) => openDelimited(name, ",", chunks),
  tsv: (name, chunks) => openDelimited(name, "\t", chunks),
  arff: openArff,
};

/** @throws `INVALID_ARGUMENT` for a file of a format without tables, `CORRUPT_FILE` for a table without a header */
export async function openTable(file: DataFile): Promise<Table> {
  const format = formatOf(file.path, file.head);
  const open = openers[format];
  if (open) return open(file.path, () => file.chunks());
  const wanted = `a table (${Object.keys(openers).join(", ").toUpperCase()})`;
  throw expected("INVALID_ARGUMENT", wanted, file.path, format.toUpperCase());
}
