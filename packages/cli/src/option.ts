/** Options of the commands. The row of an option has everything that is known of it. */
import { type Command, Option as TypedOption } from "commander";
import * as values from "./values.js";

/** An option of the command line. */
export interface Option<T = unknown> {
  /** Name and argument, as `--help` shows them. */
  readonly flag: string;
  readonly help: string;
  readonly kind: values.Kind<T>;
  /** As it is typed. An option without a default is absent unless it is given. */
  readonly default?: string | false;
  /** Set where the value is always there though it has no default. */
  readonly required?: true;
}

/** The options of a command by the names of their values, in the order of `--help`. */
export type OptionRows = Readonly<Record<string, Option>>;

type ValueOf<O> = O extends Option<infer T> ? T : never;
type PresentKey<Rows> = {
  [K in keyof Rows]: Rows[K] extends { default: string | false } | { required: true } ? K : never;
}[keyof Rows];

/** The values of the options of some rows. */
export type ValuesOf<Rows> = {
  readonly [K in PresentKey<Rows>]: ValueOf<Rows[K]>;
} & { readonly [K in Exclude<keyof Rows, PresentKey<Rows>>]?: ValueOf<Rows[K]> };

/** Options as they were typed: `raw` are values that are not checked yet, `typed` the options that were given. */
export interface TypedOptions {
  readonly raw: Readonly<Record<string, unknown>>;
  readonly typed: ReadonlySet<Option>;
}

/** The name of an option as it is typed: `--label-column`. */
export function flagOf({ flag }: Option): string {
  return flag.split(" ")[0]!;
}

/** Adds the options of some rows to a command. */
export function withOptions(command: Command, rows: OptionRows): Command {
  for (const option of Object.values(rows)) command.addOption(typedOption(option));
  return command;
}

/** The values that a command was given for some rows, before any check. */
export function typedOptions(command: Command, rows: OptionRows): TypedOptions {
  const typed = new Set<Option>();
  const raw: Record<string, unknown> = {};
  for (const [key, option] of Object.entries(rows)) {
    const name = typedOption(option).attributeName();
    if (command.getOptionValueSource(name) === "cli") typed.add(option);
    raw[key] = parsed(option, command.getOptionValue(name));
  }
  return { raw, typed };
}

/**
 * The values that a command was given for some rows.
 *
 * @throws INVALID_ARGUMENT, UNKNOWN_NAME, naming the option
 */
export function optionsOf<Rows extends OptionRows>(command: Command, rows: Rows): ValuesOf<Rows> {
  return checkOptions(rows, typedOptions(command, rows).raw);
}

/**
 * Checks the values of some rows. A value without a row is left out.
 *
 * @throws INVALID_ARGUMENT, UNKNOWN_NAME, naming the option
 */
export function checkOptions<Rows extends OptionRows>(
  rows: Rows,
  raw: Readonly<Record<string, unknown>>,
): ValuesOf<Rows> {
  const checked: Record<string, unknown> = {};
  for (const [key, option] of Object.entries(rows)) {
    const isAbsent = raw[key] === undefined && option.default === undefined && !option.required;
    if (!isAbsent) checked[key] = values.check(option.kind, raw[key], flagOf(option));
  }
  return checked as ValuesOf<Rows>;
}

function typedOption(option: Option): TypedOption {
  const typed = new TypedOption(option.flag, option.help);
  if (option.default) typed.default(option.default, option.default);
  return option.kind.repeatable ? typed.argParser(append) : typed;
}

function append(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}

/**
 * The value of an option.
 *
 * @param value value from the argument parser: text, the texts of a repeatable option, or true
 */
function parsed({ kind, default: absent }: Option, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((text) => kind.parse(text));
  return typeof value === "string" ? kind.parse(value) : (value ?? absent);
}
