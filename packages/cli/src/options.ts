import { resolve } from "node:path";
import { type ErrorCode, expected, LilawError } from "@lilaw/core";
import { datasetNames, parseNoise } from "@lilaw/datasets";
import { Command, type CommanderError } from "commander";
import { type BenchOptions, withBenchOptions } from "./bench/program.js";
import { exitStatusHelp } from "./exit-status.js";
import { methodNames, needsClean } from "./methods.js";
import { isModelFile, modelNames } from "./models.js";

/** The user's own files, absolute paths, and how they are read. */
export interface Files {
  readonly train: string;
  readonly valid?: string;
  readonly test?: string;
  /** Samples whose labels are right. */
  readonly clean?: string;
  /** Label file that goes with an IDX training file. */
  readonly labels?: string;
  readonly labelColumn?: string;
  readonly dropColumns?: readonly string[];
  readonly missing?: (typeof missingKinds)[number];
  readonly imageLayout?: (typeof imageLayouts)[number];
  /** Bytes that a packed file may unpack to. */
  readonly maxUnpacked?: number;
}

/** Everything that decides a run's numbers; kept in `config.json`, where `--resume` finds it. */
export interface Settings {
  /** A dataset's name; exactly one of `dataset` and `files` is given. */
  readonly dataset?: string;
  readonly files?: Files;
  /** As typed, for example `symmetric:0.5`; it parses. */
  readonly noise: string;
  readonly methods: readonly string[];
  /** A built-in name, or the absolute path of a TensorFlow.js `model.json`. */
  readonly model: string;
  readonly epochs: number;
  readonly seeds: readonly number[];
  readonly backend: (typeof backendNames)[number];
  /** Training samples used, the validation part included; default all. */
  readonly trainSize?: number;
  /** Validation samples to hold out: below 1 a fraction of the training samples, else a count; default 0.15. */
  readonly validSize?: number;
  /** Test samples to hold out of the training file, before anything else: as `validSize`; default 0.15. */
  readonly testSize?: number;
  /** Clean validation samples for Learning to Reweight; default 1000 or as many as there are. */
  readonly cleanSize?: number;
  readonly validLabels: (typeof validLabelKinds)[number];
  readonly batchSize: number;
  readonly learningRate: number;
  readonly gradient: (typeof gradientModes)[number];
  readonly warmupEpochs: number;
}

/** How to load, where to write and what to print: nothing here changes a result. */
export interface Surroundings {
  readonly dataDir?: string;
  readonly json: boolean;
  readonly quiet: boolean;
}

export type Invocation = Surroundings &
  ({ readonly settings: Settings; readonly out?: string } | { readonly resume: string });

const missingKinds = ["error", "drop", "mean"] as const;
const imageLayouts = ["auto", "channels-last", "channels-first"] as const;
const backendNames = ["auto", "tensorflow", "wasm", "cpu"] as const;
const validLabelKinds = ["noisy", "clean"] as const;
const gradientModes = ["full", "detached"] as const;
/** Values of the options as commander gives them. */
type Values = Record<string, string | boolean | readonly string[]>;

const surroundingOptions = new Set(["resume", "dataDir", "json", "quiet"]);

/** What the commands of `lilaw` do; each receives its options. */
export interface Commands {
  train(invocation: Invocation): Promise<void>;
  bench(options: BenchOptions): Promise<void>;
}

