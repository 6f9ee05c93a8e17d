import { expected } from "@lilaw/core";
import { parse } from "csv-parse/sync";
import type { Samples } from "../types.js";

/** A column; `kind` and `categories` are missing where the file does not declare them. */
export interface Column {
  name: string;
  kind?: "numeric" | "categorical";
  /** Declared categories of a categorical column, in declared order. */
  categories?: readonly string[];
}

/** A file of rows and columns, cells as text. */
export interface Table {
  /** Where it comes from, for messages. */
  name: string;
  columns: readonly Column[];
  rows: readonly (readonly string[])[];
}

/** How rows become samples: fitted on the training rows, applied to all. */
export interface Encoder {
  featureNames: readonly string[];
  classNames: readonly string[];
  encode(table: Table): Samples;
}

export interface EncoderOptions {
  /** Default: the column "label", else the last one. */
  labelColumn?: string;
  /** Shift and scale numeric columns to mean 0 and standard deviation 1 over the training rows. Default false. */
  standardize?: boolean;
}

interface Feature {
  name: string;
  /** One name for each value that a cell becomes. */
  names: readonly string[];
  write(cell: string, at: () => string, out: Float32Array, offset: number): void;
}

/**
 * Reads CSV or TSV text with a header row.
 *
 * @throws `CORRUPT_FILE` for rows of different length, a missing header row or a repeated column name
 */
export function parseDelimited(name: string, text: string, delimiter: "," | "\t"): Table {
  const [header, ...rows] = parse(text, { bom: true, delimiter, skip_empty_lines: true, trim: true });
  if (header === undefined || rows.length === 0) {
    throw expected(
      "CORRUPT_FILE",
      "a header row and data rows",
      name,
      `${header === undefined ? 0 : 1} rows`,
    );
  }
  if (header.every(isNumber))
    throw expected("CORRUPT_FILE", "a header row of names", name, header.join(delimiter));
  const repeated = header.find((column, i) => header.indexOf(column) !== i);
  if (repeated !== undefined) throw expected("CORRUPT_FILE", "distinct column names", name, repeated);
  return { name, columns: header.map((column) => ({ name: column })), rows };
}

/**
 * Learns from the training table how to encode: numeric columns are one value as they are (or standardized),
 * categorical ones one value a category, 1 for the row's own (declared order, else sorted). Columns keep their
 * order. A column without a declared kind is numeric when every training cell is a number. A category that
 * the training rows do not have becomes all zeros. Classes are the declared ones, else the sorted labels of the
 * training rows (as numbers when all are).
 *
 * @throws `UNKNOWN_NAME` for an unknown label column; `NON_FINITE` for an empty, NaN or infinite cell;
 *   `CORRUPT_FILE` for text in a numeric column; `LABEL_OUT_OF_RANGE` for a missing label or one that training does
 *   not have
 */
export function fitEncoder(train: Table, options: EncoderOptions = {}): Encoder {
  const labelName = labelColumnOf(train, options.labelColumn);
  const labelIndex = train.columns.findIndex(({ name }) => name === labelName);
  const classNames = classNamesOf(train, labelIndex);
  const classIndices = new Map(classNames.map((name, index) => [name, index]));
  const features = train.columns.flatMap((column, index) =>
    index === labelIndex ? [] : [fitFeature(train, column, index, options.standardize ?? false)],
  );
  if (features.length === 0)
    throw expected("CORRUPT_FILE", "a column besides the label", train.name, labelName);
  const featureNames = features.flatMap(({ names }) => names);
  return {
    featureNames,
    classNames,
    encode(table) {
      if (table.columns.length !== train.columns.length) {
        throw expected("CORRUPT_FILE", `the ${train.columns.length} columns of ${train.name}`, table.name, {
          columns: table.columns.length,
        });
      }
      const positions = features.map(({ name }) => columnIndex(table, name));
      const labelPosition = columnIndex(table, labelName);
      const values = new Float32Array(table.rows.length * featureNames.length);
      const labels = new Int32Array(table.rows.length);
      table.rows.forEach((cells, row) => {
        let offset = row * featureNames.length;
        features.forEach((feature, i) => {
          feature.write(cells[positions[i]!]!, () => place(table, row, feature.name), values, offset);
          offset += feature.names.length;
        });
        const label = cells[labelPosition]!;
        const index = classIndices.get(label);
        if (index === undefined) {
          const at = place(table, row, labelName);
          throw expected("LABEL_OUT_OF_RANGE", `one of ${classNames.join(", ")}`, at, label);
        }
        labels[row] = index;
      });
      return { features: values, labels, count: table.rows.length, shape: [featureNames.length] };
    },
  };
}

