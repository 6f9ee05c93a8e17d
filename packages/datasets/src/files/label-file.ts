import { extname } from "node:path";
import { expected } from "@lilaw/core";
import { type ArrayLabels, type NdArray, readLabels } from "./arrays.js";
import type { DataFile } from "./data-file.js";
import { openDelimited } from "./delimited.js";
import { formatOf } from "./format.js";
import { openIdx } from "./idx.js";
import { LabelList } from "./labels.js";
import { lineBatches } from "./lines.js";
import { openNpy } from "./npy.js";
import { labelColumnOf } from "./table.js";

/**
 * Reads the labels of an IDX or NPY file: an array in one of these formats, a column of a CSV or TSV file, or the lines of
 * a text file.
 *
 * @throws `CORRUPT_FILE`, `LABEL_OUT_OF_RANGE`, `INVALID_ARGUMENT` for another format or a label column in doubt,
 *   `UNKNOWN_NAME` for an unknown one
 */
export async function readLabelFile(file: DataFile, labelColumn?: string): Promise<ArrayLabels> {
  if (/\.txt$/i.test(file.path.replace(/\.gz$/i, ""))) return readLines(file);
  const format = formatOf(file.path, file.head);
  if (format === "npy") return closing(await openNpy(file));
  if (format === "idx") return closing(openIdx(file));
  if (format === "csv" || format === "tsv")
    return readColumn(file, format === "csv" ? "," : "\t", labelColumn);
  const wanted = "labels as NPY, IDX, CSV, TSV or lines of text (.txt)";
  throw expected("INVALID_ARGUMENT", wanted, file.path, extname(file.path).slice(1).toUpperCase());
}

async function closing(array: NdArray): Promise<ArrayLabels> {
  try {
    return await readLabels(array);
  } finally {
    await array.close();
  }
}

async function readColumn(file: DataFile, delimiter: "," | "\t", wanted?: string): Promise<ArrayLabels> {
  const table = await openDelimited(file.path, delimiter, () => file.chunks());
  const { index, name } = labelColumnOf(table, wanted);
  const texts = new LabelList(" (option labelColumn names another column)");
  let count = 0;
  await table.read((cells, line) => {
    count++;
    texts.add(cells[index]!, () => `line ${line}, column ${name} of ${file.path}`);
  });
  return { name: file.path, count, texts };
}

async function readLines(file: DataFile): Promise<ArrayLabels> {
  const texts = new LabelList();
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
      count++;
    }
  }
  return { name: file.path, count, texts };
}