/**
 * The command line of `lilaw`.
 *
 * @param version what `lilaw --version` prints
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
    .option("--dataset <name>", `one of ${datasetNames.join(", ")}`)
    .option("--train <file>", "your own training samples: NPZ, CSV, TSV, ARFF or IDX")
    .option("--valid <file>", "your own validation samples (default: a part of the training samples)")
    .option("--test <file>", "your own test samples (default: a part of the training file)")
    .option("--clean <file>", "samples whose labels are right, for l2rw (default: none)")
    .option("--labels <file>", "label file of an IDX training file (default: the one beside it)")
    .option("--label-column <name>", "label column of a table (default: found by name, else the last)")
    .option(
      "--drop-column <name>",
      "column of a table to leave out, such as an identifier; repeatable",
      append,
    )
    .option("--missing <what>", "missing cells of a table: error, drop (the row) or mean (default: error)")
    .option("--image-layout <name>", `${imageLayouts.join(", ")} (default: auto)`)
    .option(
      "--max-unpacked <size>",
      "what a packed file may unpack to, such as 4GB (default: 1GiB, or 20 times its size)",
    )
    .option("--noise <kind:rate>", "label noise to inject, for example symmetric:0.5", "none")
    .option("--methods <list>", `of ${methodNames.join(", ")}`, "baseline,lilaw")
    .option("--model <name|file>", `${modelNames.join(", ")}, or a TensorFlow.js model.json`, "mlp")
    .option("--epochs <n>", "passes over the training samples", "10")
    .option("--seeds <list>", "one run of every method each", "1")
    .option("--backend <name>", backendNames.join(", "), "auto")
    .option("--out <dir>", "run folder to create (default: runs/NAME-TIME)")
    .option("--train-size <n>", "training samples to use, the validation part included (default: all)")
    .option("--valid-size <n|fraction>", "validation samples to hold out, stratified (default: 0.15)")
    .option(
      "--test-size <n|fraction>",
      "test samples to hold out, stratified, without --test (default: 0.15)",
    )
    .option("--clean-size <n>", "samples with right labels for l2rw (default: 1000, or what there is)")
    .option(
      "--valid-labels <kind>",
      "noisy (as the training labels), or clean: they are right, as l2rw needs it without --noise or --clean",
      "noisy",
    )
    .option("--batch-size <n>", "samples a step", "128")
    .option("--learning-rate <x>", "of Adam", "0.001")
    .option("--gradient <mode>", "lilaw's gradient: full or detached", "full")
    .option("--warmup-epochs <n>", "epochs of the plain loss before lilaw weighs", "1")
    .option("--data-dir <dir>", "folder to look for datasets first (default: LILAW_DATA)")
    .option("--json", "print the summary as JSON on standard output, and nothing else there", false)
    .option("--quiet", "no progress", false)
    .option("--resume <dir>", "finish the interrupted run of this folder")
    .addHelpText("after", exitStatusHelp)
    .action(async (values: Values) => {
      const typed = Object.keys(values).filter((name) => command.getOptionValueSource(name) === "cli");
      await train(invocationOf(values, typed));
    });
  withBenchOptions(program.command("bench"))
    .description("time the operations of the methods with everything that runs here, and compare")
    .action((options: BenchOptions) => bench(options));
  return program;
}

/** Errors of the argument parser itself, in the shape of all others; undefined for `--help` and `--version`. */
export function parserError(error: CommanderError): Error | undefined {
  if (error.exitCode === 0) return undefined;
  const what = error.message.replace(/^error: /, "").replaceAll(/\s+/g, " ");
  return expected("INVALID_ARGUMENT", "what --help lists", "the arguments", what);
}

function invocationOf(values: Values, typed: readonly string[]): Invocation {
  const surroundings: Surroundings = {
    json: values.json === true,
    quiet: values.quiet === true,
    ...(typeof values.dataDir === "string" && { dataDir: resolve(values.dataDir) }),
  };
  if (typeof values.resume === "string") {
    const other = typed.find((name) => !surroundingOptions.has(name));
    if (other) {
      throw expected("INVALID_ARGUMENT", "no other settings", "--resume", flagOf(other));
    }
    return { ...surroundings, resume: resolve(values.resume) };
  }
  const settings = checkSettings(settingsFromText(values));
  return { ...surroundings, settings, ...(typeof values.out === "string" && { out: resolve(values.out) }) };
}

