import { extname } from "node:path";
import { expected } from "@lilaw/core";
import type { Reading } from "../types.js";
import { isIdx } from "./idx.js";

export type Format = Reading["format"];

/** A format that is not supported: how to recognise it, and how to convert it to one that is. */
interface ForeignFormat {
  name: string;
  extensions: readonly string[];
  /** First bytes, each string in Latin-1. */
  magic: readonly string[];
  help: string;
}

const pandas = (read: string) => `pandas.${read}.to_csv("data.csv", index=False) writes CSV`;
const savez = 'numpy.savez("data.npz", x_train=…, y_train=…) writes NPZ';

const foreignFormats: readonly ForeignFormat[] = [
  {
    name: "a spreadsheet",
    extensions: ["xlsx", "xlsm", "xls", "ods"],
    magic: ["\xd0\xcf\x11\xe0"],
    help: `save it as CSV; ${pandas("read_excel(…)")} too`,
  },
  {
    name: "a JSON file",
    extensions: ["json"],
    magic: ['{"', "[{", "[["],
    help: `JSON with an object in each line is named .jsonl; ${pandas("read_json(…)")}`,
  },
  { name: "an HDF5 file", extensions: ["h5", "hdf5"], magic: ["\x89HDF"], help: savez },
  { name: "a MATLAB file", extensions: ["mat"], magic: ["MATLAB 5.0"], help: savez },
  { name: "a pickle", extensions: ["pkl", "pickle", "pt", "pth", "joblib"], magic: [], help: savez },
  {
    name: "one image",
    extensions: ["png", "jpg", "jpeg", "gif", "bmp", "tif", "tiff", "webp"],
    magic: ["\x89PNG", "\xff\xd8\xff", "GIF8"],
    help: `PNG and JPEG images belong in a folder with a subfolder for each class; or ${savez}`,
  },
  {
    name: "a packed file",
    extensions: ["bz2", "xz", "zst", "7z", "rar", "tar", "tgz"],
    magic: ["BZh", "\xfd7zXZ", "\x28\xb5\x2f\xfd", "7z\xbc\xaf"],
    help: "unpack it, or pack it with gzip",
  },
];

/** Formats by their extensions. */
const extensions = new Map<string, Format>([
  ...(["npz", "npy", "csv", "tsv", "arff", "parquet", "jsonl"] as const).map((name) => [name, name] as const),
  ["pq", "parquet"],
  ["ndjson", "jsonl"],
]);

/** Formats by their first bytes, which only they have. */
const magics = [
  ["\x93NUMPY", "npy"],
  ["PAR1", "parquet"],
] as const;

/** Formats that files may have; images are in folders. */
export type FileFormat = Exclude<Format, "images">;

/**
 * The format of a file: by its first bytes or its extension.
 *
 * @throws `INVALID_ARGUMENT` for any other format, with its name and how to convert it
 */
export function formatOf(path: string, head: Uint8Array): FileFormat {
  const extension = extname(path.replace(/\.gz$/i, "")).slice(1).toLowerCase();
  const start = Buffer.from(head.subarray(0, 16)).toString("latin1");
  const told = magics.find(([bytes]) => start.startsWith(bytes));
  if (told) return told[1];
  const known = extensions.get(extension) as FileFormat | undefined;
  // A JSON object begins as many lines of JSON do.
  const foreign = foreignFormats.find(
    ({ extensions, magic }) =>
      extensions.includes(extension) || (known !== "jsonl" && magic.some((bytes) => start.startsWith(bytes))),
  );
  if (foreign) throw unreadFormat(path, foreign.name, foreign.help);
  if (known !== "npz" && start.startsWith("PK\x03\x04")) {
    throw unreadFormat(path, "a ZIP archive", "NPZ is named .npz, a spreadsheet is saved as CSV");
  }
  if (start.startsWith("\xff\xfe") || start.startsWith("\xfe\xff")) {
    throw unreadFormat(path, "UTF-16 text", "save it as UTF-8");
  }
  if (known) return known;
  if (isIdx(head)) return "idx";
  throw unreadFormat(
    path,
    extension === "" ? "another format" : `.${extension}`,
    "a table is named .csv where commas part its cells, .tsv where tabs do",
  );
}

function unreadFormat(path: string, name: string, help: string): Error {
  const wanted = `an NPZ, NPY, CSV, TSV, ARFF, JSONL, Parquet or IDX file, or a folder of images (${help})`;
  return expected("INVALID_ARGUMENT", wanted, path, name);
}
