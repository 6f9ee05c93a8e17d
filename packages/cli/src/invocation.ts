import { expected } from "@lilaw/core";
import { flagOf, type TypedOptions } from "./option.js";
import {
  checkSettings,
  checkValues,
  options,
  type Settings,
  type Surroundings,
  type TrainOption,
  type ValuesIn,
} from "./settings.js";

/** A new run with its settings, or an interrupted one that is to be finished. */
export type Invocation = Surroundings &
  (({ readonly settings: Settings } & Pick<ValuesIn<"folder">, "out">) | { readonly resume: string });

/**
 * The run that the options of `lilaw train` describe.
 *
 * @throws INVALID_ARGUMENT, UNKNOWN_NAME, naming the option
 */
export function invocationOf({ raw, typed }: TypedOptions): Invocation {
  const surroundings = checkValues("surroundings", raw);
  const { out, resume } = checkValues("folder", raw);
  if (resume !== undefined) {
    const other = ([...typed] as TrainOption[]).find(
      (option) => option !== options.resume && option.in !== "surroundings",
    );
    if (other) throw expected("INVALID_ARGUMENT", "no other settings", "--resume", flagOf(other));
    return { ...surroundings, resume };
  }
  const settings = checkSettings({ ...raw, files: filesOf(raw) });
  return { ...surroundings, settings, ...(out !== undefined && { out }) };
}

/** The values of the options on files; undefined where none is given. */
function filesOf(raw: Readonly<Record<string, unknown>>): Record<string, unknown> | undefined {
  const given = Object.entries<TrainOption>(options).filter(
    ([key, option]) => option.in === "files" && raw[key] !== undefined,
  );
  return given.length > 0 ? Object.fromEntries(given.map(([key]) => [key, raw[key]])) : undefined;
}
