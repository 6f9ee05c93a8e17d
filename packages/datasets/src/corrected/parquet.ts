import { type FileHandle, open } from "node:fs/promises";
import { expected } from "@lilaw/core";
import type { ParquetParsers } from "hyparquet";
import { DataFile } from "../files/data-file.js";
import { columnsOf, openParquetFile, type ParquetFile, parsingFile } from "../files/parquet.js";
import type { Changes } from "./changes.js";
import { whole } from "./output.js";

/** Values as they are stored: dates and times would lose what a Date cannot hold. */
const asStored: Partial<ParquetParsers> = {
  timestampFromMilliseconds: (value) => value,
  timestampFromMicroseconds: (value) => value,
  timestampFromNanoseconds: (value) => value,
  dateFromDays: (value) => value,
  uuidFromBytes: (value) => value,
};

type Column = ArrayLike<unknown>;

/**
 * Writes a Parquet file with other labels: the same schema and row groups, and the same values in all other columns, which
 * are compared after they were written.
 *
 * @throws `INVALID_ARGUMENT` for a column that cannot be written again as it is
 */
export async function writeCorrectedParquet(
  file: DataFile,
  output: string,
  label: string,
  changes: Changes,
): Promise<void> {
  const parquet = await openParquetFile(file);
  const names = columnsOf(parquet.metadata);
  await whole(output, async (part) => {
    await writeParquet(file, parquet, part, names, label, changes);
    const copy = await DataFile.open(part, {});
    await checkSame(file, parquet, await openParquetFile(copy), names, label, changes);
  });
}

async function writeParquet(
  file: DataFile,
  parquet: ParquetFile,
  path: string,
  names: readonly string[],
  label: string,
  changes: Changes,
): Promise<void> {
  const { ByteWriter, ParquetWriter } = await import("hyparquet-writer");
  const {
    schema,
    key_value_metadata: kvMetadata,
    created_by: createdBy,
    row_groups: groups,
  } = parquet.metadata;
  const codec = groups[0]?.columns[0]?.meta_data?.codec === "UNCOMPRESSED" ? "UNCOMPRESSED" : "SNAPPY";
  const bytes = new ByteWriter();
  const writer = new ParquetWriter({
    writer: bytes,
    schema,
    codec,
    ...(kvMetadata && { kvMetadata }),
    ...(createdBy !== undefined && { createdBy }),
  });
  await using handle: FileHandle = await open(path, "wx");
  let start = 0;
  for (const { num_rows } of groups) {
    const end = start + Number(num_rows);
    const columns = await readGroup(file, parquet, names, start, end);
    const kept = Array.from({ length: end - start }, (_, i) => i).filter(
      (i) => changes.get(start + i) !== null,
    );
    await parsingColumn(file, () =>
      writer.write({
        columnData: names.map((name) => ({
          name,
          data: kept.map((i) =>
            name === label && changes.has(start + i)
              ? storedLabel(changes.get(start + i)!, columns.get(name)![i])
              : columns.get(name)![i],
          ) as unknown[],
        })),
        rowGroupSize: Math.max(1, kept.length),
      }),
    );
    start = end;
  }
  writer.finish();
  await handle.writeFile(new Uint8Array(bytes.getBuffer()));
}

/** A label in the type of the one that it replaces. */
function storedLabel(label: string, old: unknown): unknown {
  if (typeof old === "number") return Number(label);
  if (typeof old === "bigint") return BigInt(label);
  if (typeof old === "boolean") return label === "true";
  return label;
}

async function readGroup(
  file: DataFile,
  { buffer, metadata, compressors }: ParquetFile,
  names: readonly string[],
  start: number,
  end: number,
): Promise<Map<string, Column>> {
  const { parquetRead } = await import("hyparquet");
  const parts = new Map<string, unknown[]>(names.map((name) => [name, []]));
  await parsingFile(file, () =>
    parquetRead({
      file: buffer,
      metadata,
      compressors,
      parsers: asStored,
      columns: [...names],
      rowStart: start,
      rowEnd: end,
      onChunk({ columnName, columnData }) {
        const values = parts.get(columnName)!;
        for (const value of columnData) values.push(value);
      },
    }),
  );
  return parts;
}

async function checkSame(
  file: DataFile,
  original: ParquetFile,
  copy: ParquetFile,
  names: readonly string[],
  label: string,
  changes: Changes,
): Promise<void> {
  let [start, copied] = [0, 0];
  for (const { num_rows } of original.metadata.row_groups) {
    const end = start + Number(num_rows);
    const kept = Array.from({ length: end - start }, (_, i) => start + i).filter(
      (row) => changes.get(row) !== null,
    );
    const [before, after] = [
      await readGroup(file, original, names, start, end),
      await readGroup(file, copy, names, copied, copied + kept.length),
    ];
    for (const name of names) {
      const isSame = kept.every(
        (row, i) =>
          (name === label && changes.has(row)) ||
          sameValue(before.get(name)![row - start], after.get(name)![i]),
      );
      if (!isSame) throw notWritable(file, `the column ${name}`);
    }
    [start, copied] = [end, copied + kept.length];
  }
}

function sameValue(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b) === 0;
  const [one, other] = [Object.entries(a), Object.entries(b)];
  return (
    one.length === other.length &&
    one.every(([key, value], i) => key === other[i]![0] && sameValue(value, other[i]![1]))
  );
}

async function parsingColumn<T>(file: DataFile, write: () => T | Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    throw notWritable(file, (error as Error).message);
  }
}

function notWritable(file: DataFile, received: string): Error {
  const expectation = "columns that can be written again as they are (a patch can be written of all)";
  return expected("INVALID_ARGUMENT", expectation, file.path, received);
}
