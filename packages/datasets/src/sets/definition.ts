import type { FileSet } from "../sources/obtain.js";
import type { Dataset } from "../types.js";

/** A dataset known by name: its files, their places, and how they become samples. */
export interface Definition extends Omit<FileSet, "foreign"> {
  license: string;
  citation: string;
  /** `bytes(name)` are the unpacked bytes of one of `files`. */
  parse(
    bytes: (name: string) => Uint8Array,
  ): Pick<Dataset, "classNames" | "train" | "test" | "groups" | "featureNames">;
}
