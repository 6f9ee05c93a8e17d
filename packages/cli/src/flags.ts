import { LilawError } from "@lilaw/core";

/** The options of `loadFiles` as they are called on the command line. */
const flags: Record<string, string> = {
  labelColumn: "--label-column",
  dropColumns: "--drop-column",
  missing: "--missing",
  imageLayout: "--image-layout",
  maxBytes: "--max-unpacked",
  labels: "--labels",
};

// Names that are words of their own stand for options only where they are called so.
const optionName =
  /\b(?:(?:the )?option )?(labelColumn|dropColumns|imageLayout|maxBytes)\b|\b(?:the )?option (missing|labels)\b/g;

/** A text of `loadFiles` with the names that its options have on the command line. */
export function inFlags(text: string): string {
  return text.replaceAll(optionName, (_, name: string, word: string) => flags[name ?? word]!);
}

/** The same for an error. */
export function errorInFlags(error: unknown): unknown {
  if (!(error instanceof LilawError)) return error;
  return new LilawError(error.code, inFlags(error.message), { cause: error });
}
