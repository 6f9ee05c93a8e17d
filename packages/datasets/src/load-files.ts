import { basename } from "node:path";
import { expected } from "@lilaw/core";
import type { ArrayEncoding, Encoding } from "./encoding.js";
import {
  type ArrayLabels,
  arrayEncoding,
  checkCount,
  classesOfArray,
  indicesOf,
  type NdArray,
  readFeatures,
  reading,
  readLabels,
  sampleForm,
} from "./files/arrays.js";
import { DataFile } from "./files/data-file.js";
import { type FileFormat, type Format, formatOf } from "./files/format.js";
import { openIdx } from "./files/idx.js";
import { ImageFolder, isFolder, shapeOf } from "./files/image-folder.js";
import { readLabelFile } from "./files/label-file.js";
import { classesOf, listOf } from "./files/labels.js";
import { openNpy } from "./files/npy.js";
import { Npz } from "./files/npz.js";
import { openTable } from "./files/open-table.js";
import { labelPathOf } from "./files/source-files.js";
import { type ChosenRows, type RowWriter, type Table, TableFit, type UsableRows } from "./files/table.js";
import type { DataFiles, Dataset, FileOptions, Reading, Samples, SplitName } from "./types.js";

interface SplitFile {
  split: SplitName;
  file: DataFile;
}

/** The samples of a split, and how many rows of its file were used. */
interface SplitSamples {
  samples: Samples;
  counts: NonNullable<Reading["rows"][SplitName]>;
}

type Splits = Partial<Record<SplitName, SplitSamples>>;

/** The result of a format's reader, from which a dataset is made. */
interface Found {
  classNames: readonly string[];
  /** `[training samples]` classes, before any selection. */
  trainLabels: Int32Array;
  splits: Splits;
  reading: Omit<Reading, "format" | "classCounts" | "rows">;
  featureNames?: readonly string[];
  encoding: Encoding;
}

/** The arrays of one split, and the reason why its label array was chosen. */
interface ArraySplit {
  split: SplitName;
  /** Name of the label array; default: the name of its file. */
  name?: string;
  reason: string;
  labels(): Promise<ArrayLabels>;
  features(): Promise<NdArray>;
}

const splitNames = ["train", "valid", "test", "clean"] as const satisfies readonly SplitName[];

/**
 * Loads the user's own data. All files have the same format, which follows from the extension (`.npz`, `.npy`, `.csv`,
 * `.tsv`, `.arff`, `.jsonl`, `.parquet`; each may also be gzip with `.gz`) or from the content. Files are read as streams,
 * so that memory holds little besides the samples, whatever the size of the files; of Parquet it holds a row group too, and
 * of image folders an image. Tables are read twice.
 *
 * - **NPZ**, MedMNIST layout: `train_images` and `train_labels`, `val_*` or `valid_*`, `test_*` (also `x_train` or
 *   `X_train` with `y_train`, …). One file may hold all splits; a file of one split may name its arrays `images`, `data`,
 *   `features` or `embeddings` with `labels`, `data` with `target`, `x` or `X` with `y`. Labels are class indices or text.
 * - **CSV, TSV** with a header row: numeric columns as they are (or standardized), others one-hot in sorted
 *   order; classes are the sorted labels. The encoding is learned from the training file and applied to the others: a
 *   category that training does not have becomes all zeros.
 * - **ARFF**: like CSV, but kinds, categories and classes are those that the training file declares, in declared order;
 *   classes without training samples are left out.
 * - **JSONL** (an object in each line) and **Parquet**: like CSV; nulls are missing cells, and lists of numbers of equal
 *   length, such as embeddings, become a numeric column for each number.
 * - **IDX, NPY**: images or feature vectors, with their labels in a second file.
 * - **Folders** with a subfolder for each class, of PNG and JPEG images of one size (or resized to `imageSize`), in the
 *   order of their paths. Grey images have one channel where all in training are grey, else three; transparency is left
 *   out.
 *
 * Images of bytes are scaled to [0, 1], and images have their channels last. Arrays of two axes and other types of
 * numbers are left as they are. Without a test split, `test.count` is 0. `reading` describes how the files were
 * understood.
 *
 * @throws `SOURCE_UNAVAILABLE` for a file that cannot be read, `CORRUPT_FILE` for one that cannot be parsed,
 *   `LENGTH_MISMATCH` for features and labels of different length, `LABEL_OUT_OF_RANGE` for a label that is missing or
 *   that training does not have, `NON_FINITE` for missing, NaN or infinite features (naming the place), `UNKNOWN_NAME`
 *   for an unknown column, `OUT_OF_MEMORY` for samples larger than the memory, `INVALID_ARGUMENT` for an unknown or mixed
 *   format, options of another format, samples of different shape, a file that unpacks to more than `maxBytes`, and
 *   wherever guessing would be unsafe: a doubtful label column or image layout, columns of identifiers (integers that
 *   number the rows, or different integers in a column with a name such as id) or dates, nearly equal class names; the
 *   signal's reason after an abort
 */
