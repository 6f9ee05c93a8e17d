import { expected } from "@lilaw/core";
import { type NdArray, reading } from "./files/arrays.js";
import { numberOf } from "./files/cells.js";
import { DataFile } from "./files/data-file.js";
import { Blocks } from "./files/elements.js";
import { formatOf } from "./files/format.js";
import { openIdx } from "./files/idx.js";
import { type FileLabels, readLabelFile } from "./files/label-file.js";
import { classesOf, listOf } from "./files/labels.js";
import { openNpy } from "./files/npy.js";
import { Npz } from "./files/npz.js";
import { openTable } from "./files/open-table.js";
import type { FileOptions } from "./types.js";

/** Paths of predicted probabilities and of the labels that the samples were given. */
export interface LabelledProbsFiles {
  /** An array [N, C] as NPY or NPZ, or a table (CSV, TSV, ARFF, JSONL, Parquet) with a column for each class. */
  readonly predProbs: string;
  /** NPY, IDX, a column of a table, or lines of text. It may be the table of the probabilities. */
  readonly labels: string;
}

/** Predicted probabilities with the given labels; all arrays are in the order of the rows. */
export interface LoadedLabelledProbs {
  readonly classes: number;
  /** [classes]. */
  readonly classNames: readonly string[];
  /** [N], class indices. */
  readonly labels: Int32Array;
  /** Row-major [N, classes], as the file has them. */
  readonly predProbs: Float64Array;
  /** [N], the line of each label in its text file, from 1; absent for arrays and Parquet. */
  readonly lines?: Int32Array;
}

/**
 * Reads predicted probabilities and given labels. Labels that are integers from 0 are the columns of the probabilities. Labels that
 * are texts are the names of these columns; where the columns have no such names, they are taken to be in sorted order, and must be as
 * many as there are different labels.
 *
 * @throws `SOURCE_UNAVAILABLE`, `CORRUPT_FILE`, `LENGTH_MISMATCH` (not a label for each row), `LABEL_OUT_OF_RANGE`, `NON_FINITE`,
 *   `INVALID_ARGUMENT` for another format or shape, `UNKNOWN_NAME` for an unknown label column; the signal's reason after an abort
 */
export async function loadLabelledProbs(
  files: LabelledProbsFiles,
  options: Pick<FileOptions, "labelColumn" | "maxBytes" | "signal"> = {},
): Promise<LoadedLabelledProbs> {
  const { labelColumn, ...reading } = options;
  const [probsFile, labelFile] = await Promise.all([
    DataFile.open(files.predProbs, reading),
    DataFile.open(files.labels, reading),
  ]);
  const given = await readLabelFile(labelFile, labelColumn);
  const matrix = await readMatrix(probsFile, files.labels === files.predProbs ? given.column : undefined);
  const { values: predProbs, columns } = matrix;
  const count = predProbs.length / columns.length;
  if (given.count !== count)
    throw expected(
      "LENGTH_MISMATCH",
      `${count} labels (one a row of ${files.predProbs})`,
      given.name,
      given.count,
    );
  const { classNames, labels } = classesAndLabels(given, matrix);
  const { lines } = given;
  return { classes: columns.length, classNames, labels, predProbs, ...(lines && { lines }) };
}

/** A matrix; its columns have names where it comes from a table. */
interface Matrix {
  readonly name: string;
  readonly columns: readonly string[];
  readonly isNamed: boolean;
  readonly values: Float64Array;
}

/** @param labelColumn of a table, which is not part of the matrix */
async function readMatrix(file: DataFile, labelColumn: string | undefined): Promise<Matrix> {
  const format = formatOf(file.path, file.head);
  if (format === "npy") return readArray(await openNpy(file));
  if (format === "idx") return readArray(openIdx(file));
  if (format !== "npz") return readTable(file, labelColumn);
  const npz = await Npz.open(file);
  try {
    return await readArray(await npz.array(probsNameOf(npz)));
  } finally {
    npz.close();
  }
}

