/** The user's own files with the label of each row, and the same files with other labels. */

import { constants } from "node:fs";
import { copyFile, mkdir } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import { checks, expected } from "@lilaw/core";
import { type ArrayLabels, checkCount, type NdArray, reading, readLabels } from "../files/arrays.js";
import { DataFile } from "../files/data-file.js";
import { cellOf } from "../files/fields.js";
import { type FileFormat, formatOf } from "../files/format.js";
import { openIdx } from "../files/idx.js";
import { ImageFolder, isFolder } from "../files/image-folder.js";
import { collect } from "../files/inflate.js";
import { objectsOf } from "../files/jsonl.js";
import { readLabelFile } from "../files/label-file.js";
import { classesOf, copyOf, listOf } from "../files/labels.js";
import { openNpy } from "../files/npy.js";
import { Npz } from "../files/npz.js";
import { openTable } from "../files/open-table.js";
import { nestedColumns } from "../files/parquet.js";
import { labelPathOf } from "../files/source-files.js";
import { labelColumnOf, type Table } from "../files/table.js";
import { correctedLabels, withoutRows } from "./arrays.js";
import { type Changes, type DecidedSplit, excludedRows, type SourceRows } from "./changes.js";
import { writeCorrectedNpz } from "./npz.js";
import { writeFile, writeFolder, writeWhole } from "./output.js";
import { writeCorrectedParquet } from "./parquet.js";
import {
  arffFormat,
  correctedText,
  delimitedFormat,
  jsonlFormat,
  linesFormat,
  type TextFormat,
} from "./text.js";

/** A source of samples whose labels can be changed. */
export interface EditableSource {
  /** Whether it is written as a folder: images, or arrays with their labels in a second file. */
  readonly isFolder: boolean;
  /** The rows of each split: of both only in an NPZ file that holds both. */
  readonly splits: Partial<Record<DecidedSplit, SourceRows>>;
  /**
   * Writes the source with other labels, whole or not at all: in the same format, all else as it is.
   *
   * @throws `NOT_WRITABLE`, `INVALID_ARGUMENT` for what the format cannot hold
   */
  write(output: string, changes: Partial<Record<DecidedSplit, Changes>>): Promise<void>;
}

export interface EditOptions {
  /** `[classes]`, names of the classes, as `loadFiles` gives them. */
  classNames: readonly string[];
  /** The split that a file of one split holds. Default `"train"`. */
  split?: DecidedSplit;
  /** Label file of an IDX or NPY file. Default: the one beside it. */
  labels?: string;
  /** Label column of a label file that is a table. Default: as `loadFiles` finds it. */
  labelColumn?: string;
  /** Label column of a table, `reading.label.name` of `loadFiles`. Default: as `loadFiles` finds it. */
  label?: string;
  /** Stops reading and writing; then nothing is written. */
  signal?: AbortSignal;
}

/**
 * Opens the user's own file, or folder of images, and reads its labels.
 *
 * @throws the errors of `loadFiles` for files that it would not read; the signal's reason
 */
export async function openSource(path: string, options: EditOptions): Promise<EditableSource> {
  checks.checkObject("options", options);
  const { classNames } = options;
  if (!Array.isArray(classNames) || !classNames.every((name) => typeof name === "string")) {
    throw expected("INVALID_ARGUMENT", "an array of texts", "options.classNames", classNames);
  }
  if (await isFolder(path)) return openImages(path, options);
  const file = await DataFile.open(path, stopping(options));
  return openers[formatOf(path, file.head)](file, options);
}

function stopping({ signal }: EditOptions): Pick<EditOptions, "signal"> {
  return signal ? { signal } : {};
}

type Open = (file: DataFile, options: EditOptions) => Promise<EditableSource>;

const openers: Record<FileFormat, Open> = {
  csv: textTable((_, index) => delimitedFormat(",", index)),
  tsv: textTable((_, index) => delimitedFormat("\t", index)),
  arff: textTable((_, index) => arffFormat(index)),
  jsonl: openJsonlSource,
  parquet: openParquetSource,
  npz: openNpzSource,
  npy: withLabels(openNpy),
  idx: withLabels(async (file) => openIdx(file)),
};

