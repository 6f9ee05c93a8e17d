/** The options of `lilaw train`. */
import { expected, LilawError } from "@lilaw/core";
import { datasetNames, type FileOptions, parseNoise } from "@lilaw/datasets";
import { defaultLoss, lossForms, parseLoss } from "./losses.js";
import { methodAliases, methodNames, needsClean } from "./methods.js";
import { isModelFile, modelNames } from "./models.js";
import { checkOptions, type Option, type ValuesOf } from "./option.js";
import { rephrased } from "./rephrased.js";
import * as values from "./values.js";

/** An option of `lilaw train`. */
export interface TrainOption<T = unknown> extends Option<T> {
  /**
   * Where its value goes: `settings` and `files` are kept in `config.json`, where `--resume` finds them; `folder` says
   * where the run is; `surroundings` change no result, and go with `--resume` too.
   */
  readonly in: "settings" | "files" | "folder" | "surroundings";
  /** Name among the options of `loadFiles`, where it is one of them. */
  readonly fileOption?: keyof FileOptions;
}

/** Held out for validation and test, as a fraction of the samples. */
export const defaultPartSize = 0.15;
/** Clean samples for the methods that need them, where there are as many. */
export const defaultCleanSize = 1000;

const missingKinds = ["error", "drop", "mean"] as const;
const imageLayouts = ["auto", "channels-last", "channels-first"] as const;
const backendNames = ["auto", "tensorflow", "wasm", "cpu"] as const;
const trusting = methodNames.filter(needsClean).join(", ");

/** Every option, in the order of `--help`. A new one needs a row here, and the code that uses it. */
export const options = {
  dataset: {
    in: "settings",
    flag: "--dataset <name>",
    help: `one of ${datasetNames.join(", ")}`,
    kind: values.nameOf(datasetNames),
  },
  train: {
    in: "files",
    flag: "--train <file>",
    help: "your own training samples: CSV, TSV, ARFF, JSONL, Parquet, NPZ, NPY, IDX, or a folder of images",
    kind: values.path,
    required: true,
  },
  valid: {
    in: "files",
    flag: "--valid <file>",
    help: "your own validation samples (default: a part of the training samples)",
    kind: values.path,
  },
  test: {
    in: "files",
    flag: "--test <file>",
    help: "your own test samples (default: a part of the training file)",
    kind: values.path,
  },
  clean: {
    in: "files",
    flag: "--clean <file>",
    help: `samples whose labels are right, for ${trusting} (default: none)`,
    kind: values.path,
  },
  labels: {
    in: "files",
    flag: "--labels <file>",
    help: "label file of an IDX or NPY training file (default: the one beside it)",
    kind: values.path,
    fileOption: "labels",
  },
  labelColumn: {
    in: "files",
    flag: "--label-column <name>",
    help: "label column of a table (default: found by name, else the last)",
    kind: values.text,
    fileOption: "labelColumn",
  },
  dropColumns: {
    in: "files",
    flag: "--drop-column <name>",
    help: "column of a table to leave out, such as an identifier; repeatable",
    kind: values.each(values.text),
    fileOption: "dropColumns",
  },
  keepColumns: {
    in: "files",
    flag: "--keep-column <name>",
    help: "column of a table to keep though it looks like an identifier; repeatable (default: none)",
    kind: values.each(values.text),
    fileOption: "keepColumns",
  },
  missing: {
    in: "files",
    flag: "--missing <what>",
    help: "for missing cells of a table: error, drop (the row) or mean (default: error)",
    kind: values.oneOf(missingKinds),
    fileOption: "missing",
  },
  imageLayout: {
    in: "files",
    flag: "--image-layout <name>",
    help: `order of the axes of images: ${imageLayouts.join(", ")} (default: auto)`,
    kind: values.oneOf(imageLayouts),
    fileOption: "imageLayout",
  },
  imageSize: {
    in: "files",
    flag: "--image-size <HxW>",
    help: "height and width that the images of a folder are resized to (default: theirs, all equal)",
    kind: values.size,
    fileOption: "imageSize",
  },
  maxUnpacked: {
    in: "files",
    flag: "--max-unpacked <size>",
    help: "size that a packed file may unpack to, such as 4GB (default: 1GiB, or 20 times its size)",
    kind: values.byteCount,
    fileOption: "maxBytes",
  },
  decisions: {
    in: "settings",
    flag: "--decisions <file>",
    help: "decisions on labels: train with the labels as corrected, without excluded samples (default: none)",
    kind: values.path,
  },
  noise: {
    in: "settings",
    flag: "--noise <kind:rate>",
    help: "label noise to inject, for example symmetric:0.5",
    kind: values.notation(readNoise),
    default: "none",
  },
  methods: {
    in: "settings",
    flag: "--methods <list>",
    help: `one or more of ${methodNames.join(", ")}`,
    kind: values.listOf(values.nameOf(methodNames, methodAliases)),
    default: "baseline,lilaw",
  },
  loss: {
    in: "settings",
    flag: "--loss <name>",
    help: `loss of every method: ${lossForms.join(", ")} (default: ${defaultLoss})`,
    kind: values.notation(parseLoss),
  },
  model: {
    in: "settings",
    flag: "--model <name|file>",
    help: `${modelNames.join(", ")}, or a TensorFlow.js model.json`,
    kind: values.nameOrFile(modelNames, isModelFile),
    default: "mlp",
  },
  epochs: {
    in: "settings",
    flag: "--epochs <n>",
    help: "passes over the training samples",
    kind: values.integer(1),
    default: "10",
  },
  seeds: {
    in: "settings",
    flag: "--seeds <list>",
    help: "seeds; every method is trained with each of them",
    kind: values.listOf(values.integer(0)),
    default: "1",
  },
  backend: {
    in: "settings",
    flag: "--backend <name>",
    help: backendNames.join(", "),
    kind: values.oneOf(backendNames, "UNKNOWN_NAME"),
    default: "auto",
  },
  out: {
    in: "folder",
    flag: "--out <dir>",
    help: "run folder to create (default: runs/NAME-TIME)",
    kind: values.path,
  },
  trainSize: {
    in: "settings",
    flag: "--train-size <n>",
    help: "training samples to use, the validation part included (default: all)",
    kind: values.integer(2),
  },
  validSize: {
    in: "settings",
    flag: "--valid-size <n|fraction>",
    help: `validation samples to hold out, stratified (default: ${defaultPartSize})`,
    kind: values.partSize,
  },
  testSize: {
    in: "settings",
    flag: "--test-size <n|fraction>",
    help: `test samples to hold out, stratified, without --test (default: ${defaultPartSize})`,
    kind: values.partSize,
  },
  cleanSize: {
    in: "settings",
    flag: "--clean-size <n>",
    help: `samples with right labels for ${trusting} (default: ${defaultCleanSize}, or what there is)`,
    kind: values.integer(1),
  },
  validLabels: {
    in: "settings",
    flag: "--valid-labels <kind>",
    help: `noisy (like the training labels) or clean (right labels, for ${trusting} without --noise or --clean)`,
    kind: values.oneOf(["noisy", "clean"]),
    default: "noisy",
  },
  batchSize: {
    in: "settings",
    flag: "--batch-size <n>",
    help: "samples in a training step",
    kind: values.integer(1),
    default: "128",
  },
  learningRate: {
    in: "settings",
    flag: "--learning-rate <x>",
    help: "learning rate of Adam",
    kind: values.positiveNumber,
    default: "0.001",
  },
  gradient: {
    in: "settings",
    flag: "--gradient <mode>",
    help: "lilaw's gradient: full or detached",
    kind: values.oneOf(["full", "detached"]),
    default: "full",
  },
  warmupEpochs: {
    in: "settings",
    flag: "--warmup-epochs <n>",
    help: "first epochs, in which lilaw does not weigh samples yet",
    kind: values.integer(0),
    default: "1",
  },
  folds: {
    in: "settings",
    flag: "--folds <n>",
    help: "also train on all but one of n parts of the training samples, for probabilities of each by a model that has not seen it (default: none)",
    kind: values.integer(2),
  },
  dataDir: {
    in: "surroundings",
    flag: "--data-dir <dir>",
    help: "folder that is searched for datasets first (default: LILAW_DATA)",
    kind: values.path,
  },
  json: {
    in: "surroundings",
    flag: "--json",
    help: "print the summary as JSON on standard output, and nothing else there",
    kind: values.toggle,
    default: false,
  },
  quiet: {
    in: "surroundings",
    flag: "--quiet",
    help: "show warnings only",
    kind: values.toggle,
    default: false,
  },
  resume: {
    in: "folder",
    flag: "--resume <dir>",
    help: "finish the interrupted run of this folder",
    kind: values.path,
  },
} satisfies Record<string, TrainOption>;

