import { expected } from "@lilaw/core";
import type { ColumnEncoding, TableEncoding } from "../encoding.js";
import type { FileOptions, Inputs, Reading } from "../types.js";
import { allocateFeatures } from "./allocate.js";
import { describeCell, isInfinite, isMissing, numberOf } from "./cells.js";
import { IdentifierWatch } from "./identifiers.js";
import { type Classes, classesOf, copyOf, IntList, LabelList, listOf } from "./labels.js";
import { Moments } from "./moments.js";

/** A column; `kind` and `categories` are missing where the file does not declare them. */
export interface Column {
  name: string;
  kind?: "numeric" | "categorical";
  /** Declared categories of a categorical column, in declared order. */
  categories?: readonly string[];
}

/** `line` counts from 1, as editors do, or is the row, from 0, where the table counts rows. The cells are only valid during the call. */
export type VisitRow = (cells: readonly string[], line: number) => void;

/** A file of rows and columns, cells as text without blanks around them. */
export interface Table {
  /** Its source, for error messages. */
  name: string;
  columns: readonly Column[];
  /** The text that the file writes for a cell without a value; rows have an empty text for it. */
  missingMark?: string;
  /** Set where rows are counted from 0 instead of lines from 1. */
  counts?: "rows";
  /** Visits every row in order; it can be called several times. */
  read(visit: VisitRow): Promise<void>;
}

export type TableOptions = Pick<
  FileOptions,
  "labelColumn" | "dropColumns" | "keepColumns" | "missing" | "standardize"
>;

/** The rows of a table that are used as samples, and their classes. */
export interface UsableRows {
  /** Rows in the file, including those that are left out. */
  read: number;
  /** `[usable]` classes. */
  labels: Int32Array;
  /** `[usable]` positions in the file, ascending; absent where every row is usable. */
  rows?: Int32Array;
}

/** Rows that are to become samples, as {@link UsableRows} has them. */
export type ChosenRows = { count: number } & Pick<UsableRows, "rows">;

/** A column as {@link RowWriter} uses it. */
interface Feature {
  name: string;
  /** Number of values that a cell becomes. */
  width: number;
  /** Position of each category; undefined for numbers. */
  categories: ReadonlyMap<string, number> | undefined;
  /** Position of the category for missing cells, where there is one. */
  missingCategory: number | undefined;
  shift: number;
  scale: number;
  fill: number;
}

function featureOf(column: ColumnEncoding): Feature {
  if (column.kind === "numeric")
    return { ...column, width: 1, categories: undefined, missingCategory: undefined };
  const { name, categories, hasMissing } = column;
  return {
    name,
    width: categories.length + (hasMissing ? 1 : 0),
    categories: new Map(categories.map((category, place) => [category, place])),
    missingCategory: hasMissing ? categories.length : undefined,
    shift: 0,
    scale: 1,
    fill: 0,
  };
}

/** A column with more categories is taken for an identifier, however many rows there are. */
const maxCategories = 65_536;

/** Columns with at most so many categories are never taken for identifiers. */
const fewCategories = 20;

/** Names of columns that are probably the labels; only `label` is used without being named by an option. */
const labelNames = new Set(["label", "labels", "class", "target"]);

/**
 * Learns the encoding from the rows of the training table, which are added one by one. A numeric column becomes one
 * value, as it is or standardized; a categorical column becomes one value for each category (in declared order, else
 * sorted), 1 for the category of the row and 0 for the others.
 * Columns keep their order. A column without a declared kind is numeric when every cell is a number or missing. A
 * category that the training rows do not have becomes all zeros.
 */
export class TableFit {
  readonly #table: Omit<Table, "read">;
  readonly #options: TableOptions;
  readonly #label: { index: number; name: string; reason: string; isGuess: boolean };
  readonly #columns: ColumnFit[];
  readonly #labels: LabelList;
  readonly #dropped = new IntList();
  #read = 0;

