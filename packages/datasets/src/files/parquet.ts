import { open } from "node:fs/promises";
import { expected } from "@lilaw/core";
import type { AsyncBuffer, Compressors, FileMetaData, SchemaTree } from "hyparquet";
import { type DataFile, parsing, unpacksTooFar } from "./data-file.js";
import { Fields } from "./fields.js";
import { collect } from "./inflate.js";
import { checkColumnChunk } from "./parquet-pages.js";
import type { Table } from "./table.js";

/** Rows that are made of columns at a time. */
const batchRows = 4096;

/** A Parquet file: its metadata has been checked, and the pages that are read. */
export interface ParquetFile {
  readonly buffer: AsyncBuffer;
  readonly metadata: FileMetaData;
  readonly compressors: Compressors;
  /** The columns whose values may be lists. */
  readonly lists: ReadonlySet<string>;
}

/**
 * Opens a Parquet file as a table. A row group is read at a time, and nulls are missing cells. Columns of lists become a
 * column for each number.
 *
 * @param dropped columns that are left out, whatever they hold
 * @throws `CORRUPT_FILE`, also for nested columns that are not left out; `INVALID_ARGUMENT` for a file that unpacks to more
 *   than `maxBytes`
 */
export async function openParquet(file: DataFile, dropped: readonly string[] = []): Promise<Table> {
  const fields = new Fields(dropped);
  const parquet = await openParquetFile(file, dropped);
  const { metadata } = parquet;
  const at = (row: number) => (column: string) => `row ${row}, column ${column} of ${file.path}`;
  const columns = columnsOf(metadata).filter((name) => !fields.isDropped(name));
  const lists = columns.filter((name) => parquet.lists.has(name));
  for (const name of columnsOf(metadata)) {
    if (parquet.lists.has(name)) fields.see(name, null, () => "");
    else fields.seeSingle(name);
  }
  // How long lists are is in the rows alone.
  if (lists.length > 0) {
    await visitRows(file, parquet, lists, (valueIn, row) => {
      for (const name of lists) fields.see(name, valueIn(name), () => at(row)(name));
    });
  }
  return {
    name: file.path,
    columns: fields.columns,
    missingMark: "null",
    counts: "rows",
    read: (visit) =>
      visitRows(file, parquet, columns, (valueIn, row) => visit(fields.cells(valueIn, at(row)), row)),
  };
}

/** Reads the metadata, and checks the pages of all columns but those that are left out. */
export function openParquetFile(file: DataFile, dropped: readonly string[] = []): Promise<ParquetFile> {
  return parsingFile(file, async () => {
    const { parquetMetadataAsync, parquetSchema } = await import("hyparquet");
    const { compressors } = await import("hyparquet-compressors");
    const buffer = file.isPacked ? await unpackedBuffer(file) : fileBuffer(file);
    const metadata = await parquetMetadataAsync(buffer);
    const schema = parquetSchema(metadata);
    checkSchema(file.path, schema, dropped);
    let left = file.maxBytes;
    for (const { columns, num_rows: rows } of metadata.row_groups) {
      for (const { meta_data: column } of columns) {
        if (column === undefined) throw new Error("a column without metadata");
        if (dropped.includes(column.path_in_schema[0]!)) continue;
        file.throwIfAborted();
        left -= await checkColumnChunk(buffer, column, schema, Number(rows), compressors, left, () => {
          throw unpacksTooFar(file.path, file.maxBytes);
        });
      }
    }
    const lists = schema.children.filter(isList).map(({ element }) => element.name);
    return { buffer, metadata, compressors, lists: new Set(lists) };
  });
}

/** The names of the columns that are neither values nor lists of numbers. */
export async function nestedColumns(file: DataFile): Promise<string[]> {
  return parsingFile(file, async () => {
    const { parquetMetadataAsync, parquetSchema } = await import("hyparquet");
    const buffer = file.isPacked ? await unpackedBuffer(file) : fileBuffer(file);
    const { children } = parquetSchema(await parquetMetadataAsync(buffer));
    return children.filter(isNested).map(({ element }) => element.name);
  });
}

/** The names of the columns at the top. */
export function columnsOf({ schema }: FileMetaData): string[] {
  const names: string[] = [];
  for (let at = 1; at < schema.length; at = afterColumn(schema, at)) names.push(schema[at]!.name);
  return names;
}

function afterColumn(schema: FileMetaData["schema"], at: number): number {
  let next = at + 1;
  for (let i = 0; i < (schema[at]?.num_children ?? 0) && next < schema.length; i++)
    next = afterColumn(schema, next);
  return next;
}

