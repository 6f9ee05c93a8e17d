import type { FileSet } from "../sources/obtain.js";
import type { Dataset } from "../types.js";

/** A built-in dataset: its files, where to find them, and how to read them. */
export interface Definition extends Omit<FileSet, "foreign"> {
  license: string;
  citation: string;
  /** `bytes(name)` are the unpacked bytes of one of `files`. */
  parse(
    bytes: (name: string) => Uint8Array,
  ): Pick<Dataset, "classNames" | "train" | "test" | "groups" | "featureNames" | "encoding">;
}
