/** A format of files that the packages read. */
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