export async function loadFiles(files: DataFiles, options: FileOptions = {}): Promise<Dataset> {
  checkOptions(options);
  const present = splitNames.filter((split) => files[split] !== undefined);
  const { format, splits, trainLabels, classNames, featureNames, reading, encoding } = (await isFolder(
    files.train,
  ))
    ? { format: "images" as const, ...(await loadFolders(files, present, options)) }
    : await loadData(files, present, options);
  checkShapes(splits);
  const { train, valid, test, clean } = splits;
  return {
    name: basename(files.train),
    classes: classNames.length,
    classNames,
    train: train!.samples,
    ...(valid && { valid: valid.samples }),
    test: test?.samples ?? noSamples(train!.samples.shape),
    ...(clean && { clean: clean.samples }),
    ...(featureNames && { featureNames }),
    reading: {
      format,
      ...reading,
      classCounts: countClasses(trainLabels, classNames.length),
      rows: Object.fromEntries(Object.entries(splits).map(([split, { counts }]) => [split, counts])),
    },
    encoding,
    license: "the owner's",
    citation: "",
  };
}

async function loadData(
  files: DataFiles,
  present: readonly SplitName[],
  options: FileOptions,
): Promise<Found & { format: FileFormat }> {
  const data = await Promise.all(
    present.map(async (split) => ({ split, file: await DataFile.open(files[split]!, options) })),
  );
  const format = oneFormat(data);
  checkUse(format, options);
  // One NPZ file may hold the arrays of several splits.
  if (format !== "npz") checkApart(data);
  return { format, ...(await readersOf[format](data, options)) };
}

const readersOf: Record<FileFormat, (data: readonly SplitFile[], options: FileOptions) => Promise<Found>> = {
  npz: loadNpz,
  idx: (data, options) => loadWithLabels(data, options, async (file) => openIdx(file)),
  npy: (data, options) => loadWithLabels(data, options, openNpy),
  csv: loadTables,
  tsv: loadTables,
  arff: loadTables,
  jsonl: loadTables,
  parquet: loadTables,
};

function checkOptions({ missing, imageLayout, imageSize, maxBytes }: FileOptions): void {
  checkChoice("missing", missing, ["error", "drop", "mean"]);
  checkChoice("imageLayout", imageLayout, ["auto", "channels-last", "channels-first"]);
  if (maxBytes !== undefined && !(Number.isSafeInteger(maxBytes) && maxBytes > 0)) {
    throw expected("INVALID_ARGUMENT", "an integer of at least 1", "maxBytes", maxBytes);
  }
  const isSize = (size: unknown) =>
    Number.isInteger(size) && (size as number) > 0 && (size as number) <= 65_535;
  if (
    imageSize !== undefined &&
    !(Array.isArray(imageSize) && imageSize.length === 2 && imageSize.every(isSize))
  ) {
    throw expected("INVALID_ARGUMENT", "[height, width] of at least 1", "imageSize", imageSize);
  }
}

const tableOptions = ["labelColumn", "dropColumns", "keepColumns", "missing"] as const;

