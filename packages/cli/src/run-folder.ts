import { constants } from "node:fs";
import { access, mkdir, open, readdir, readFile, rename, rm, rmdir, stat } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import { expected, LilawError } from "@lilaw/core";
import { checkConfig, type RunConfig } from "./config.js";
import type { RunResult, Summary } from "./report.js";

/** One training run of a run folder: a method with a seed. */
export interface Unit {
  readonly method: string;
  readonly seed: number;
}

/** What is known after an epoch; one line of `metrics.jsonl`. Accuracies and AUROC in [0, 1], null where undefined. */
export interface EpochMetrics extends Unit {
  /** From 1. */
  readonly epoch: number;
  /** Mean training objective. */
  readonly loss: number;
  /** Of the predictions made while training, against the labels training saw. */
  readonly trainAccuracy: number;
  /** The same predictions against the labels before noise. */
  readonly trainCleanAccuracy: number;
  /** Against the labels model selection sees. */
  readonly validAccuracy: number;
  readonly validCleanAccuracy: number;
  readonly testAccuracy: number;
  readonly testAuroc: number | null;
  /** (sum w)^2 / sum w^2 of the training weights. */
  readonly effectiveSampleSize: number;
  /** LiLAW's scalars after the epoch. */
  readonly alpha?: number;
  readonly beta?: number;
  readonly delta?: number;
  /** Training and evaluation. */
  readonly seconds: number;
  /** Of training alone. */
  readonly stepsPerSecond: number;
}

/** Where a unit stopped, and how it goes on. */
export interface Checkpoint {
  readonly bytes: Uint8Array;
  readonly epochsDone: number;
}

const checkpointName = /^checkpoint-(\d+)\.bin$/;

/**
 * The files of a run.
 *
 * ```
 * config.json            everything needed to repeat the run
 * metrics.jsonl          one line for every finished epoch
 * summary.json           the results of the finished units
 * METHOD-SEED/           one unit: samples.csv, and checkpoint-EPOCHS.bin until the unit is finished
 * ```
 *
 * Every file is replaced as a whole, so a reader, or a process killed at any moment, finds the old or the new one.
 * The checkpoint decides how far a unit is: what was written of a later epoch is dropped when the folder is opened.
 */
export class RunFolder {
  readonly path: string;
  readonly config: RunConfig;
  #metrics: EpochMetrics[];
  #results: RunResult[];

  private constructor(path: string, config: RunConfig, metrics: EpochMetrics[], results: RunResult[]) {
    this.path = path;
    this.config = config;
    this.#metrics = metrics;
    this.#results = results;
  }

  /**
   * Creates the folder with its `config.json`; when that fails nothing is left behind.
   *
   * @throws NOT_WRITABLE, INVALID_ARGUMENT (a folder that holds something)
   */
  static async create(path: string, config: RunConfig): Promise<RunFolder> {
    const parent = await checkNewFolder(path);
    // The first new folder alone, at first: where none can be made, a recursive mkdir may try for ever.
    const created = path === parent ? undefined : join(parent, relative(parent, path).split(sep)[0]!);
    try {
      if (created) await makeFolder(created);
      await mkdir(path, { recursive: true });
      await createFirst(path, "config.json", jsonOf(config));
    } catch (error) {
      if (created) await removeEmpty(path, created);
      throw notWritable("--out", path, error);
    }
    return new RunFolder(path, config, [], []);
  }

  /**
   * Opens a folder that {@link create} made, as of its latest checkpoints. Writes nothing.
   *
   * @throws INVALID_ARGUMENT (no run folder), NOT_WRITABLE, CORRUPT_FILE, INCOMPATIBLE_STATE, UNKNOWN_NAME
   */
  static async open(path: string): Promise<RunFolder> {
    const config = await readOr<RunConfig | undefined>(join(path, "config.json"), JSON.parse, undefined);
    if (config === undefined) {
      throw expected("INVALID_ARGUMENT", "a run folder with a config.json", "--resume", path);
    }
    checkConfig(config);
    await access(path, constants.W_OK).catch((error) => Promise.reject(notWritable("--resume", path, error)));
    const summary = await readOr<Summary | undefined>(join(path, "summary.json"), JSON.parse, undefined);
    const metrics = await readOr(join(path, "metrics.jsonl"), parseLines, []);
    const folder = new RunFolder(path, config, metrics, [...(summary?.results ?? [])]);
    await folder.#forgetUnfinishedEpochs();
    return folder;
  }

  /** All units in the order in which they run: every method of a seed, then the next seed. */
  get units(): Unit[] {
    const { seeds, methods } = this.config.settings;
    return seeds.flatMap((seed) => methods.map((method) => ({ method, seed })));
  }

