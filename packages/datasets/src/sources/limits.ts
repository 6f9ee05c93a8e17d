/** How long the parts of a search for files may take. Sizes are pinned with the files themselves. */
export interface Limits {
  /** A connection that is slower than a kilobyte a second for this long counts as broken. */
  stallSeconds: number;
  /** How often a download is resumed after its connection broke. */
  resumptions: number;
  /** For one command of the operating system, such as `apt-get download`. */
  commandSeconds: number;
  /** For another process that downloads into the same folder. */
  lockSeconds: number;
}

export const defaultLimits: Limits = {
  stallSeconds: 60,
  resumptions: 16,
  commandSeconds: 900,
  lockSeconds: 1800,
};