  /** @throws `UNKNOWN_NAME` for an unknown column, `INVALID_ARGUMENT` where the label column is in doubt */
  constructor(table: Omit<Table, "read">, options: TableOptions = {}) {
    this.#table = table;
    this.#options = options;
    this.#label = labelColumnOf(table, options.labelColumn);
    this.#labels = new LabelList(" (option labelColumn names another column)", table.missingMark);
    const dropped = namedColumns(table, options, "dropColumns", this.#label.name);
    const kept = namedColumns(table, options, "keepColumns", this.#label.name);
    this.#columns = table.columns.flatMap((column, index) =>
      index === this.#label.index || dropped.has(column.name)
        ? []
        : [new ColumnFit(table, column, index, kept.has(column.name))],
    );
    if (this.#columns.length === 0) {
      throw expected("CORRUPT_FILE", "a column besides the label", table.name, this.#label.name);
    }
    const unnamed = this.#columns.find(({ column }) => column.name === "");
    if (unnamed) {
      const help = `column ${unnamed.index + 1} of ${table.name} (option dropColumns leaves it out)`;
      throw expected("CORRUPT_FILE", "a name", help, "");
    }
  }

  /**
   * @throws `NON_FINITE` for a missing cell, unless `missing` allows it; `LABEL_OUT_OF_RANGE` for a missing label;
   *   `INVALID_ARGUMENT` for a column of identifiers
   */
  add(cells: readonly string[], line: number): void {
    const { missing = "error" } = this.#options;
    const row = this.#read++;
    if (missing === "drop" && this.#hasMissing(cells)) {
      this.#dropped.push(row);
      return;
    }
    const { index, name } = this.#label;
    this.#labels.add(cells[index]!, () => placeOf(this.#table, line, name));
    for (const column of this.#columns) column.add(cells[column.index]!, line, missing);
  }

  /**
   * Whether all rows have to be passed to {@link addMixed} too: a column had numbers before its first text, and
   * numbers are not kept, since most numeric columns have nearly as many as there are rows.
   */
  get hasMixed(): boolean {
    return this.#columns.some((column) => column.isMixed);
  }

  addMixed(cells: readonly string[]): void {
    if (this.#options.missing === "drop" && this.#hasMissing(cells)) return;
    for (const column of this.#columns) if (column.isMixed) column.addCategory(cells[column.index]!);
  }

  /**
   * @throws `CORRUPT_FILE` for a table without rows, `INVALID_ARGUMENT` for text columns with too many categories,
   *   and for class names that are nearly equal
   */
  finish(): {
    encoder: TableEncoder;
    usable: UsableRows;
    reading: Pick<Reading, "label" | "features" | "dropped">;
  } {
    const { name } = this.#table;
    const usable = this.#read - this.#dropped.length;
    if (this.#read === 0) throw expected("CORRUPT_FILE", "a header row and data rows", name, "no data rows");
    if (usable === 0) throw expected("INVALID_ARGUMENT", "a row without missing cells", name, "none");
    const { index, reason } = this.#label;
    const classes = this.#classes(usable);
    const columns = this.#columns.map((column) => column.finish(usable, this.#options.standardize ?? false));
    // Checked last, since it is the least certain of all errors of a column.
    for (const column of this.#columns) column.checkNoIdentifier();
    const label = this.#table.columns[index]!.name;
    const { missing = "error", dropColumns: dropped = [] } = this.#options;
    const features = this.#columns.map(({ column, missing }, i) => ({
      name: column.name,
      kind: columns[i]!.kind,
      values: featureOf(columns[i]!).width,
      missing,
    }));
    return {
      encoder: new TableEncoder({ kind: "table", label, dropped, missing, columns }, name, classes),
      reading: { label: { name: label, reason }, features, dropped },
      usable: usableRows(this.#read, this.#dropped, this.#labels.indices(classes, this.#undeclared)),
    };
  }

  #hasMissing(cells: readonly string[]): boolean {
    return this.#columns.some(({ column, index }) => isMissingIn(column, cells[index]!));
  }

  readonly #undeclared = (row: number, label: string): Error =>
    expected("LABEL_OUT_OF_RANGE", "a declared class", `usable row ${row} of ${this.#table.name}`, label);

  #classes(usable: number): Classes {
    const { index, name, isGuess } = this.#label;
    const column = `column ${name} of ${this.#table.name}`;
    const labels = this.#labels.spellings;
    const declared = this.#table.columns[index]!.categories;
    if (isGuess && declared === undefined) {
      if (labels.includes(name)) {
        const wanted = "a header row of names (or the option labelColumn, where the first line is one)";
        throw expected("CORRUPT_FILE", wanted, this.#table.name, `the label ${name}`);
      }
      const help = `${column}, the last one (option labelColumn names another)`;
      const fraction = labels.every((label) => !Number.isNaN(numberOf(label)))
        ? labels.find((label) => !Number.isInteger(Number(label)))
        : undefined;
      if (fraction !== undefined) throw expected("INVALID_ARGUMENT", "labels", help, fraction);
      const limit = categoryLimit(usable);
      if (labels.length > limit)
        throw expected("INVALID_ARGUMENT", `labels of at most ${limit} classes`, help, labels.length);
    }
    // A declared class without samples cannot be learned; most often its samples are not in this file at all.
    const present = new Set(labels);
    return classesOf(
      column,
      labels,
      declared?.filter((label) => present.has(label)),
    );
  }
}

/** Turns the rows of tables into numbers, as {@link TableFit} learned it. */
export class TableEncoder {
  readonly encoding: TableEncoding;
  readonly featureNames: readonly string[];
  readonly width: number;
  readonly #trainName: string;
  readonly #classes: Classes | undefined;
  readonly #features: readonly Feature[];

  /**
   * @param trainName name of the training table, for errors
   * @param classes absent where no labels are read
   */
  constructor(encoding: TableEncoding, trainName: string, classes?: Classes) {
    this.encoding = encoding;
    this.#trainName = trainName;
    this.#classes = classes;
    this.#features = encoding.columns.map(featureOf);
    this.featureNames = this.#features.flatMap(namesOf);
    this.width = this.featureNames.length;
  }

  get classNames(): readonly string[] {
    return this.#classes?.names ?? [];
  }

  /**
   * The usable rows of another split: all, or those without missing cells.
   *
   * @throws `CORRUPT_FILE` for other columns or no rows, `LABEL_OUT_OF_RANGE` for a label that training does not have
   */
  async usableRows(table: Table): Promise<UsableRows> {
    const { label: name } = this.encoding;
    const label = columnIn(table, indicesByName(table), name);
    const labels = new IntList();
    const { read, dropped } = await this.#readUsable(table, (cells, line) => {
      const index = this.#classes?.indexOf(cells[label]!);
      if (index === undefined) {
        const received = cells[label] || (table.missingMark ?? "");
        const at = placeOf(table, line, name);
        throw expected("LABEL_OUT_OF_RANGE", `one of ${listOf(this.classNames)}`, at, received);
      }
      labels.push(index);
    });
    return usableRows(read, dropped, labels.toArray());
  }

  /**
   * The same of a table that needs no label column; the one it has is not looked at.
   *
   * @throws `CORRUPT_FILE` for other columns or no rows
   */
  async unlabelledRows(table: Table): Promise<ChosenRows & { read: number }> {
    const { read, dropped } = await this.#readUsable(table, () => {});
    const count = read - dropped.length;
    return { read, count, ...rowsWithout(dropped, count) };
  }

  /** Starts samples of the given rows. After that every row of the table has to be added. */
  samples(table: Omit<Table, "read">, chosen: ChosenRows, unknown: UnknownCategory = "zeros"): RowWriter {
    const { missing } = this.encoding;
    return new RowWriter(table, this.#features, this.#positions(table), this.width, chosen, missing, unknown);
  }

  async #readUsable(table: Table, visit: VisitRow): Promise<{ read: number; dropped: IntList }> {
    const positions = this.#positions(table);
    const dropped = new IntList();
    const drops = this.encoding.missing === "drop";
    let read = 0;
    await table.read((cells, line) => {
      const row = read++;
      if (drops && positions.some((index) => isMissingIn(table.columns[index]!, cells[index]!)))
        dropped.push(row);
      else visit(cells, line);
    });
    if (read === 0) throw expected("CORRUPT_FILE", "a header row and data rows", table.name, "no data rows");
    return { read, dropped };
  }

  /** The position of each feature column in this table. */
  #positions(table: Omit<Table, "read">): readonly number[] {
    const { label, dropped } = this.encoding;
    const indices = indicesByName(table);
    const positions = this.#features.map(({ name }) => columnIn(table, indices, name));
    const used = new Set([label, ...dropped, ...this.#features.map(({ name }) => name)]);
    const more = table.columns.find(({ name }) => !used.has(name));
    if (more === undefined) return positions;
    throw expected(
      "CORRUPT_FILE",
      `the columns of ${this.#trainName}`,
      table.name,
      `a column ${more.name} too`,
    );
  }
}

type ColumnIndices = ReadonlyMap<string, number>;

function indicesByName({ columns }: Omit<Table, "read">): ColumnIndices {
  return new Map(columns.map(({ name }, index) => [name, index]));
}

/** @throws `CORRUPT_FILE` for a column that the table does not have */
function columnIn(table: Omit<Table, "read">, indices: ColumnIndices, name: string): number {
  const index = indices.get(name);
  if (index !== undefined) return index;
  throw expected("CORRUPT_FILE", `the column ${name}`, table.name, listOf([...indices.keys()]));
}

/** The values of a category that training does not have: all zeros, or an error. */
export type UnknownCategory = "zeros" | "error";

/** Writes rows, given in their order, into samples. */
export class RowWriter {
  readonly #inputs: Inputs;
  /** Number of rows where a missing cell got a value. */
  filled = 0;
  readonly #table: Omit<Table, "read">;
  readonly #features: readonly Feature[];
  readonly #positions: readonly number[];
  readonly #width: number;
  readonly #fills: boolean;
  readonly #refuses: boolean;
  readonly #rows: Int32Array | undefined;
  readonly #lines: Int32Array;
  #read = 0;
  #written = 0;

  constructor(
    table: Omit<Table, "read">,
    features: readonly Feature[],
    positions: readonly number[],
    width: number,
    { count, rows }: ChosenRows,
    missing: TableEncoding["missing"],
    unknown: UnknownCategory,
  ) {
    this.#table = table;
    this.#features = features;
    this.#positions = positions;
    this.#width = width;
    this.#fills = missing === "mean";
    this.#refuses = unknown === "error";
    this.#rows = rows;
    this.#lines = new Int32Array(count);
    this.#inputs = {
      features: allocateFeatures(table.name, count, width),
      count,
      shape: [width],
      ...(rows && { rows }),
      ...(table.counts !== "rows" && { lines: this.#lines }),
    };
  }

  /**
   * @throws `NON_FINITE` for a missing cell that is not filled, or a number beyond float32; `CORRUPT_FILE` for text in
   *   a numeric column; `UNKNOWN_NAME` for a category that training does not have, where it is an error
   */
  add(cells: readonly string[], line: number): void {
    const row = this.#read++;
    if (this.#written === this.#inputs.count || (this.#rows && this.#rows[this.#written] !== row)) return;
    const out = this.#inputs.features;
    let offset = this.#written * this.#width;
    let fills = false;
    for (let i = 0; i < this.#features.length; i++) {
      const feature = this.#features[i]!;
      const cell = cells[this.#positions[i]!]!;
      if (feature.categories === undefined) {
        out[offset] = (numberOf(cell) - feature.shift) / feature.scale;
        if (!Number.isFinite(out[offset]!)) {
          this.#checkFilled(feature, cell, line);
          out[offset] = feature.fill;
          fills = true;
        }
      } else {
        const place = feature.categories.get(cell);
        if (place !== undefined) out[offset + place] = 1;
        else if (isMissingIn(this.#table.columns[this.#positions[i]!]!, cell)) {
          this.#checkFilled(feature, cell, line);
          if (feature.missingCategory !== undefined) out[offset + feature.missingCategory] = 1;
          fills = true;
        } else if (this.#refuses) {
          const at = placeOf(this.#table, line, feature.name);
          throw expected("UNKNOWN_NAME", `one of ${listOf([...feature.categories.keys()])}`, at, cell);
        }
      }
      offset += feature.width;
    }
    if (fills) this.filled++;
    this.#lines[this.#written++] = line;
  }

  /** @throws `CORRUPT_FILE` where the rows differ from those of the pass before, because the file has changed */
  finish(): Inputs {
    if (this.#written !== this.#inputs.count) {
      const expectation = `${this.#inputs.count} rows, as in the pass before`;
      throw expected("CORRUPT_FILE", expectation, this.#table.name, this.#written);
    }
    return this.#inputs;
  }

  /** Throws for a cell without a value, unless missing cells are filled. */
  #checkFilled({ name }: Feature, cell: string, line: number): void {
    const at = placeOf(this.#table, line, name);
    if (!isMissing(cell)) throw noNumber(at, cell);
    if (!this.#fills) throw missingCell(at, cell, this.#table);
  }
}

/** The facts that the training rows give about one column. */
class ColumnFit {
  readonly column: Column;
  readonly index: number;
  /** Number of cells that hold no value. */
  missing = 0;
  readonly #table: Omit<Table, "read">;
  readonly #categories = new Set<string>();
  /** The first cell that is no number. */
  #text: { cell: string; line: number } | undefined;
  #startsWithNumbers = false;
  readonly #numbers = new Moments();
  readonly #identifier: IdentifierWatch | undefined;

  constructor(table: Omit<Table, "read">, column: Column, index: number, isKept: boolean) {
    this.#table = table;
    this.column = column;
    this.index = index;
    this.#identifier = isKept ? undefined : new IdentifierWatch(column.name);
  }

  add(cell: string, line: number, missing: TableOptions["missing"]): void {
    const { kind, categories } = this.column;
    const number = kind === "categorical" ? Number.NaN : numberOf(cell);
    if (!Number.isNaN(number)) {
      this.#numbers.add(number);
      this.#identifier?.add(number);
      if (this.#text) this.addCategory(cell);
    } else if (isMissingIn(this.column, cell)) {
      if (missing !== "mean") throw missingCell(this.#at(line), cell, this.#table);
      this.missing++;
    } else {
      if (kind === "numeric" || (kind === undefined && isInfinite(cell)))
        throw noNumber(this.#at(line), cell);
      if (this.#text === undefined) this.#startsWithNumbers = this.#numbers.count > 0;
      this.#text ??= { cell: copyOf(cell), line };
      if (categories === undefined) this.addCategory(cell);
    }
  }

  /** Whether numbers before the first text are still to be added to the categories. */
  get isMixed(): boolean {
    return this.#text !== undefined && this.#startsWithNumbers;
  }

  addCategory(cell: string): void {
    if (this.#categories.has(cell) || isMissingIn(this.column, cell)) return;
    if (this.#categories.size === maxCategories) throw this.#notCategories(maxCategories, "more");
    this.#categories.add(copyOf(cell));
  }

  finish(rows: number, standardize: boolean): ColumnEncoding {
    const { name, kind } = this.column;
    if (kind === "categorical" || this.#text) {
      const categories = this.#sortedCategories(rows);
      return { name, kind: "categorical", categories, hasMissing: this.missing > 0 };
    }
    if (this.#numbers.count === 0) {
      const help = `column ${name} of ${this.#table.name} (option dropColumns leaves it out)`;
      throw expected("INVALID_ARGUMENT", "a value", help, "none");
    }
    const { mean, deviation } = this.#numbers;
    const numeric = { name, kind: "numeric" as const };
    if (!standardize) return { ...numeric, shift: 0, scale: 1, fill: mean };
    // A constant column becomes 0, not NaN.
    return { ...numeric, shift: mean, scale: deviation || 1, fill: 0 };
  }

  /** @throws `INVALID_ARGUMENT` for a numeric column that seems to identify the rows, unless it is to be kept */
  checkNoIdentifier(): void {
    const identifier = this.#text ? undefined : this.#identifier?.finish();
    if (identifier === undefined) return;
    const ways = "option dropColumns leaves it out, option keepColumns keeps it";
    const name = `column ${this.column.name} of ${this.#table.name} (${ways})`;
    throw expected("INVALID_ARGUMENT", "values that are measured", name, identifier);
  }

  #sortedCategories(rows: number): readonly string[] {
    if (this.column.categories) return this.column.categories;
    const limit = categoryLimit(rows);
    const categories = [...this.#categories];
    if (this.column.kind === undefined && categories.length > limit)
      throw this.#notCategories(limit, categories.length);
    return categories.every((category) => !Number.isNaN(numberOf(category)))
      ? categories.sort((a, b) => Number(a) - Number(b))
      : categories.sort();
  }

  #notCategories(limit: number, received: number | string): Error {
    const { cell, line } = this.#text!;
    const example = `${JSON.stringify(cell.slice(0, 60))} in ${lineOf(this.#table, line)} is ${describeCell(cell)}`;
    const help = `column ${this.column.name} of ${this.#table.name} (${example}; option dropColumns leaves the column out)`;
    return expected("INVALID_ARGUMENT", `numbers, or at most ${limit} categories,`, help, received);
  }

  #at(line: number): string {
    return placeOf(this.#table, line, this.column.name);
  }
}

export function labelColumnOf(table: Omit<Table, "read">, wanted: string | undefined) {
  const names = table.columns.map(({ name }) => name);
  const found = (name: string, reason: string, isGuess = false) => ({
    index: names.indexOf(name),
    name,
    reason,
    isGuess,
  });
  if (wanted !== undefined) {
    checkColumn(table, wanted, "the label column");
    return found(wanted, "named by labelColumn");
  }
  if (names.includes("label")) return found("label", "the column is called label");
  const last = names.at(-1)!;
  const isLabelName = (name: string) => labelNames.has(name.toLowerCase());
  const other = names.find(isLabelName);
  if (other !== undefined && !isLabelName(last)) {
    const expectation = `the name of the label column (option labelColumn: ${other}, or ${last}, the last one)`;
    throw expected("INVALID_ARGUMENT", expectation, table.name, "none");
  }
  return found(last, "the last column", !isLabelName(last));
}

/** The feature columns that an option names. */
function namedColumns(
  table: Omit<Table, "read">,
  options: TableOptions,
  option: "dropColumns" | "keepColumns",
  label: string,
): ReadonlySet<string> {
  const columns = options[option] ?? [];
  for (const name of columns) {
    checkColumn(table, name, `a column of the option ${option}`);
    if (name === label) throw expected("INVALID_ARGUMENT", "a feature column", `the option ${option}`, name);
  }
  return new Set(columns);
}

function checkColumn(table: Omit<Table, "read">, name: string, role: string): void {
  if (table.columns.some((column) => column.name === name)) return;
  const names = listOf(table.columns.map((column) => column.name));
  throw expected("UNKNOWN_NAME", `one of ${names}`, `${role} in ${table.name}`, name);
}

function usableRows(read: number, dropped: IntList, labels: Int32Array): UsableRows {
  return { read, labels, ...rowsWithout(dropped, labels.length) };
}

/** The rows that are left, `count` in number; none where no row is left out. */
function rowsWithout(dropped: IntList, count: number): Pick<UsableRows, "rows"> {
  if (dropped.length === 0) return {};
  const rows = new Int32Array(count);
  const leftOut = dropped.toArray();
  for (let row = 0, next = 0; row < count + leftOut.length; row++) {
    if (leftOut[next] === row) next++;
    else rows[row - next] = row;
  }
  return { rows };
}

/** One name for each value that a cell becomes. */
function namesOf({ name, categories, missingCategory }: Feature): string[] {
  if (categories === undefined) return [name];
  const names = [...categories.keys()].map((category) => `${name}=${category}`);
  return missingCategory === undefined ? names : [...names, `${name}=(missing)`];
}

function categoryLimit(rows: number): number {
  return Math.max(fewCategories, Math.floor(rows / 10));
}

/** Where a column is declared as categorical, words such as NA may be categories. */
function isMissingIn({ kind }: Column, cell: string): boolean {
  return kind === "categorical" ? cell === "" : isMissing(cell);
}

function missingCell(at: string, cell: string, { missingMark }: Omit<Table, "read">): Error {
  const expectation = "a value (option missing leaves rows out or fills them)";
  return expected("NON_FINITE", expectation, at, cell || (missingMark ?? cell));
}

function noNumber(at: string, cell: string): Error {
  return isInfinite(cell) || !Number.isNaN(numberOf(cell))
    ? expected("NON_FINITE", "a finite float32 number", at, cell)
    : expected("CORRUPT_FILE", "a number", at, cell);
}

function placeOf(table: Omit<Table, "read">, line: number, column: string): string {
  return `${lineOf(table, line)}, column ${column} of ${table.name}`;
}

function lineOf({ counts }: Omit<Table, "read">, line: number): string {
  return `${counts === "rows" ? "row" : "line"} ${line}`;
}
