/** A format of files that the packages read. */
import { existsSync, ftruncateSync, openSync, writeSync } from "node:fs";

export interface Format {
  /** The mutations that apply to the format */
  readonly kind: "binary" | "text" | "json";
  /** A small, whole file. */
  readonly original: Uint8Array | (() => Promise<Uint8Array>);
  /** Small files that would become huge. */
  readonly bombs: readonly (() => Uint8Array)[];
  /**
   * Prepares the format in its own folder.
   *
   * @returns a function that reads damaged bytes by the packages; it throws their refusal, or FaultFound where it has
   *   read wrong values
   */
  open(folder: string): Promise<(damaged: Uint8Array) => Promise<void>>;
}

/** A file that is rewritten many times. It stays open, because opening it would take most of the time. */
export function rewritable(path: string): (bytes: Uint8Array) => void {
  const file = openSync(path, existsSync(path) ? "r+" : "w");
  return (bytes) => {
    ftruncateSync(file);
    writeSync(file, bytes, 0, bytes.length, 0);
  };
}