/** Options that the format does not use are refused; they would be ignored silently. */
function checkUse(format: Format, options: FileOptions): void {
  const noTable = ["imageLayout", "imageSize", "labels"] as const;
  const others: Record<Format, readonly (keyof FileOptions)[]> = {
    npz: [...tableOptions, "labels", "imageSize"],
    npy: ["dropColumns", "keepColumns", "missing", "imageSize"],
    idx: ["dropColumns", "keepColumns", "missing", "imageSize"],
    csv: noTable,
    tsv: noTable,
    arff: noTable,
    jsonl: noTable,
    parquet: noTable,
    images: [...tableOptions, "labels", "imageLayout"],
  };
  const option = others[format].find((option) => options[option] !== undefined);
  if (option === undefined) return;
  const name = format === "images" ? "folders of images" : `${format.toUpperCase()} files`;
  throw expected("INVALID_ARGUMENT", `no option ${option}`, name, options[option]);
}

function checkChoice(name: string, value: string | undefined, choices: readonly string[]): void {
  if (value === undefined || choices.includes(value)) return;
  throw expected("INVALID_ARGUMENT", `one of ${choices.join(", ")}`, name, value);
}

function oneFormat(data: readonly SplitFile[]): FileFormat {
  const formats = data.map(({ file }) => formatOf(file.path, file.head));
  const other = formats.findIndex((format) => format !== formats[0]);
  if (other >= 0) {
    const expectation = `${formats[0]} like the training file`;
    throw expected("INVALID_ARGUMENT", expectation, data[other]!.file.path, formats[other]);
  }
  return formats[0]!;
}

/** No other split may use the file of the training or test samples. Validation and clean samples may share a file. */
function checkApart(data: readonly { split: SplitName; file: Pick<DataFile, "identity" | "path"> }[]): void {
  for (const { split, file } of data) {
    const other = data.find((one) => one.split !== split && one.file.identity === file.identity);
    if (other === undefined || (split !== "test" && split !== "train")) continue;
    throw expected("INVALID_ARGUMENT", `another file than that of ${split}`, other.split, other.file.path);
  }
}

async function loadFolders(
  files: DataFiles,
  present: readonly SplitName[],
  options: FileOptions,
): Promise<Found> {
  checkUse("images", options);
  const data: { split: SplitName; file: ImageFolder }[] = [];
  for (const split of present) {
    const path = files[split]!;
    if (!(await isFolder(path))) {
      throw expected("INVALID_ARGUMENT", "a folder of images like that of training", path, "a file");
    }
    data.push({ split, file: await ImageFolder.open(path, options) });
  }
  checkApart(data);
  const train = data[0]!.file;
  const classes = classesOf(`the folders in ${train.path}`, train.labels.spellings);
  const form = await train.form(options.imageSize);
  const resizes = options.imageSize !== undefined;
  const splits: Splits = {};
  let trainLabels: Int32Array = new Int32Array();
  for (const { split, file } of data) {
    const labels = file.labels.indices(classes, (row, label) =>
      expected(
        "LABEL_OUT_OF_RANGE",
        `one of ${listOf(classes.names)}`,
        `the folder of ${file.files[row]} in ${file.path}`,
        label,
      ),
    );
    if (file === train) trainLabels = labels;
    const chosen = file === train ? chooseRows(options, { labels }, classes.names, present) : undefined;
    const rows = chosen ?? Int32Array.from(labels, (_, row) => row);
    const samples: Samples = {
      features: await file.features(rows, form, resizes),
      labels: rows.map((row) => labels[row]!),
      count: rows.length,
      shape: shapeOf(form),
      ...(chosen && { rows }),
      files: Array.from(rows, (row) => file.files[row]!),
    };
    splits[split] = { samples, counts: { read: labels.length, used: rows.length, dropped: 0, filled: 0 } };
  }
  const label = { name: "folder", reason: "a subfolder for each class" };
  const encoding = { kind: "images" as const, shape: shapeOf(form), resizes };
  return { splits, trainLabels, classNames: classes.names, reading: { label }, encoding };
}

