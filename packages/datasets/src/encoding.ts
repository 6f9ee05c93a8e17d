/** How the numbers of a sample follow from its source, so that new samples become the same numbers. All of it is JSON. */
import { expected } from "@lilaw/core";

export type Encoding = TableEncoding | ArrayEncoding | ImageEncoding;

/** A row of a table: the values of its columns, one after the other. */
export interface TableEncoding {
  kind: "table";
  /** Name of the label column, which new samples need not have. */
  label: string;
  /** Columns left out, which new samples need not have. */
  dropped: readonly string[];
  /** For missing cells: an error, the row is left out, or `fill` and the category for missing cells are taken. */
  missing: "error" | "drop" | "mean";
  /** In the order of the values. */
  columns: readonly ColumnEncoding[];
}

export type ColumnEncoding =
  /** One value: `(number - shift) / scale`, or `fill` for a missing cell. */
  | { name: string; kind: "numeric"; shift: number; scale: number; fill: number }
  /** One value for each category, and a last one for missing cells where `hasMissing`: 1 for that of the cell, else 0. */
  | { name: string; kind: "categorical"; categories: readonly string[]; hasMissing: boolean };

/** An element of an array along its first axis. */
export interface ArrayEncoding {
  kind: "array";
  /** Shape of a sample; images have their channels last. */
  shape: readonly number[];
  /** Where images have their channels in the file; absent for samples of one axis. */
  layout?: "channels-last" | "channels-first" | "no channels";
  /** Each number of the file is divided by this: 255 for images of bytes, else 1. */
  divisor: number;
}

/** An image file. */
export interface ImageEncoding {
  kind: "images";
  /** `[height, width, channels]`; channels are 1 where all images in training were grey, else 3. */
  shape: readonly number[];
  /** Whether images of other sizes are resized; otherwise they are refused. */
  resizes: boolean;
}

/**
 * Checks an encoding that was read from a file.
 *
 * @param name of its source, for errors
 * @throws `CORRUPT_FILE` for anything but an encoding
 */
export function checkEncoding(value: unknown, name: string): Encoding {
  const { kind, columns, shape } = Object(value) as Partial<TableEncoding> & Partial<ArrayEncoding>;
  const isTable = kind === ("table" as string) && Array.isArray(columns) && columns.every(isColumn);
  const hasShape = Array.isArray(shape) && shape.every(Number.isSafeInteger);
  const isArray =
    hasShape && (kind === ("array" as string) || (kind === ("images" as string) && shape.length === 3));
  if (isTable || isArray) return value as Encoding;
  throw expected("CORRUPT_FILE", "an encoding of tables, arrays or images", name, kind);
}

function isColumn(column: ColumnEncoding): boolean {
  if (typeof column?.name !== "string") return false;
  if (column.kind === "categorical") return Array.isArray(column.categories);
  return [column.shift, column.scale, column.fill].every(Number.isFinite);
}
