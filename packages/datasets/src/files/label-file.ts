import { extname } from "node:path";
import { expected } from "@lilaw/core";
import { type ArrayLabels, type NdArray, readLabels } from "./arrays.js";
import type { DataFile } from "./data-file.js";
import { formatOf } from "./format.js";
import { openIdx } from "./idx.js";
import { IntList, LabelList } from "./labels.js";
import { lineBatches } from "./lines.js";
import { openNpy } from "./npy.js";
import { openTable } from "./open-table.js";
import { labelColumnOf } from "./table.js";

/** Labels of a file of their own. */
export type FileLabels = ArrayLabels & {
  /** Name of their column, where the file is a table. */
  readonly column?: string;
  /** [count], line of each, from 1, where the file has lines. */
  readonly lines?: Int32Array;
};

/**
 * Reads labels of samples that are in another file: an array as IDX or NPY, a column of a table (CSV, TSV, ARFF, JSONL,
 * Parquet), or the lines of a text file.
 *
 * @throws `CORRUPT_FILE`, `LABEL_OUT_OF_RANGE`, `INVALID_ARGUMENT` for another format or a label column in doubt,
 *   `UNKNOWN_NAME` for an unknown one
 */
export async function readLabelFile(file: DataFile, labelColumn?: string): Promise<FileLabels> {
  if (/\.txt$/i.test(file.path.replace(/\.gz$/i, ""))) return readLines(file);
  const format = formatOf(file.path, file.head);
  if (format === "npy") return closing(await openNpy(file));
  if (format === "idx") return closing(openIdx(file));
  if (format !== "npz") return readColumn(file, labelColumn);
  const wanted = "labels as NPY, IDX, a table or lines of text (.txt)";
  throw expected("INVALID_ARGUMENT", wanted, file.path, extname(file.path).slice(1).toUpperCase());
}

async function closing(array: NdArray): Promise<ArrayLabels> {
  try {
    return await readLabels(array);
  } finally {
    await array.close();
  }
}

async function readColumn(file: DataFile, wanted?: string): Promise<FileLabels> {
  const table = await openTable(file);
  const { index, name } = labelColumnOf(table, wanted);
  const texts = new LabelList(" (option labelColumn names another column)", table.missingMark);
  const lines = new IntList();
  const place = table.counts === "rows" ? "row" : "line";
  await table.read((cells, line) => {
    texts.add(cells[index]!, () => `${place} ${line}, column ${name} of ${file.path}`);
    lines.push(line);
  });
  const found = { name: file.path, count: lines.length, texts, column: name };
  return table.counts === "rows" ? found : { ...found, lines: lines.toArray() };
}

async function readLines(file: DataFile): Promise<FileLabels> {
  const texts = new LabelList();
  const places = new IntList();
  let [count, blanks] = [0, 0];
  for await (const { lines, first } of lineBatches(file.path, file.chunks())) {
    for (const [i, line] of lines.entries()) {
      const label = line.trim();
      // Only at the end of the file are lines without a label no labels.
      if (label === "") {
        blanks++;
        continue;
      }
      if (blanks > 0)
        throw expected("LABEL_OUT_OF_RANGE", "a label", `line ${first + i - 1} of ${file.path}`, "");
      texts.add(label, () => `line ${first + i} of ${file.path}`);
      places.push(first + i);
      count++;
    }
  }
  return { name: file.path, count, texts, lines: places.toArray() };
}