async function loadTables(data: readonly SplitFile[], options: FileOptions): Promise<Found> {
  const tables: { split: SplitName; file: DataFile; table: Table }[] = [];
  for (const { split, file } of data) {
    tables.push({ split, file, table: await openTable(file, options.dropColumns) });
    // Read twice: to learn the encoding, and to make the samples.
    file.expectBytes(2 * file.size);
  }
  const [train, ...others] = tables as [(typeof tables)[0], ...typeof tables];
  const fit = new TableFit(train.table, options);
  await train.table.read((cells, line) => fit.add(cells, line));
  if (fit.hasMixed) {
    train.file.expectBytes(2 * train.file.size);
    await train.table.read((cells) => fit.addMixed(cells));
  }
  const { encoder, usable, reading } = fit.finish();
  const { classNames, featureNames, encoding } = encoder;
  const chosen = chooseRows(options, usable, classNames, present(data));
  const splits: Splits = {
    train: await writeRows(train.table, usable, (rows) => encoder.samples(train.table, rows), chosen),
  };
  for (const { split, table } of others) {
    const rows = await encoder.usableRows(table);
    splits[split] = await writeRows(table, rows, (chosen) => encoder.samples(table, chosen));
  }
  return { splits, trainLabels: usable.labels, classNames, featureNames, reading, encoding };
}

async function writeRows(
  table: Table,
  usable: UsableRows,
  writerOf: (rows: ChosenRows) => RowWriter,
  chosen?: Int32Array,
): Promise<SplitSamples> {
  const { read, rows } = usable;
  const labels = chosen ? chosen.map((row) => usable.labels[row]!) : usable.labels;
  const ownRows = chosen ? chosen.map((row) => rows?.[row] ?? row) : rows;
  const writer = writerOf({ count: labels.length, ...(ownRows && { rows: ownRows }) });
  await table.read((cells, line) => writer.add(cells, line));
  const samples: Samples = { ...writer.finish(), labels };
  const dropped = read - usable.labels.length;
  return { samples, counts: { read, used: samples.count, dropped, filled: writer.filled } };
}

async function loadNpz(data: readonly SplitFile[], options: FileOptions): Promise<Found> {
  const opened: { split: SplitName; file: DataFile; npz: Npz }[] = [];
  try {
    for (const { split, file } of data) opened.push({ split, file, npz: await Npz.open(file) });
    const found = new Map<SplitName, { npz: Npz; names: readonly [string, string] }>();
    for (const { split, npz } of opened) {
      // The training file may hold the other splits too. A file given for a split comes later and takes precedence.
      for (const held of split === "train" ? splitNames : [split]) {
        const names = npz.namesOf(held, held === split);
        if (names) found.set(held, { npz, names });
        else if (held === split) throw npz.lacks(split);
      }
    }
    for (const { file, npz } of opened) {
      const own = [...found.values()].filter((arrays) => arrays.npz === npz);
      file.expectBytes(npz.bytesOf(own.flatMap(({ names }) => names)));
    }
    const splits = [...found].map(
      ([split, { npz, names }]): ArraySplit => ({
        split,
        name: names[1],
        reason: `the array that belongs to ${names[0]}`,
        features: () => npz.array(names[0]),
        labels: async () => reading(await npz.array(names[1]), readLabels),
      }),
    );
    return await loadArrays(splits, options);
  } finally {
    for (const { npz } of opened) npz.close();
  }
}

/** Loads arrays whose labels are in files of their own. */
async function loadWithLabels(
  data: readonly SplitFile[],
  options: FileOptions,
  open: (file: DataFile) => Promise<NdArray>,
): Promise<Found> {
  const { labels } = options;
  const given = typeof labels === "string" ? { train: labels } : (labels ?? {});
  const splits = data.map(({ split, file }): ArraySplit => {
    const reason =
      given[split] === undefined ? `the file beside ${basename(file.path)}` : "named by the option labels";
    return {
      split,
      reason,
      features: () => open(file),
      labels: async () => {
        const path = given[split] ?? (await labelPathOf(file.path));
        return readLabelFile(await DataFile.open(path, options), options.labelColumn);
      },
    };
  });
  return loadArrays(splits, options);
}