/** Typed text as the values of {@link Settings}; what is no number stays text, for the check to name. */
function settingsFromText(values: Values): Record<string, unknown> {
  const path = (value: unknown) => (typeof value === "string" ? resolve(value) : undefined);
  const files = {
    train: path(values.train),
    valid: path(values.valid),
    test: path(values.test),
    clean: path(values.clean),
    labels: path(values.labels),
    labelColumn: values.labelColumn,
    dropColumns: values.dropColumn,
    missing: values.missing,
    imageLayout: values.imageLayout,
    maxUnpacked: bytes(values.maxUnpacked),
  };
  const ownFiles = Object.values(files).some((value) => value !== undefined);
  return {
    dataset: values.dataset,
    files: ownFiles ? files : undefined,
    noise: values.noise,
    methods: list(values.methods),
    model: isModelFile(values.model) ? path(values.model) : values.model,
    epochs: number(values.epochs),
    seeds: list(values.seeds).map(number),
    backend: values.backend,
    trainSize: number(values.trainSize),
    validSize: number(values.validSize),
    testSize: number(values.testSize),
    cleanSize: number(values.cleanSize),
    validLabels: values.validLabels,
    batchSize: number(values.batchSize),
    learningRate: number(values.learningRate),
    gradient: values.gradient,
    warmupEpochs: number(values.warmupEpochs),
  };
}

/**
 * Checks settings, typed or read back from a `config.json`.
 *
 * @throws INVALID_ARGUMENT, UNKNOWN_NAME, naming the option
 */
export function checkSettings(raw: Record<string, unknown>): Settings {
  const { dataset, files } = raw;
  if (dataset === undefined && files === undefined) {
    throw expected("INVALID_ARGUMENT", "a dataset's name, or files by --train", "--dataset", "nothing");
  }
  if (dataset !== undefined && files !== undefined) {
    throw expected("INVALID_ARGUMENT", "either --dataset or --train", "the samples", "both");
  }
  const settings: Settings = {
    ...(dataset === undefined
      ? { files: checkFiles(files) }
      : { dataset: choice(dataset, "--dataset", datasetNames, "UNKNOWN_NAME") }),
    noise: text(raw.noise, "--noise"),
    methods: distinct(raw.methods, "--methods").map((name) =>
      choice(name, "--methods", methodNames, "UNKNOWN_NAME"),
    ),
    model: isModelFile(raw.model) ? raw.model : choice(raw.model, "--model", modelNames, "UNKNOWN_NAME"),
    epochs: integer(raw.epochs, "--epochs", 1),
    seeds: distinct(raw.seeds, "--seeds").map((seed) => integer(seed, "--seeds", 0)),
    backend: choice(raw.backend, "--backend", backendNames, "UNKNOWN_NAME"),
    ...optional("trainSize", raw.trainSize, (value) => integer(value, "--train-size", 2)),
    ...optional("validSize", raw.validSize, (value) => partSize(value, "--valid-size")),
    ...optional("testSize", raw.testSize, (value) => partSize(value, "--test-size")),
    ...optional("cleanSize", raw.cleanSize, (value) => integer(value, "--clean-size", 1)),
    validLabels: choice(raw.validLabels, "--valid-labels", validLabelKinds, "INVALID_ARGUMENT"),
    batchSize: integer(raw.batchSize, "--batch-size", 1),
    learningRate: positive(raw.learningRate, "--learning-rate"),
    gradient: choice(raw.gradient, "--gradient", gradientModes, "INVALID_ARGUMENT"),
    warmupEpochs: integer(raw.warmupEpochs, "--warmup-epochs", 0),
  };
  checkTest(settings);
  checkClean(settings);
  return settings;
}

/** Whether the run itself makes labels wrong, so that it knows the right ones. */
export function injectsNoise({ noise }: Pick<Settings, "noise">): boolean {
  const parsed = parseNoise(noise);
  return parsed.kind !== "none" && parsed.rate > 0;
}

function checkTest({ files, testSize }: Settings): void {
  const source = files === undefined ? "--dataset" : files.test !== undefined && "--test";
  if (testSize !== undefined && source) {
    throw expected("INVALID_ARGUMENT", `no --test-size beside ${source}`, "the test samples", "both");
  }
}

/** A method that trusts labels gets some that somebody says are right, or does not run. */
function checkClean(settings: Settings): void {
  const { files, methods, validLabels } = settings;
  const known = injectsNoise(settings) || files === undefined || files.clean || validLabels === "clean";
  const method = methods.find(needsClean);
  if (known || method === undefined) return;
  const { message } = expected(
    "INVALID_ARGUMENT",
    "labels that are right",
    method,
    `those of ${files.valid ?? files.train}, which may be wrong`,
  );
  throw new LilawError(
    "INVALID_ARGUMENT",
    `${message}
Every wrong label among them makes it worse. Say which labels are right:
  --clean FILE          a file of samples with right labels
  --valid-labels clean  the validation labels are right`,
  );
}

