import { access } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { expected } from "@lilaw/core";
import { parseArff } from "./files/arff.js";
import { classesOf, type NdArray, samplesFromArrays } from "./files/arrays.js";
import { isIdx, parseIdx } from "./files/idx.js";
import { parseNpz, splitOfNpz } from "./files/npz.js";
import { decodeText, parsing, readData } from "./files/read.js";
import { fitEncoder, parseDelimited, type Table } from "./files/table.js";
import { takeSamples } from "./splits.js";
import type { DataFiles, Dataset, FileOptions, Samples, SplitName } from "./types.js";

type Splits = Partial<Record<SplitName, Samples>> & { train: Samples };
type Parsed = Pick<Dataset, "classNames" | "featureNames"> & { splits: Splits };
type Format = "npz" | "csv" | "tsv" | "arff" | "idx";

interface DataFile {
  split: SplitName;
  path: string;
  bytes: Uint8Array;
}

const splitNames = ["train", "valid", "test", "clean"] as const satisfies readonly SplitName[];

/**
 * Loads the user's own data. All files are of one format, told by the extension (`.npz`, `.csv`, `.tsv`,
 * `.arff`; each may also be gzip with `.gz`) or, for IDX, by the content.
 *
 * - **NPZ**, MedMNIST layout: `train_images` and `train_labels`, `val_*`, `test_*` (also `x_train`, `y_train`, …). One
 *   file may hold all splits; a file of one split may name its arrays `images` and `labels`.
 * - **CSV, TSV** with a header row: numeric columns as they are (or standardized), others one-hot in sorted
 *   order; classes are the sorted labels. Learned from the training file, applied to the others: a category that training does not have
 *   becomes all zeros.
 * - **ARFF**: the same by the declarations of the training file, categories and classes in declared order.
 * - **IDX**: images, with their labels in a second file.
 *
 * Byte images are scaled to [0, 1]; arrays of two axes and numbers of other types stay as they are. Without a
 * test split, `test.count` is 0.
 *
 * @throws `SOURCE_UNAVAILABLE` for a file that cannot be read, `CORRUPT_FILE` for one that cannot be parsed,
 *   `LENGTH_MISMATCH` for features and labels of different length, `LABEL_OUT_OF_RANGE`, `NON_FINITE` for empty, NaN
 *   or infinite features (naming row and column), `UNKNOWN_NAME` for an unknown label column, `INVALID_ARGUMENT` for
 *   an unknown or mixed format or samples of different shape
 */
export async function loadFiles(files: DataFiles, options: FileOptions = {}): Promise<Dataset> {
  const present = splitNames.filter((split) => files[split] !== undefined);
  const data = await Promise.all(
    present.map(async (split): Promise<DataFile> => {
      const path = files[split]!;
      return { split, path, bytes: await readData(path, options.maxBytes) };
    }),
  );
  const format = oneFormat(data);
  const { splits, classNames, featureNames } = await parseFiles(format, data, options);
  checkAgreement(splits, classNames.length);
  const { valid, clean } = splits;
  const held = splitNames.filter((split) => splits[split] !== undefined);
  const chosen = options.select?.(splits.train.labels, { classNames, splits: held });
  const train = chosen ? takeSamples(splits.train, chosen) : splits.train;
  const none: Samples = {
    features: new Float32Array(),
    labels: new Int32Array(),
    count: 0,
    shape: train.shape,
  };
  return {
    name: basename(files.train),
    classes: classNames.length,
    classNames,
    train,
    ...(valid && { valid }),
    test: splits.test ?? none,
    ...(clean && { clean }),
    ...(featureNames && { featureNames }),
    license: "the owner's",
    citation: "",
  };
}

function oneFormat(data: readonly DataFile[]): Format {
  const formats = data.map(formatOf);
  const other = formats.findIndex((format) => format !== formats[0]);
  if (other >= 0)
    throw expected(
      "INVALID_ARGUMENT",
      `${formats[0]} like the training file`,
      data[other]!.path,
      formats[other],
    );
  return formats[0]!;
}

function formatOf({ path, bytes }: DataFile): Format {
  const extension = /\.(npz|csv|tsv|arff)(\.gz)?$/i.exec(path)?.[1]?.toLowerCase();
  if (extension !== undefined) return extension as Format;
  if (isIdx(bytes)) return "idx";
  throw expected("INVALID_ARGUMENT", "an NPZ, CSV, TSV, ARFF or IDX file", path, "another format");
}

