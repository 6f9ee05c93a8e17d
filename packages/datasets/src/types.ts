/** Samples with one label each, in memory. */
export interface Samples {
  /** Row-major `[count, ...shape]`. Images are in [0, 1]. */
  features: Float32Array;
  /** `[count]`, class indices in `[0, classes)`. */
  labels: Int32Array;
  count: number;
  /** Shape of one sample, such as `[28, 28, 1]` (height, width, channels) or `[14]`. */
  shape: readonly number[];
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
  /** Names of the feature columns of tabular data, in the order of `features`. */
  featureNames?: readonly string[];
  /** Sensitive attributes, for fairness by group. */
  groups?: { train: Groups; test: Groups };
  license: string;
  citation: string;
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