type Options = typeof options;
type Place = TrainOption["in"];
type KeyIn<P extends Place> = { [K in keyof Options]: Options[K]["in"] extends P ? K : never }[keyof Options];

/** The values of the options of one place. */
export type ValuesIn<P extends Place> = ValuesOf<Pick<Options, KeyIn<P>>>;

/** The user's own files, absolute paths, and how they are read. */
export type Files = ValuesIn<"files">;

/**
 * Everything that decides a run's numbers; kept in `config.json`, where `--resume` finds it. Exactly one of `dataset` and
 * `files` is there.
 */
export type Settings = ValuesIn<"settings"> & { readonly files?: Files };

/** How to load and what to print: nothing here changes a result. */
export type Surroundings = ValuesIn<"surroundings">;

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
    ...(files !== undefined && { files: checkValues("files", Object(files)) }),
    ...checkValues("settings", raw),
  };
  checkTest(settings);
  checkClean(settings);
  return settings;
}

/**
 * Checks the values of the options of one place. A value without an option is left out.
 *
 * @throws INVALID_ARGUMENT, UNKNOWN_NAME, naming the option
 */
export function checkValues<P extends Place>(place: P, raw: Readonly<Record<string, unknown>>): ValuesIn<P> {
  const rows = Object.entries<TrainOption>(options).filter(([, option]) => option.in === place);
  return checkOptions(Object.fromEntries(rows), raw) as ValuesIn<P>;
}

/** Whether the run makes labels wrong itself; the right ones are known then. */
export function injectsNoise({ noise }: Pick<Settings, "noise">): boolean {
  const parsed = parseNoise(noise);
  return parsed.kind !== "none" && parsed.rate > 0;
}

function readNoise(text: string): void {
  try {
    parseNoise(text);
  } catch (error) {
    throw rephrased(error, (message) => message.replace(/\bfor noise\b( rate)?/, "for --noise"));
  }
}

function checkTest({ files, testSize }: Settings): void {
  const source = files === undefined ? "--dataset" : files.test !== undefined && "--test";
  if (testSize !== undefined && source) {
    throw expected("INVALID_ARGUMENT", `no --test-size beside ${source}`, "the test samples", "both");
  }
}

/** @throws INVALID_ARGUMENT for a method that trusts labels where nobody says which labels are right */
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
Every wrong label among them makes the result worse. Say which labels are right:
  --clean FILE          a file of samples with right labels
  --valid-labels clean  the validation labels are right`,
  );
}
