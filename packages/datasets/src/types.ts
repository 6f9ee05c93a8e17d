import type { Encoding } from "./encoding.js";

/** Samples without labels, in memory. */
export interface Inputs {
  /** Row-major `[count, ...shape]`. Images are in [0, 1]. */
  features: Float32Array;
  count: number;
  /** Shape of one sample, such as `[28, 28, 1]` (height, width, channels) or `[14]`. */
  shape: readonly number[];
  /** `[count]`, row of each sample in its source, from 0; absent where it is the index itself. */
  rows?: Int32Array;
  /** `[count]`, line of each sample in its text file, from 1; absent for arrays, images and Parquet. */
  lines?: Int32Array;
  /** `[count]`, file of each sample within its folder, with `/` between folders; only for folders of images. */
  files?: readonly string[];
}

/** Samples with one label each. */
export interface Samples extends Inputs {
  /** `[count]`, class indices in `[0, classes)`. */
  labels: Int32Array;
}

/** One value per sample and attribute, in the order of the samples. */
export type Groups = Record<string, readonly string[]>;

/** A classification dataset with its official splits. */
export interface Dataset {
  name: string;
  classes: number;
  /** `[classes]` */
  classNames: readonly string[];
  train: Samples;
  valid?: Samples;
  /** `test.count` is 0 when the user's own files hold no test split. */
  test: Samples;
  /** Samples whose labels are right; only from `loadFiles`. */
  clean?: Samples;
  /** Names of the feature columns of tabular data, in the order of `features`. */
  featureNames?: readonly string[];
  /** Sensitive attributes, for fairness by group. */
  groups?: { train: Groups; test: Groups };
  /** How the files were understood; only from `loadFiles`. */
  reading?: Reading;
  /** How the numbers of a sample follow from its source; with it, `loadInputs` reads new samples. */
  encoding?: Encoding;
  license: string;
  citation: string;
}

/** The splits that files can hold. `clean` holds samples whose labels are right. */
export type SplitName = "train" | "valid" | "test" | "clean";

/** How files were understood, for people to check. */
export interface Reading {
  format: "npz" | "npy" | "csv" | "tsv" | "arff" | "jsonl" | "parquet" | "idx" | "images";
  /** Column or array of the labels, and why it was taken. */
  label: { name: string; reason: string };
  /** `[classes]`, number of training samples of each class in the source. */
  classCounts: readonly number[];
  /**
   * The feature columns of tables, in the order of the file: `values` is how many numbers a cell becomes, `missing`
   * how many cells of the training file are empty.
   */
  features?: readonly { name: string; kind: "numeric" | "categorical"; values: number; missing: number }[];
  /** Columns left out because `dropColumns` names them. */
  dropped?: readonly string[];
  /** Where images have their channels in the file; samples have them last. */
  layout?: "channels-last" | "channels-first" | "no channels";
  /**
   * Rows of each split: `read` from the file, `used` as samples, `dropped` because a cell is missing, `filled` where a
   * missing cell got a value. `select` may use fewer than are read.
   */
  rows: Partial<Record<SplitName, { read: number; used: number; dropped: number; filled: number }>>;
}

/** Paths of the user's own files, or of folders with a subfolder of images for each class. */
export interface DataFiles {
  train: string;
  valid?: string;
  test?: string;
  /** Samples whose labels are right. */
  clean?: string;
}

export interface FileOptions {
  /** Name of the label column of a table (CSV, TSV, ARFF, JSONL, Parquet, label file). Default: "label", else the last column. */
  labelColumn?: string;
  /** Columns of a table to leave out, such as identifiers. */
  dropColumns?: readonly string[];
  /**
   * Numeric columns of a table to keep although they look like identifiers; otherwise such columns are
   * refused.
   */
  keepColumns?: readonly string[];
  /**
   * Missing feature cells of a table (null, empty, `?`, `NA`, `N/A`, `NaN`, `null`, in any case): `"error"` refuses
   * them, `"drop"` leaves the row out, `"mean"` takes the mean of the training rows for numbers and a category of its
   * own for text. Default `"error"`.
   */
  missing?: "error" | "drop" | "mean";
  /**
   * Shift and scale the numeric columns of a table to mean 0 and standard deviation 1 over the training
   * rows. Default false.
   */
  standardize?: boolean;
  /**
   * Label file of an IDX or NPY training file, or of each split. Default: the file in the same folder with `labels` for
   * `images`, `features` or `embeddings` in its name, `y` for `x`, `idx1` for `idx3`. Labels of NPY may also be in a CSV
   * or TSV file (option `labelColumn`), or lines of a text file (`.txt`).
   */
  labels?: string | Partial<Record<SplitName, string>>;
  /** `[height, width]` of the samples of image files, which are resized to it. Default: that of the files, all equal. */
  imageSize?: readonly [number, number];
  /** Where the images of NPZ, NPY and IDX have their channels. Default `"auto"`: told by the shape. */
  imageLayout?: "auto" | "channels-last" | "channels-first";
  /**
   * How many bytes a compressed file may unpack to. Default: 1 GiB, or 20 times its size where that is more; for each
   * image file 256 MiB, four bytes a pixel.
   */
  maxBytes?: number;
  /**
   * Chooses among the training samples: called once with their class indices, `[count]` (rows that `missing: "drop"`
   * leaves out are not among them), the names of the classes, the splits that have samples, and the rows of these samples
   * in the source where they are not the indices themselves. Only the indices that it returns (ascending, distinct) are
   * kept in memory.
   */
  select?(
    labels: Int32Array,
    source: { classNames: readonly string[]; splits: readonly SplitName[]; rows?: Int32Array },
  ): Int32Array;
  /** Stops the loading. */
  signal?: AbortSignal;
  /** Called as a file is read, with the bytes read and its size. */
  onProgress?(progress: { file: string; received: number; total?: number }): void;
}

/** Progress of one download, in bytes. `total` is missing when the server does not tell it. */
export interface DownloadProgress {
  file: string;
  received: number;
  total?: number;
}

export interface LoadOptions {
  /** Folder that is looked in first: `DIR/NAME/` and `DIR/`. Default: the environment variable `LILAW_DATA`. */
  dataDir?: string;
  /** Default: `LILAW_CACHE`, else the cache folder of the operating system. */
  cacheDir?: string;
  /** Stops a download; what has arrived stays and the next call resumes there. */
  signal?: AbortSignal;
  onProgress?(progress: DownloadProgress): void;
  /** Only look at files of this machine. */
  offline?: boolean;
}
