/** The command line of `lilaw`. */
import { type BenchOptions, withBenchOptions } from "@lilaw/bench/program";
import { expected } from "@lilaw/core";
import { Command, Option as TypedOption } from "commander";
import { exitStatusHelp } from "./exit-status.js";
import {
  checkSettings,
  checkValues,
  flagOf,
  type Option,
  options,
  type Settings,
  type Surroundings,
  type ValuesIn,
} from "./settings.js";

/** A new run with its settings, or an interrupted one that is to be finished. */
export type Invocation = Surroundings &
  (({ readonly settings: Settings } & Pick<ValuesIn<"folder">, "out">) | { readonly resume: string });

/** The functions that run the commands of `lilaw`. */
export interface Commands {
  train(invocation: Invocation): Promise<void>;
  bench(options: BenchOptions): Promise<void>;
}

/**
 * The command line of `lilaw`.
 *
 * @param version the version that `lilaw --version` prints
 * @returns a program whose `parseAsync` throws a LilawError for every mistake in the arguments
 */
export function createProgram(version: string, { train, bench }: Commands): Command {
  const program = new Command("lilaw")
    .description("Train robust classifiers on labels that are partly wrong")
    .version(version)
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
    .configureHelp({ minWidthToWrap: 20 })
    .action(() => program.outputHelp());
  const command = program
    .command("train")
    .description("train a model on noisy labels with one or more methods and compare them")
    .addHelpText("after", exitStatusHelp)
    .action(() => train(invocationOf(command)));
  for (const option of Object.values<Option>(options)) command.addOption(typedOption(option));
  withBenchOptions(program.command("bench"))
    .description("time the operations of the methods with everything that runs here, and compare")
    .action((options: BenchOptions) => bench(options));
  return program;
}

function typedOption(option: Option): TypedOption {
  const typed = new TypedOption(option.flag, option.help);
  if (option.default) typed.default(option.default, option.default);
  return option.kind.repeatable ? typed.argParser(append) : typed;
}

function append(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}

function invocationOf(command: Command): Invocation {
  const typed = new Set<Option>();
  const raw: Record<string, unknown> = {};
  for (const [key, option] of Object.entries<Option>(options)) {
    const name = typedOption(option).attributeName();
    if (command.getOptionValueSource(name) === "cli") typed.add(option);
    raw[key] = parsed(option, command.getOptionValue(name));
  }
  const surroundings = checkValues("surroundings", raw);
  const { out, resume } = checkValues("folder", raw);
  if (resume !== undefined) {
    const other = [...typed].find((option) => option !== options.resume && option.in !== "surroundings");
    if (other) throw expected("INVALID_ARGUMENT", "no other settings", "--resume", flagOf(other));
    return { ...surroundings, resume };
  }
  const settings = checkSettings({ ...raw, files: filesOf(raw) });
  return { ...surroundings, settings, ...(out !== undefined && { out }) };
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

/** The values of the options on files; undefined where none is given. */
function filesOf(raw: Readonly<Record<string, unknown>>): Record<string, unknown> | undefined {
  const given = Object.entries<Option>(options).filter(
    ([key, option]) => option.in === "files" && raw[key] !== undefined,
  );
  return given.length > 0 ? Object.fromEntries(given.map(([key]) => [key, raw[key]])) : undefined;
}
