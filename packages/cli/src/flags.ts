import { rephrased } from "./rephrased.js";
import { flagOf, type Option, options } from "./settings.js";

/** Flags by the names that the options of `loadFiles` have. */
const flags = new Map(
  Object.values<Option>(options).flatMap((option): [string, string][] =>
    option.fileOption ? [[option.fileOption, flagOf(option)]] : [],
  ),
);

// A name in lower case is a word of its own, and stands for an option only where it is called one.
const [words, names] = [/^[a-z]+$/, /[A-Z]/].map((form) =>
  [...flags.keys()].filter((name) => form.test(name)).join("|"),
);
const optionName = new RegExp(`\\b(?:(?:the )?option )?(${names})\\b|\\b(?:the )?option (${words})\\b`, "g");

/** A text of `loadFiles` with the names that its options have on the command line. */
export function inFlags(text: string): string {
  return text.replaceAll(optionName, (_, name: string, word: string) => flags.get(name ?? word)!);
}

/** The same for an error. */
export function errorInFlags(error: unknown): unknown {
  return rephrased(error, inFlags);
}
