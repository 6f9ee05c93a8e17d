import { expected } from "@lilaw/core";
import { parquetReadObjects } from "hyparquet";
import { parquetWriteBuffer } from "hyparquet-writer";

export type ColumnType = "STRING" | "INT32" | "FLOAT" | "DOUBLE";

export interface Column {
  readonly name: string;
  readonly type: ColumnType;
  /** Null where there is no value. */
  readonly values: readonly (string | number | null)[];
}

/** Columns of one length as a Parquet file. The same values give the same bytes. */
export function parquetOf(columns: readonly Column[]): Uint8Array {
  const columnData = columns.map(({ name, type, values }) => ({ name, type, data: [...values] }));
  return new Uint8Array(parquetWriteBuffer({ columnData, createdBy: "lilaw" }));
}

/**
 * The rows of a Parquet file.
 *
 * @param name of the file, for errors
 * @throws CORRUPT_FILE
 */
export async function readParquet<Row>(bytes: Uint8Array, name: string): Promise<Row[]> {
  const file = bytes.slice().buffer;
  try {
    return (await parquetReadObjects({ file })) as Row[];
  } catch (error) {
    throw expected("CORRUPT_FILE", "a Parquet file", name, (error as Error).message);
  }
}