function labelColumnOf(table: Table, wanted: string | undefined): string {
  const names = table.columns.map(({ name }) => name);
  if (wanted !== undefined && !names.includes(wanted)) {
    throw expected("UNKNOWN_NAME", `one of ${names.join(", ")}`, `the label column of ${table.name}`, wanted);
  }
  return wanted ?? (names.includes("label") ? "label" : names.at(-1)!);
}

function classNamesOf(table: Table, index: number): readonly string[] {
  const column = table.columns[index]!;
  if (column.categories !== undefined) return column.categories;
  table.rows.forEach((cells, row) => {
    if (isMissing(cells[index]!)) {
      throw expected("LABEL_OUT_OF_RANGE", "a label", place(table, row, column.name), cells[index]);
    }
  });
  return categoriesOf(table, index);
}

function fitFeature(table: Table, column: Column, index: number, standardize: boolean): Feature {
  const isText = (cells: readonly string[]) => !isMissing(cells[index]!) && !isNumber(cells[index]!);
  const kind = column.kind ?? (table.rows.some(isText) ? "categorical" : "numeric");
  if (kind === "categorical") return oneHot(column.name, column.categories ?? categoriesOf(table, index));
  const cells = table.rows.map((row, i) => numberOf(row[index]!, () => place(table, i, column.name)));
  return numeric(column.name, standardize ? scaleOf(cells) : { mean: 0, deviation: 1 });
}

function numeric(name: string, { mean, deviation }: { mean: number; deviation: number }): Feature {
  return {
    name,
    names: [name],
    write(cell, at, out, offset) {
      out[offset] = (numberOf(cell, at) - mean) / deviation;
      if (!Number.isFinite(out[offset])) throw expected("NON_FINITE", "a finite float32 number", at(), cell);
    },
  };
}

function oneHot(name: string, categories: readonly string[]): Feature {
  const indices = new Map(categories.map((category, i) => [category, i]));
  return {
    name,
    names: categories.map((category) => `${name}=${category}`),
    write(cell, at, out, offset) {
      if (isMissing(cell)) throw expected("NON_FINITE", "a category", at(), cell);
      const index = indices.get(cell);
      if (index !== undefined) out[offset + index] = 1;
    },
  };
}

function scaleOf(values: readonly number[]): { mean: number; deviation: number } {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  // A constant column becomes 0, not NaN.
  return { mean, deviation: Math.sqrt(variance) || 1 };
}

function categoriesOf(table: Table, index: number): string[] {
  const categories = [...new Set(table.rows.map((cells) => cells[index]!))].filter(
    (cell) => !isMissing(cell),
  );
  return categories.every(isNumber) ? categories.sort((a, b) => Number(a) - Number(b)) : categories.sort();
}

function columnIndex(table: Table, name: string): number {
  const index = table.columns.findIndex((column) => column.name === name);
  if (index < 0) {
    throw expected(
      "CORRUPT_FILE",
      `the column ${name}`,
      table.name,
      table.columns.map((c) => c.name).join(", "),
    );
  }
  return index;
}

function numberOf(cell: string, at: () => string): number {
  if (isMissing(cell)) throw expected("NON_FINITE", "a finite number", at(), cell);
  if (!isNumber(cell)) throw expected("CORRUPT_FILE", "a number", at(), cell);
  return Number(cell);
}

function isMissing(cell: string): boolean {
  return cell === "" || /^[+-]?(nan|inf|infinity)$/i.test(cell);
}

/** Decimal numbers only: `Number` itself also takes "", "0x1f" and "Infinity". */
function isNumber(cell: string): boolean {
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(cell);
}

/** Rows count from 1, the header not among them. */
function place(table: Table, row: number, column: string): string {
  return `row ${row + 1}, column ${column} of ${table.name}`;
}
