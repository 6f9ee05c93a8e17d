import { DataFile } from "./files/data-file.js";
import { openTable } from "./files/open-table.js";
import type { FileOptions } from "./types.js";

/** Rows of a table as they are written, for people to look at. */
export interface TableRows {
  /** Names of all columns, in the order of the file. */
  readonly columns: readonly string[];
  /** The cells of each row that was asked for, without blanks around them; empty where there is no value. */
  readonly cells: ReadonlyMap<number, readonly string[]>;
}

/**
 * Reads rows of a table that `loadFiles` reads: CSV, TSV, ARFF, JSONL or Parquet.
 *
 * @param rows from 0, as in `rows` of samples
 * @param options columns of `dropColumns` may hold what a table cannot, and their cells are empty in JSONL and Parquet
 * @throws `SOURCE_UNAVAILABLE`, `CORRUPT_FILE`, `INVALID_ARGUMENT` for a file that holds no table; the signal's reason
 */
export async function readRows(
  path: string,
  rows: ReadonlySet<number>,
  options: Pick<FileOptions, "dropColumns" | "maxBytes" | "signal" | "onProgress"> = {},
): Promise<TableRows> {
  const { dropColumns, ...reading } = options;
  const table = await openTable(await DataFile.open(path, reading), dropColumns);
  const found = new Map<number, string[]>();
  let row = 0;
  await table.read((cells) => {
    if (rows.has(row)) found.set(row, [...cells]);
    row++;
  });
  return { columns: table.columns.map(({ name }) => name), cells: found };
}