/** As {@link parsing}; after an abort the signal's reason is thrown. */
export async function parsingFile<T>(file: DataFile, parse: () => T | Promise<T>): Promise<T> {
  try {
    return await parsing(file.path, parse);
  } catch (error) {
    file.throwIfAborted();
    throw error;
  }
}

/** Calls `visit` for every row, in order, with a function that gives the value of a column. */
async function visitRows(
  file: DataFile,
  { buffer, metadata, compressors }: ParquetFile,
  columns: readonly string[],
  visit: (valueIn: (column: string) => unknown, row: number) => void,
): Promise<void> {
  const { parquetRead } = await import("hyparquet");
  let start = 0;
  for (const { num_rows } of metadata.row_groups) {
    const end = start + Number(num_rows);
    const values = new Map<string, ArrayLike<unknown>[]>();
    await parsingFile(file, () =>
      parquetRead({
        file: buffer,
        metadata,
        compressors,
        columns: [...columns],
        rowStart: start,
        rowEnd: end,
        onChunk({ columnName, columnData }) {
          const parts = values.get(columnName);
          if (parts) parts.push(columnData);
          else values.set(columnName, [columnData]);
        },
      }),
    );
    const readers = new Map(columns.map((name) => [name, new Reader(values.get(name) ?? [])]));
    for (let row = start; row < end; row++) {
      if ((row - start) % batchRows === 0) file.throwIfAborted();
      for (const reader of readers.values()) reader.next();
      visit((name) => {
        const value = readers.get(name)!.value;
        if (value !== undefined) return value;
        throw expected("CORRUPT_FILE", `${end - start} values of column ${name}`, file.path, row - start);
      }, row);
    }
    start = end;
  }
  await file.checkSame();
}

/** Goes through the values of a column, which come in parts. */
class Reader {
  value: unknown;
  readonly #parts: readonly ArrayLike<unknown>[];
  #part = 0;
  #at = 0;

  constructor(parts: readonly ArrayLike<unknown>[]) {
    this.#parts = parts;
  }

  next(): void {
    while (this.#part < this.#parts.length && this.#at === this.#parts[this.#part]!.length) {
      this.#part++;
      this.#at = 0;
    }
    this.value = this.#parts[this.#part]?.[this.#at++];
  }
}

/** @throws an ordinary error for columns of the same name, and for columns that are nested but are no lists */
function checkSchema(name: string, { children }: SchemaTree, dropped: readonly string[]): void {
  const seen = new Set<string>();
  for (const child of children) {
    const { element } = child;
    if (seen.has(element.name)) throw expected("CORRUPT_FILE", "distinct column names", name, element.name);
    seen.add(element.name);
    if (dropped.includes(element.name) || !isNested(child)) continue;
    const expectation =
      "columns of numbers, texts or lists of numbers (option dropColumns leaves a column out)";
    throw expected("CORRUPT_FILE", expectation, name, `the nested column ${element.name}`);
  }
}

/** Whether a column holds more than values and lists of them. */
function isNested({ element, children }: SchemaTree): boolean {
  if (children.length === 0) return false;
  return !(isList({ element, children }) && children.length === 1 && children[0]!.children.length <= 1);
}

function isList({ element, children }: Pick<SchemaTree, "element" | "children">): boolean {
  const types = [element.converted_type, element.logical_type?.type];
  // A JSON text may hold a list.
  if (children.length === 0) return element.repetition_type === "REPEATED" || types.includes("JSON");
  return types.includes("LIST");
}

function fileBuffer(file: DataFile): AsyncBuffer {
  return {
    byteLength: file.size,
    async slice(start, end = file.size) {
      if (!(start >= 0 && start <= end && end <= file.size)) throw new Error("a place beyond the end");
      await using handle = await open(file.path);
      const bytes = new Uint8Array(end - start);
      for (let at = 0; at < bytes.length; ) {
        const { bytesRead } = await handle.read(bytes, at, bytes.length - at, start + at);
        if (bytesRead === 0) throw new Error("a file that ends early");
        file.advance(bytesRead);
        at += bytesRead;
      }
      return bytes.buffer;
    },
  };
}

async function unpackedBuffer(file: DataFile): Promise<AsyncBuffer> {
  const { buffer } = await collect(file.chunks());
  return { byteLength: buffer.byteLength, slice: (start, end) => buffer.slice(start, end) as ArrayBuffer };
}