  /** The results so far, in the order of {@link units}. */
  get summary(): Summary {
    return { dataset: this.config.data.name, noise: this.config.settings.noise, results: this.#results };
  }

  isFinished(unit: Unit): boolean {
    return this.#results.some((result) => sameUnit(result, unit));
  }

  metricsOf(unit: Unit): EpochMetrics[] {
    return this.#metrics.filter((line) => sameUnit(line, unit));
  }

  /** The unit's latest checkpoint; undefined when it has not finished an epoch. */
  async checkpointOf(unit: Unit): Promise<Checkpoint | undefined> {
    const [epochsDone] = await this.#checkpointEpochs(unit);
    if (epochsDone === undefined) return undefined;
    const bytes = new Uint8Array(await readFile(this.#checkpointFile(unit, epochsDone)));
    return { epochsDone, bytes };
  }

  /** Records a finished epoch. The checkpoint comes last: it makes the epoch count. */
  async finishEpoch(metrics: EpochMetrics, checkpoint: Uint8Array, samples?: string): Promise<void> {
    await mkdir(this.#unitFolder(metrics), { recursive: true });
    this.#metrics.push(metrics);
    await this.#writeMetrics();
    if (samples !== undefined) await replaceFile(join(this.#unitFolder(metrics), "samples.csv"), samples);
    await replaceFile(this.#checkpointFile(metrics, metrics.epoch), checkpoint);
    await this.removeCheckpoints(metrics, metrics.epoch);
  }

  /** Records a finished unit. */
  async finishUnit(result: RunResult): Promise<void> {
    this.#results.push(result);
    await writeJson(join(this.path, "summary.json"), this.summary);
  }

  /** Removes a unit's checkpoints, all but that of epoch `except`. */
  async removeCheckpoints(unit: Unit, except?: number): Promise<void> {
    for (const epoch of await this.#checkpointEpochs(unit)) {
      if (epoch !== except) await rm(this.#checkpointFile(unit, epoch));
    }
  }

  /** Keeps the metrics of finished units and of epochs that have a checkpoint. */
  async #forgetUnfinishedEpochs(): Promise<void> {
    const kept: EpochMetrics[] = [];
    for (const unit of this.units) {
      const lines = this.metricsOf(unit);
      const [latest = 0] = await this.#checkpointEpochs(unit);
      const epochsDone = this.isFinished(unit) ? this.config.settings.epochs : latest;
      if (lines.length < epochsDone) {
        const wanted = `${epochsDone} lines of ${nameOf(unit)}`;
        throw expected("INCOMPATIBLE_STATE", wanted, "metrics.jsonl", `${lines.length} lines`);
      }
      kept.push(...lines.slice(0, epochsDone));
    }
    this.#metrics = kept;
  }

  async #writeMetrics(): Promise<void> {
    const lines = this.#metrics.map((line) => `${JSON.stringify(line)}\n`);
    await replaceFile(join(this.path, "metrics.jsonl"), lines.join(""));
  }

  /** Epochs of the checkpoints there are, the latest first: two only where a process was killed between them. */
  async #checkpointEpochs(unit: Unit): Promise<number[]> {
    const names = await readdir(this.#unitFolder(unit)).catch(() => []);
    const epochs = names.flatMap((name) => checkpointName.exec(name)?.[1] ?? []);
    return epochs.map(Number).sort((a, b) => b - a);
  }

  #unitFolder(unit: Unit): string {
    return join(this.path, nameOf(unit));
  }

  #checkpointFile(unit: Unit, epochs: number): string {
    return join(this.#unitFolder(unit), `checkpoint-${epochs}.bin`);
  }
}

/**
 * Refuses a path where a run folder could not be created. Writes nothing.
 *
 * @returns `path`, or the closest folder above it that exists
 * @throws NOT_WRITABLE, INVALID_ARGUMENT (a folder that holds something)
 */
export async function checkNewFolder(path: string): Promise<string> {
  const folder = await nearestFolder(path).catch((error) =>
    Promise.reject(notWritable("--out", path, error)),
  );
  await access(folder, constants.W_OK | constants.X_OK).catch((error) =>
    Promise.reject(notWritable("--out", path, error)),
  );
  if (folder === path && (await readdir(path)).length > 0) {
    throw expected("INVALID_ARGUMENT", "a new or empty folder (or --resume)", "--out", path);
  }
  return folder;
}

async function nearestFolder(path: string): Promise<string> {
  try {
    if (!(await stat(path)).isDirectory()) throw new Error(`${path} is a file`);
    return path;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT" || dirname(path) === path) throw error;
    return nearestFolder(dirname(path));
  }
}

export function nameOf({ method, seed }: Unit): string {
  return `${method}-${seed}`;
}

function sameUnit(a: Unit, b: Unit): boolean {
  return a.method === b.method && a.seed === b.seed;
}

export function notWritable(option: string, path: string, error: unknown): LilawError {
  const reason = (error as Error).message;
  return expected("NOT_WRITABLE", "a folder that can be written", option, `${path} (${reason})`);
}

async function readOr<T>(file: string, parse: (text: string) => T, absent: T): Promise<T> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return absent;
    throw error;
  }
  try {
    return parse(text);
  } catch (error) {
    throw new LilawError(
      "CORRUPT_FILE",
      `Expected JSON for ${file} but received ${(error as Error).message}`,
    );
  }
}

function parseLines(text: string): EpochMetrics[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
}

/**
 * Writes a file as a whole: under another name first, then renamed. That name is always the same, so that what a killed
 * process left behind is used up by the next write.
 */
async function replaceFile(path: string, content: string | Uint8Array): Promise<void> {
  const part = partOf(path);
  const file = await open(part, "w");
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(part, path);
}

const partOf = (path: string): string => `${path}.part`;

async function writeJson(path: string, value: unknown): Promise<void> {
  await replaceFile(path, jsonOf(value));
}

const jsonOf = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

/** Writes the first file of an empty folder. Of several processes that try, one succeeds. */
async function createFirst(folder: string, name: string, content: string): Promise<void> {
  const path = join(folder, name);
  const part = partOf(path);
  await (await open(part, "wx")).close();
  try {
    // Whoever was here before has left its file in place of the part.
    if ((await readdir(folder)).length > 1) throw new Error("another process has just made a run there");
    await replaceFile(path, content);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
}

/** A folder that may be there by now. */
async function makeFolder(path: string): Promise<void> {
  await mkdir(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error;
  });
}

/** Removes a folder and those above it down from `highest`, those that are empty. */
async function removeEmpty(path: string, highest: string): Promise<void> {
  for (let folder = path; folder.length >= highest.length; folder = dirname(folder)) {
    await rmdir(folder).catch(() => undefined);
  }
}
