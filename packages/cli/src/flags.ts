import { flagOf } from "./option.js";
import { rephrased } from "./rephrased.js";
import { options, type TrainOption } from "./settings.js";

/** The flag of each option of `loadFiles`, by its name there. */
const flags = new Map(
  Object.values<TrainOption>(options).flatMap((option): [string, string][] =>
    option.fileOption ? [[option.fileOption, flagOf(option)]] : [],
  ),
);

// Names in lower case (missing, labels) are ordinary words too, and mean an option only after the word "option".
const [words, names] = [/^[a-z]+$/, /[A-Z]/].map((form) =>
  [...flags.keys()].filter((name) => form.test(name)).join("|"),
);
const optionName = new RegExp(`\\b(?:(?:the )?option )?(${names})\\b|\\b(?:the )?option (${words})\\b`, "g");

/** Replaces the names of options in a text of `loadFiles` by their flags. */
export function inFlags(text: string): string {
  return text.replaceAll(optionName, (_, name: string, word: string) => flags.get(name ?? word)!);
}

/** Replaces them in the message of an error. */
export function errorInFlags(error: unknown): unknown {
  return rephrased(error, inFlags);
}
