import { expected } from "@lilaw/core";
import type { ArrayEncoding, Encoding, ImageEncoding, TableEncoding } from "./encoding.js";
import { arrayEncoding, type NdArray, readFeatures, reading, sampleForm } from "./files/arrays.js";
import { DataFile } from "./files/data-file.js";
import { formatOf } from "./files/format.js";
import { openIdx } from "./files/idx.js";
import { ImageFolder, isFolder } from "./files/image-folder.js";
import { openNpy } from "./files/npy.js";
import { Npz } from "./files/npz.js";
import { openTable } from "./files/open-table.js";
import { TableEncoder } from "./files/table.js";
import type { FileOptions, Inputs } from "./types.js";

export type InputOptions = Pick<FileOptions, "maxBytes" | "signal" | "onProgress">;

/** New samples, and how many rows of their file they are. */
export interface LoadedInputs {
  readonly inputs: Inputs;
  /** Rows in the file. */
  readonly read: number;
  /** Rows left out because a cell is missing. */
  readonly dropped: number;
  /** Rows where a missing cell got a value. */
  readonly filled: number;
}

/**
 * Reads samples as a training read its own, into the same numbers. The label column of a table, if there is one, is not
 * looked at; of an NPZ file the array of samples is read, and of a folder all images, whatever folders they are in. Any
 * format will do that `loadFiles` reads and that holds what
 * the encoding needs, rows of a table or an array.
 *
 * @param encoding of the dataset of the training
 * @throws `SOURCE_UNAVAILABLE`, `CORRUPT_FILE` (also for a table without a column of the encoding, or with another one),
 *   `UNKNOWN_NAME` for a category that training did not have, `NON_FINITE`, `INVALID_ARGUMENT` for another shape, format or
 *   kind of numbers, `OUT_OF_MEMORY`; the signal's reason after an abort
 */
export async function loadInputs(
  path: string,
  encoding: Encoding,
  options: InputOptions = {},
): Promise<LoadedInputs> {
  if (encoding.kind === "images") return fromImages(path, encoding, options);
  const file = await DataFile.open(path, options);
  return encoding.kind === "table" ? fromTable(file, encoding) : fromArray(file, encoding);
}

async function fromTable(file: DataFile, encoding: TableEncoding): Promise<LoadedInputs> {
  const table = await openTable(file, encoding.dropped);
  // Read twice: to count the rows, and to make the samples.
  file.expectBytes(2 * file.size);
  const encoder = new TableEncoder(encoding, "the training");
  const { read, ...chosen } = await encoder.unlabelledRows(table);
  const writer = encoder.samples(table, chosen, "error");
  await table.read((cells, line) => writer.add(cells, line));
  return { inputs: writer.finish(), read, dropped: read - chosen.count, filled: writer.filled };
}

async function fromImages(
  path: string,
  { shape, resizes }: ImageEncoding,
  options: InputOptions,
): Promise<LoadedInputs> {
  if (!(await isFolder(path))) {
    throw expected("INVALID_ARGUMENT", "a folder of images, as in training,", path, "a file");
  }
  const folder = await ImageFolder.openUnlabelled(path, options);
  const [height, width, channels] = shape as [number, number, 1 | 3];
  const rows = Int32Array.from(folder.files, (_, row) => row);
  const features = await folder.features(rows, { height, width, channels }, resizes);
  const inputs = { features, count: rows.length, shape, files: folder.files };
  return { inputs, read: rows.length, dropped: 0, filled: 0 };
}

async function fromArray(file: DataFile, encoding: ArrayEncoding): Promise<LoadedInputs> {
  const inputs = await withArray(file, async (array) => {
    const form = sampleForm(array, imageLayoutOf(encoding, array));
    const found = arrayEncoding(array, form);
    if (found.shape.join() !== encoding.shape.join()) {
      const expectation = `samples of shape [${encoding.shape.join(", ")}], as in training,`;
      throw expected("INVALID_ARGUMENT", expectation, array.name, `[${found.shape.join(", ")}]`);
    }
    return { features: await readFeatures(array, form), count: array.shape[0]!, shape: form.shape };
  });
  return { inputs, read: inputs.count, dropped: 0, filled: 0 };
}

/** Samples without an axis of channels have none whatever the layout; with one, it is where training had it. */
function imageLayoutOf({ shape, layout }: ArrayEncoding, array: NdArray) {
  const hasChannels = array.shape.length - 1 === shape.length;
  return hasChannels && layout !== undefined && layout !== "no channels" ? layout : "auto";
}

async function withArray<T>(file: DataFile, read: (array: NdArray) => Promise<T>): Promise<T> {
  const format = formatOf(file.path, file.head);
  if (format === "idx") return reading(openIdx(file), read);
  if (format === "npy") return reading(await openNpy(file), read);
  if (format !== "npz") {
    throw expected(
      "INVALID_ARGUMENT",
      "an array (NPZ, NPY, IDX), as in training,",
      file.path,
      format.toUpperCase(),
    );
  }
  const npz = await Npz.open(file);
  try {
    return await reading(await npz.array(npz.inputsName), read);
  } finally {
    npz.close();
  }
}
