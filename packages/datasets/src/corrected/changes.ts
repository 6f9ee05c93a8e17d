/** The splits that decisions on labels may be about. */
export type DecidedSplit = "train" | "valid";

/** The rows of one split. */
export interface SourceRows {
  /** `[count]`, the class name of each row. */
  labels: readonly string[];
  /** `[count]`, line of each row in its text file, from 1; absent where there are no lines. */
  lines?: readonly number[];
  /** `[count]`, file of each row; only for folders of images. */
  files?: readonly string[];
}

/** The class name that a row gets, by its row; null where the row is left out. Rows that are not there stay as they are. */
export type Changes = ReadonlyMap<number, string | null>;

/** The rows that are left out. */
export function excludedRows(changes: Changes): ReadonlySet<number> {
  return new Set([...changes].flatMap(([row, label]) => (label === null ? [row] : [])));
}