function textTable(formatOf: (label: string, index: number) => TextFormat): Open {
  return async (file, options) => {
    const table = await openTable(file);
    const { name, index } = labelColumnOf(table, options.label);
    const split = options.split ?? "train";
    return {
      isFolder: false,
      splits: { [split]: await labelsOf(table, index, options.classNames) },
      write: (output, changes) =>
        writeWhole(
          output,
          correctedText(file.path, file.chunks(), formatOf(name, index), changes[split] ?? new Map()),
          file.isPacked,
        ),
    };
  };
}

async function labelsOf(table: Table, index: number, classNames: readonly string[]): Promise<SourceRows> {
  const [texts, lines]: [string[], number[]] = [[], []];
  await table.read((cells, line) => {
    texts.push(copyOf(cells[index]!));
    lines.push(line);
  });
  const isCounted = table.counts === "rows";
  const placeOf = (row: number) => (isCounted ? `row ${row}` : `line ${lines[row]}`);
  const labels = namesOf(texts, classNames, (row) => `the label of ${placeOf(row)} of ${table.name}`);
  return { labels, ...(!isCounted && { lines }) };
}

/** The class name of each label, which may be written in another way, such as 1.0 for 1. */
function namesOf(
  texts: readonly string[],
  classNames: readonly string[],
  at: (row: number) => string,
): string[] {
  const { names, indexOf } = classesOf("the classes", classNames);
  return texts.map((text, row) => {
    const index = indexOf(text);
    if (index !== undefined) return names[index]!;
    throw expected("LABEL_OUT_OF_RANGE", `one of ${listOf(classNames)}`, at(row), text);
  });
}

/** Members besides the label may hold anything. */
async function openJsonlSource(file: DataFile, options: EditOptions): Promise<EditableSource> {
  const names = new Set<string>();
  for await (const { object } of objectsOf(file.path, file.chunks())) {
    for (const name of Object.keys(object)) names.add(name);
  }
  const columns = Array.from(names, (name) => ({ name }));
  if (columns.length === 0)
    throw expected("CORRUPT_FILE", "a JSON object in every line", file.path, "no objects");
  const { name } = labelColumnOf({ name: file.path, columns }, options.label);
  const table: Table = {
    name: file.path,
    columns: [{ name }],
    async read(visit) {
      for await (const { object, line } of objectsOf(file.path, file.chunks())) {
        const value = Object.hasOwn(object, name) ? object[name] : null;
        visit([cellOf(value, () => `${name} in line ${line} of ${file.path}`)], line);
      }
    },
  };
  const split = options.split ?? "train";
  return {
    isFolder: false,
    splits: { [split]: await labelsOf(table, 0, options.classNames) },
    write: (output, changes) =>
      writeWhole(
        output,
        correctedText(file.path, file.chunks(), jsonlFormat(name), changes[split] ?? new Map()),
        file.isPacked,
      ),
  };
}

async function openParquetSource(file: DataFile, options: EditOptions): Promise<EditableSource> {
  const nested = await nestedColumns(file);
  const table = await openTable(file, nested);
  const { name, index } = labelColumnOf(table, options.label);
  const split = options.split ?? "train";
  return {
    isFolder: false,
    splits: { [split]: await labelsOf(table, index, options.classNames) },
    write: (output, changes) => writeCorrectedParquet(file, output, name, changes[split] ?? new Map()),
  };
}

async function openNpzSource(
  file: DataFile,
  { split: own = "train", classNames }: EditOptions,
): Promise<EditableSource> {
  const npz = await Npz.open(file);
  try {
    const splits: Partial<Record<DecidedSplit, SourceRows>> = {};
    const pairs: Partial<Record<DecidedSplit, readonly [string, string]>> = {};
    for (const split of ["train", "valid"] as const) {
      const pair = npz.namesOf(split, split === own);
      if (pair === undefined) continue;
      pairs[split] = pair;
      const found = await reading(await npz.array(pair[1]), readLabels);
      splits[split] = { labels: classNamesOf(found, classNames) };
    }
    if (splits[own] === undefined) throw npz.lacks(own);
    return {
      isFolder: false,
      splits,
      write: (output, changes) => writeCorrectedNpz(file, output, pairs, splits, changes),
    };
  } finally {
    npz.close();
  }
}