/** `splits` starts with the training split. */
async function loadArrays(splits: readonly ArraySplit[], options: FileOptions): Promise<Found> {
  const train = splits[0]!;
  const trainLabels = await labelsOf(train);
  const classes = classesOfArray(trainLabels);
  const indices = indicesOf(trainLabels, classes);
  const found: Splits = {};
  let encoding: ArrayEncoding | undefined;
  for (const part of splits) {
    const isTrain = part === train;
    const labels = isTrain ? trainLabels : await labelsOf(part);
    const partIndices = isTrain ? indices : indicesOf(labels, classes);
    const choose = () =>
      isTrain ? chooseRows(options, { labels: indices }, classes.names, present(splits)) : undefined;
    const read = await readSamples(await part.features(), labels, partIndices, options, choose);
    encoding ??= read.encoding;
    const used = read.samples.count;
    found[part.split] = {
      samples: read.samples,
      counts: { read: labels.count, used, dropped: 0, filled: 0 },
    };
  }
  return {
    splits: found,
    trainLabels: indices,
    classNames: classes.names,
    reading: {
      label: { name: train.name ?? basename(trainLabels.name), reason: train.reason },
      ...(encoding!.layout && { layout: encoding!.layout }),
    },
    encoding: encoding!,
  };
}

/** @throws `INVALID_ARGUMENT` for a split without samples */
async function labelsOf({ split, labels }: ArraySplit): Promise<ArrayLabels> {
  const found = await labels();
  if (found.count > 0) return found;
  throw expected("INVALID_ARGUMENT", `samples of the ${split} split`, found.name, "none");
}

function readSamples(
  array: NdArray,
  labels: ArrayLabels,
  indices: Int32Array,
  { imageLayout = "auto" }: FileOptions,
  choose: () => Int32Array | undefined,
): Promise<{ samples: Samples; encoding: ArrayEncoding }> {
  return reading(array, async () => {
    checkCount(array, labels);
    const form = sampleForm(array, imageLayout);
    const rows = choose();
    const samples: Samples = {
      features: await readFeatures(array, form, rows),
      labels: rows ? rows.map((row) => indices[row]!) : indices,
      count: rows?.length ?? indices.length,
      shape: form.shape,
      ...(rows && { rows }),
    };
    return { samples, encoding: arrayEncoding(array, form) };
  });
}

function present(splits: readonly { split: SplitName }[]): SplitName[] {
  return splits.map(({ split }) => split);
}

/** @throws `INVALID_ARGUMENT` unless `select` returns ascending, distinct rows, one at least */
function chooseRows(
  options: FileOptions,
  { labels, rows: places }: Pick<UsableRows, "labels" | "rows">,
  classNames: readonly string[],
  splits: readonly SplitName[],
): Int32Array | undefined {
  // Copies, so that `select` cannot change the samples.
  const source = { classNames, splits, ...(places && { rows: places.slice() }) };
  const rows = options.select?.(labels.slice(), source);
  if (rows === undefined) return undefined;
  if (!(rows instanceof Int32Array && rows.length > 0)) {
    throw expected("INVALID_ARGUMENT", "an Int32Array of rows", "what select returns", rows);
  }
  const wrong = rows.findIndex((row, i) => row <= (rows[i - 1] ?? -1) || row >= labels.length);
  if (wrong >= 0) {
    const expectation = `ascending, distinct rows in [0, ${labels.length})`;
    throw expected("INVALID_ARGUMENT", expectation, "what select returns", rows[wrong]);
  }
  return rows;
}

function countClasses(labels: Int32Array, classes: number): number[] {
  const counts = new Array<number>(classes).fill(0);
  for (const label of labels) counts[label]!++;
  return counts;
}

function noSamples(shape: readonly number[]): Samples {
  return { features: new Float32Array(), labels: new Int32Array(), count: 0, shape };
}

function checkShapes(splits: Splits): void {
  const shape = splits.train!.samples.shape;
  for (const [split, { samples }] of Object.entries(splits)) {
    if (samples.shape.join() === shape.join()) continue;
    const expectation = `samples of shape [${shape.join(", ")}], as in training,`;
    throw expected("INVALID_ARGUMENT", expectation, `the ${split} split`, `[${samples.shape.join(", ")}]`);
  }
}
