import { LilawError } from "@lilaw/core";
import { type Dataset, type Reading, readRows, type TableRows } from "@lilaw/datasets";
import { picture, pictureSide, type SampleContent, signalPicture } from "@lilaw/report";
import type { SampleRow } from "../samples.js";
import type { Files } from "../settings.js";
import type { Place } from "./source-samples.js";
import { featuresOf } from "./space.js";

/** How samples are shown; `columns` are the names of their cells. */
export interface Contents {
  readonly columns?: readonly string[];
  /** @param count how many samples are shown in the same way, since many pictures have to be small */
  contentOf(sample: SampleRow, place: Place, count: number): SampleContent;
}

const tableFormats: readonly string[] = [
  "csv",
  "tsv",
  "arff",
  "jsonl",
  "parquet",
] satisfies Reading["format"][];

/**
 * How the samples of a dataset are shown: images as pictures, rows of a table as their cells in the file, series of numbers as
 * lines.
 *
 * @param files the user's own, absent for a built-in dataset
 * @param wanted the samples that will be shown
 * @throws the errors of `readRows`
 */
export async function contentsOf(
  dataset: Dataset,
  files: Files | undefined,
  wanted: readonly SampleRow[],
  signal: AbortSignal,
): Promise<Contents> {
  const { train, featureNames, reading } = dataset;
  if (isImage(train.shape)) {
    const { shape } = train;
    const range = rangeOf(train.features);
    return {
      contentOf: (_, { samples, index }, count) => {
        const longestSide = pictureSide(count, shape[2] ?? 1);
        return { picture: picture({ values: featuresOf(samples, index), shape, range, longestSide }) };
      },
    };
  }
  if (files && reading && tableFormats.includes(reading.format)) {
    const rows = await rowsOf(files, wanted, signal);
    const shown = shownColumns(rows.train.columns, reading.label.name);
    if (shown.length > 0) return cellsOf(rows, shown);
  } else if (featureNames) return featureCells(featureNames);
  return { contentOf: (_, { samples, index }) => ({ picture: signalPicture(featuresOf(samples, index)) }) };
}

function isImage(shape: readonly number[]): boolean {
  return shape.length === 2 || (shape.length === 3 && [1, 3, 4].includes(shape[2]!));
}

/** Black and white: 0 and 1 as @lilaw/datasets has images, or the ends of what there is. */
function rangeOf(features: Float32Array): [number, number] {
  let [least, most] = [0, 1];
  for (const value of features) {
    if (value < least) least = value;
    if (value > most) most = value;
  }
  return [least, most];
}

/** The rows of the samples in the files of their splits. */
async function rowsOf(files: Files, wanted: readonly SampleRow[], signal: AbortSignal) {
  const read = async (path: string, split: SampleRow["split"]) => {
    const rows = new Set(wanted.filter((sample) => sample.split === split).map(({ row }) => row));
    // Columns that training leaves out, such as texts beside their embeddings, are the best to look at.
    return readRows(path, rows, { signal }).catch((error) => {
      if (!(error instanceof LilawError) || files.dropColumns === undefined) throw error;
      return readRows(path, rows, { dropColumns: files.dropColumns, signal });
    });
  };
  return { train: await read(files.train, "train"), valid: await read(files.valid ?? files.train, "valid") };
}

/** Positions of the columns that are for people: neither the label, which stands above them, nor numbers of embeddings. */
function shownColumns(columns: readonly string[], label: string): number[] {
  return [...columns.keys()].filter((i) => columns[i] !== label && !/\[\d+\]$/.test(columns[i]!));
}

function cellsOf(rows: Record<SampleRow["split"], TableRows>, shown: readonly number[]): Contents {
  const { columns } = rows.train;
  const names = shown.map((i) => columns[i]!);
  return {
    columns: names,
    contentOf: ({ split, row }) => {
      const own = rows[split];
      const cells = own.cells.get(row);
      // The columns of a validation file may be in another order.
      return cells ? { cells: names.map((name) => cells[own.columns.indexOf(name)] ?? "") } : {};
    },
  };
}

/** Built-in tables, whose files are packed: features of categories are called `COLUMN=CATEGORY`. */
function featureCells(featureNames: readonly string[]): Contents {
  const columns = new Map<string, { index: number; category?: string }[]>();
  featureNames.forEach((feature, index) => {
    const [name, category] = feature.split("=") as [string, string?];
    const entry = category === undefined ? { index } : { index, category };
    columns.set(name, [...(columns.get(name) ?? []), entry]);
  });
  return {
    columns: [...columns.keys()],
    contentOf: (_, { samples, index }) => {
      const features = featuresOf(samples, index);
      return { cells: [...columns.values()].map((entries) => featureCell(entries, features)) };
    },
  };
}

function featureCell(
  entries: readonly { index: number; category?: string }[],
  features: Float32Array,
): string {
  const [first] = entries;
  if (first!.category === undefined) return String(Number(features[first!.index]!.toPrecision(4)));
  return entries.find(({ index }) => features[index]! > 0)?.category ?? "";
}
