/** A format of files that the packages read. */
import { existsSync, ftruncateSync, openSync, writeSync } from "node:fs";

export interface Format {
  /** Which mutations make sense */
  readonly kind: "binary" | "text" | "json";
  /** A small, whole file. */
  readonly original: Uint8Array | (() => Promise<Uint8Array>);
  /** Small files that would become huge. */
  readonly bombs: readonly (() => Uint8Array)[];
  /**
   * Makes ready in a folder of its own.
   *
   * @returns what reads damaged bytes as the packages do: it throws their refusal, or FaultFound when what has been read
   *   is not right
   */
  open(folder: string): Promise<(damaged: Uint8Array) => Promise<void>>;
}

/** A file that is written again and again. It stays open: opening it would take longer than all the rest. */
export function rewritable(path: string): (bytes: Uint8Array) => void {
  const file = openSync(path, existsSync(path) ? "r+" : "w");
  return (bytes) => {
    ftruncateSync(file);
    writeSync(file, bytes, 0, bytes.length, 0);
  };
}