const probsNames = ["pred_probs", "predProbs", "probabilities", "probs"];

function probsNameOf(npz: Npz): string {
  const found = npz.names.length === 1 ? npz.names : npz.names.filter((name) => probsNames.includes(name));
  if (found.length === 1) return found[0]!;
  const wanted = `one array of probabilities (${probsNames.join(", ")})`;
  throw expected("INVALID_ARGUMENT", wanted, npz.path, npz.names.join(", ") || "no arrays");
}

function readArray(array: NdArray): Promise<Matrix> {
  return reading(array, async ({ name, shape, type, body }) => {
    const [count, classes] = shape as [number, number];
    if (shape.length !== 2 || classes === 0)
      throw expected(
        "INVALID_ARGUMENT",
        "probabilities of shape [rows, classes]",
        name,
        `shape [${shape.join(", ")}]`,
      );
    const { numbers } = type;
    if (numbers === undefined) throw expected("CORRUPT_FILE", "numbers", name, "text");
    const values = allocate(name, count * classes);
    let at = 0;
    const blocks = new Blocks(type.size, (block) => {
      const found = numbers(block);
      if (at + found.length <= values.length) values.set(found, at);
      at += found.length;
    });
    for await (const chunk of body) blocks.add(chunk);
    if (blocks.end() !== 0 || at !== values.length)
      throw expected("CORRUPT_FILE", `${values.length} numbers`, name, at);
    return { name, columns: Array.from({ length: classes }, (_, k) => String(k)), isNamed: false, values };
  });
}

async function readTable(file: DataFile, labelColumn: string | undefined): Promise<Matrix> {
  const table = await openTable(file);
  const columns = table.columns.map(({ name }) => name).filter((name) => name !== labelColumn);
  const places = columns.map((name) => table.columns.findIndex((column) => column.name === name));
  let values = new Float64Array(1024);
  let length = 0;
  await table.read((cells, line) => {
    if (length + places.length > values.length) {
      const larger = allocate(file.path, 2 * values.length + places.length);
      larger.set(values);
      values = larger;
    }
    places.forEach((place, k) => {
      const value = numberOf(cells[place]!);
      if (Number.isNaN(value)) {
        const at = `${table.counts ?? "line"} ${line}, column ${columns[k]} of ${file.path}`;
        throw expected("NON_FINITE", "a probability", at, cells[place]);
      }
      values[length++] = value;
    });
  });
  return { name: file.path, columns, isNamed: true, values: values.slice(0, length) };
}

function classesAndLabels(given: FileLabels, matrix: Matrix) {
  const { name, columns, isNamed } = matrix;
  if ("indices" in given) return { classNames: columns, labels: given.indices };
  const { texts } = given;
  const { spellings } = texts;
  const isIndex = (label: string) => /^\d+$/.test(label) && Number(label) < columns.length;
  const named = isNamed && spellings.every((label) => columns.includes(label));
  const indices = !named && spellings.every(isIndex);
  if (!named && !indices && spellings.length !== columns.length) {
    const wanted = `labels that are named like the ${columns.length} columns of ${name} (${listOf(columns)})`;
    throw expected("LABEL_OUT_OF_RANGE", wanted, given.name, listOf(spellings.sort()));
  }
  if (indices) {
    const own = { names: columns, indexOf: Number };
    return { classNames: columns, labels: texts.indices(own, unknown) };
  }
  const classes = classesOf(given.name, spellings, named ? columns : undefined);
  return { classNames: classes.names, labels: texts.indices(classes, unknown) };
}

const unknown = (row: number, label: string) =>
  expected("LABEL_OUT_OF_RANGE", "a known label", `the label of row ${row}`, label);

function allocate(name: string, length: number): Float64Array<ArrayBuffer> {
  const free = process.availableMemory();
  try {
    if (8 * length <= free) return new Float64Array(length);
  } catch {
    // An array cannot have that many elements.
  }
  throw expected("OUT_OF_MEMORY", `memory for ${length} probabilities`, name, `${free} bytes`);
}