function checkFiles(files: unknown): Files {
  const raw = files as Record<string, unknown>;
  const textOf = (key: string) => (value: unknown) => text(value, flagOf(key));
  return {
    train: text(raw.train, "--train"),
    ...optional("valid", raw.valid, textOf("valid")),
    ...optional("test", raw.test, textOf("test")),
    ...optional("clean", raw.clean, textOf("clean")),
    ...optional("labels", raw.labels, textOf("labels")),
    ...optional("labelColumn", raw.labelColumn, textOf("labelColumn")),
    ...optional("dropColumns", raw.dropColumns, (value) =>
      distinct(value, "--drop-column").map((name) => text(name, "--drop-column")),
    ),
    ...optional("missing", raw.missing, (value) =>
      choice(value, "--missing", missingKinds, "INVALID_ARGUMENT"),
    ),
    ...optional("imageLayout", raw.imageLayout, (value) =>
      choice(value, "--image-layout", imageLayouts, "INVALID_ARGUMENT"),
    ),
    ...optional("maxUnpacked", raw.maxUnpacked, byteCount),
  };
}

function optional<K extends string, T>(
  key: K,
  value: unknown,
  check: (value: unknown) => T,
): { [key in K]?: T } {
  return value === undefined ? {} : ({ [key]: check(value) } as { [key in K]?: T });
}

function text(value: unknown, name: string): string {
  if (typeof value !== "string" || value === "") throw expected("INVALID_ARGUMENT", "some text", name, value);
  return value;
}

function choice<T extends string>(value: unknown, name: string, choices: readonly T[], code: ErrorCode): T {
  const found = choices.find((known) => known === value);
  if (found === undefined) throw expected(code, `one of ${choices.join(", ")}`, name, value);
  return found;
}

function integer(value: unknown, name: string, least: number): number {
  if (!Number.isSafeInteger(value) || (value as number) < least) {
    throw expected("INVALID_ARGUMENT", `an integer of at least ${least}`, name, value);
  }
  return value as number;
}

function positive(value: unknown, name: string): number {
  if (typeof value !== "number" || !(value > 0 && value < Infinity)) {
    throw expected("INVALID_ARGUMENT", "a number above 0", name, value);
  }
  return value;
}

function partSize(value: unknown, name: string): number {
  const size = positive(value, name);
  if (size > 1 && !Number.isInteger(size)) {
    throw expected("INVALID_ARGUMENT", "a fraction below 1 or a whole number", name, size);
  }
  return size;
}

function byteCount(value: unknown): number {
  if (!Number.isSafeInteger(value) || (value as number) < 1) {
    throw expected("INVALID_ARGUMENT", "a size such as 500MB or 4GB", "--max-unpacked", value);
  }
  return value as number;
}

function distinct(values: unknown, name: string): readonly unknown[] {
  if (!Array.isArray(values) || values.length === 0 || new Set(values).size !== values.length) {
    const received = Array.isArray(values) ? values.join(",") : values;
    throw expected("INVALID_ARGUMENT", "one or more different entries", name, received);
  }
  return values;
}

function list(value: unknown): string[] {
  return String(value)
    .split(",")
    .map((entry) => entry.trim())
    .filter((entry) => entry !== "");
}

function number(value: unknown): unknown {
  if (typeof value !== "string" || value.trim() === "") return value;
  const parsed = Number(value);
  return Number.isNaN(parsed) ? value : parsed;
}

/** 4GB as 4e9, 4GiB as 2 ** 32, bytes without a unit; any other text stays as it is. */
function bytes(value: unknown): unknown {
  const [, count, unit, binary] = /^(\d+(?:\.\d+)?) ?([kmgt]?)(i?)b?$/i.exec(String(value)) ?? [];
  if (count === undefined || unit === undefined) return value;
  const exponent = ["", "k", "m", "g", "t"].indexOf(unit.toLowerCase());
  return Math.round(Number(count) * (binary ? 1024 : 1000) ** exponent);
}

function append(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}

function flagOf(name: string): string {
  return `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