/** Sources whose labels are in a second file. */
function withLabels(open: (file: DataFile) => Promise<NdArray>): Open {
  return async (file, options) => {
    const { split = "train", classNames, labels: given, labelColumn } = options;
    const labelFile = await DataFile.open(given ?? (await labelPathOf(file.path)), stopping(options));
    const found = await readLabelFile(labelFile, labelColumn);
    const features = await open(file);
    await features.close();
    checkCount(features, found);
    const texts = classNamesOf(found, classNames);
    if (basename(labelFile.path) === basename(file.path)) {
      throw expected("INVALID_ARGUMENT", "two files of different names", labelFile.path, file.path);
    }
    return {
      isFolder: true,
      splits: { [split]: { labels: texts } },
      write: (output, all) =>
        writeFolder(output, async (folder) => {
          const changes = all[split] ?? new Map();
          await writeFile(
            join(folder, basename(labelFile.path)),
            await labelBytes(labelFile, texts, changes, labelColumn),
            labelFile.isPacked,
          );
          const target = join(folder, basename(file.path));
          if (excludedRows(changes).size === 0) await copyFile(file.path, target, constants.COPYFILE_FICLONE);
          else
            await reading(await open(file), (array) =>
              writeFile(target, withoutRows(array, changes), file.isPacked),
            );
        }),
    };
  };
}

/** The bytes of a label file with other labels. */
async function labelBytes(file: DataFile, texts: readonly string[], changes: Changes, labelColumn?: string) {
  const format = isTextLabels(file.path) ? "txt" : formatOf(file.path, file.head);
  if (format === "npy" || format === "idx") {
    return reading(format === "npy" ? await openNpy(file) : openIdx(file), async (array) => [
      correctedLabels(array, await collect(array.body), texts, changes),
    ]);
  }
  if (format === "txt") return correctedText(file.path, file.chunks(), linesFormat(), changes);
  const { index } = labelColumnOf(await openTable(file), labelColumn);
  return correctedText(
    file.path,
    file.chunks(),
    delimitedFormat(format === "csv" ? "," : "\t", index),
    changes,
  );
}

function isTextLabels(path: string): boolean {
  return extname(path.replace(/\.gz$/i, "")).toLowerCase() === ".txt";
}

function classNamesOf(labels: ArrayLabels, classNames: readonly string[]): string[] {
  const texts = "texts" in labels ? labels.texts.texts : Array.from(labels.indices, String);
  return namesOf(texts, classNames, (row) => `row ${row} of ${labels.name}`);
}

async function openImages(path: string, options: EditOptions): Promise<EditableSource> {
  const { split = "train", classNames, signal } = options;
  const folder = await ImageFolder.open(path, stopping(options));
  const labels = namesOf(
    folder.labels.texts,
    classNames,
    (row) => `the folder of ${folder.files[row]} in ${path}`,
  );
  return {
    isFolder: true,
    splits: { [split]: { labels, files: folder.files } },
    write: (output, changes) =>
      writeFolder(output, async (target) => {
        for (const { from, to } of placesOf(folder, labels, changes[split] ?? new Map())) {
          signal?.throwIfAborted();
          await mkdir(dirname(join(target, to)), { recursive: true });
          await copyFile(
            folder.pathOf(from),
            join(target, to),
            constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE,
          );
        }
      }),
  };
}

/** Names of classes come from a decisions file, which may be anybody's. */
function checkFolderName(label: string, path: string): void {
  if (!/^\.|[/\\:\0]/.test(label)) return;
  throw expected("INVALID_ARGUMENT", "the name of a folder", `a new class of ${path}`, label);
}

/** Where each image goes; one whose name is taken in the folder of its new class is named after the old class too. */
function placesOf(
  { files, path }: ImageFolder,
  labels: readonly string[],
  changes: Changes,
): { from: string; to: string }[] {
  const taken = new Set(files.filter((_, row) => !changes.has(row) || changes.get(row) === labels[row]));
  return files.flatMap((from, row) => {
    const [old, label] = [
      from.slice(0, from.indexOf("/")),
      changes.has(row) ? changes.get(row)! : labels[row]!,
    ];
    if (label === null) return [];
    if (label === labels[row]) return [{ from, to: from }];
    checkFolderName(label, path);
    const name = label + from.slice(old.length);
    const end = extname(name);
    const to = taken.has(name) ? `${name.slice(0, name.length - end.length)}-${old}${end}` : name;
    if (taken.has(to)) throw expected("INVALID_ARGUMENT", "a name that is free", `${from} of ${path}`, to);
    taken.add(to);
    return [{ from, to }];
  });
}