function parseFiles(format: Format, data: readonly DataFile[], options: FileOptions): Promise<Parsed> {
  if (format === "npz") return parseNpzFiles(data, options.maxBytes);
  if (format === "idx") return parseIdxFiles(data, options);
  return parseTables(format, data, options);
}

async function parseNpzFiles(data: readonly DataFile[], maxBytes: number | undefined): Promise<Parsed> {
  const splits: Partial<Record<SplitName, Samples>> = {};
  for (const { split, path, bytes } of data) {
    const arrays = await parseNpz(path, bytes, maxBytes);
    // The training file may hold the other splits too; a file given for a split comes later and wins.
    for (const held of split === "train" ? splitNames : [split]) {
      const found = splitOfNpz(path, arrays, held, held === split);
      if (found) splits[held] = samplesFromArrays(found.features, found.labels);
      else if (held === split) throw lacking(path, arrays, split);
    }
  }
  return arraysParsed(splits as Splits);
}

function lacking(path: string, arrays: ReadonlyMap<string, NdArray>, split: SplitName): Error {
  const names = [...arrays.keys()].join(", ") || "no arrays";
  return expected(
    "CORRUPT_FILE",
    `the arrays of a ${split} split (such as train_images, train_labels)`,
    path,
    names,
  );
}

async function parseIdxFiles(data: readonly DataFile[], { labels, maxBytes }: FileOptions): Promise<Parsed> {
  const given = typeof labels === "string" ? { train: labels } : (labels ?? {});
  const splits: Partial<Record<SplitName, Samples>> = {};
  for (const { split, path, bytes } of data) {
    const labelPath = given[split] ?? (await idxLabelPath(path));
    const labelBytes = await readData(labelPath, maxBytes);
    splits[split] = samplesFromArrays(parseIdx(path, bytes), parseIdx(labelPath, labelBytes));
  }
  return arraysParsed(splits as Splits);
}

/** The label file beside an image file, packed or not. */
async function idxLabelPath(path: string): Promise<string> {
  const name = basename(path).replace("images", "labels").replace("idx3", "idx1");
  const candidates = name.endsWith(".gz") ? [name, name.slice(0, -3)] : [name, `${name}.gz`];
  for (const candidate of candidates) {
    const labelPath = join(dirname(path), candidate);
    const exists = await access(labelPath).then(
      () => true,
      () => false,
    );
    if (exists && candidate !== basename(path)) return labelPath;
  }
  throw expected("INVALID_ARGUMENT", "a label file (option labels)", path, "none");
}

function arraysParsed(splits: Splits): Parsed {
  const classes = classesOf(splits.train.labels);
  return { splits, classNames: Array.from({ length: classes }, (_, label) => String(label)) };
}

async function parseTables(
  format: "csv" | "tsv" | "arff",
  data: readonly DataFile[],
  { labelColumn, standardize = false }: FileOptions,
): Promise<Parsed> {
  const tables = await Promise.all(
    data.map(({ path, bytes }) => parsing(path, () => parseTable(format, path, decodeText(path, bytes)))),
  );
  const encoder = fitEncoder(tables[0]!, { standardize, ...(labelColumn !== undefined && { labelColumn }) });
  const splits = Object.fromEntries(data.map(({ split }, i) => [split, encoder.encode(tables[i]!)]));
  return { splits: splits as Splits, classNames: encoder.classNames, featureNames: encoder.featureNames };
}

function parseTable(format: "csv" | "tsv" | "arff", path: string, text: string): Table {
  return format === "arff"
    ? parseArff(path, text)
    : parseDelimited(path, text, format === "csv" ? "," : "\t");
}

function checkAgreement(splits: Splits, classes: number): void {
  if (splits.train.count === 0)
    throw expected("INVALID_ARGUMENT", "training samples", "the training file", 0);
  for (const name of splitNames) {
    const split = splits[name];
    if (split === undefined) continue;
    if (split.shape.join() !== splits.train.shape.join()) {
      const shape = `samples of shape [${splits.train.shape.join(", ")}], as in training`;
      throw expected("INVALID_ARGUMENT", shape, `the ${name} split`, `[${split.shape.join(", ")}]`);
    }
    const row = split.labels.findIndex((label) => label >= classes);
    if (row >= 0) {
      const range = `a class in [0, ${classes}), as in training`;
      throw expected("LABEL_OUT_OF_RANGE", range, `row ${row} of the ${name} split`, split.labels[row]);
    }
  }
}
