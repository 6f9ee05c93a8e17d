import { constants } from "node:fs";
import { access, mkdir, open, readdir, readFile, rename, rm, rmdir, stat } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import { expected, LilawError } from "@lilaw/core";
import { type Checkpoint, checkCheckpoint, packCheckpoint, unpackCheckpoint } from "./checkpoint.js";
import { checkConfig, type RunConfig } from "./config.js";
import {
  type EpochMetrics,
  epochMetrics,
  finishedUnits,
  runConfig,
  seal,
  sealForRun,
  sha256,
  type Unit,
  unseal,
  unsealOfRun,
} from "./documents.js";
import { isGranted } from "./kernel-lock.js";
import { type RunResult, resultOf, type Summary } from "./results-table.js";
import { resumeCommand } from "./resume-command.js";

const foldName = /^fold-\d+\.bin$/;
const checkpointName = /^checkpoint-([1-9]\d*)\.bin$/;

/** Files by their paths in the folder of a unit. */
export type UnitFiles = ReadonlyMap<string, string | Uint8Array>;

/** The lines of a unit in `metrics.jsonl`. */
interface Lines {
  /** Lines of the epochs 1, 2 and so on. */
  readonly whole: readonly EpochMetrics[];
  /** The error of the first damaged line of any unit. */
  readonly damage: LilawError | undefined;
}

/**
 * The files of a run.
 *
 * ```
 * config.json            everything needed to repeat the run
 * metrics.jsonl          one line for every finished epoch
 * summary.json           the results of the finished units
 * METHOD-SEED/           one unit: checkpoint-EPOCHS.bin and fold-N.bin until the run is finished, and the files of its last epoch:
 *   samples.csv          every sample, and the same as samples.parquet
 *   model/best, last     the model of the best and of the last epoch
 * ```
 *
 * Every file is replaced as a whole, so a reader, or a process killed at any moment, finds the old or the new one.
 * The checkpoint decides how far a unit is: lines of later epochs are dropped when the folder is opened. It holds all that
 * training goes on from, the best weights so far among them, so that no other file has to be there before the last epoch.
 *
 * Every file has a checksum: JSON documents carry their own, those of checkpoints and of a unit's files are in the metrics.
 * All documents but `config.json` also name the checksum of that one, so that no file of another run is taken for one of
 * this. The checkpoint before the latest is kept, for the case that something of the latest epoch is damaged.
 */
export class RunFolder {
  readonly path: string;
  readonly config: RunConfig;
  /** Checksum of `config.json`, by which all other documents name the run. */
  readonly run: string;
  #metrics: readonly EpochMetrics[] = [];
  #results: readonly RunResult[] = [];

  private constructor(path: string, config: RunConfig, run: string) {
    this.path = path;
    this.config = config;
    this.run = run;
  }

  /**
   * Creates the folder with its `config.json`, or leaves nothing behind.
   *
   * @throws NOT_WRITABLE, INVALID_ARGUMENT (a folder that holds something)
   */
  static async create(path: string, config: RunConfig): Promise<RunFolder> {
    const parent = await checkNewFolder(path);
    // The first new folder is made on its own: where that is impossible, a recursive mkdir may try for ever.
    const created = path === parent ? undefined : join(parent, relative(parent, path).split(sep)[0]!);
    const sealed = seal(config);
    try {
      if (created) await makeFolder(created);
      await mkdir(path, { recursive: true });
      await writeFirst(path, jsonOf(sealed));
    } catch (error) {
      if (created) await removeEmpty(path, created);
      throw notWritable("--out", path, error);
    }
    return new RunFolder(path, config, sealed.sha256);
  }

  /**
   * Opens a folder that {@link create} made to go on with its run, with the last epoch of each unit whose files are undamaged.
   * Writes nothing.
   *
   * @param warn called with a description of each damage that does not prevent going on
   * @throws INVALID_ARGUMENT (no run folder), NOT_WRITABLE, CORRUPT_FILE, CHECKSUM_MISMATCH, INCOMPATIBLE_STATE,
   *   UNKNOWN_NAME
   */
  static async open(path: string, warn: (remark: string) => void = () => {}): Promise<RunFolder> {
    const folder = await RunFolder.#at(path, "--resume");
    await access(path, constants.W_OK).catch((error) => Promise.reject(notWritable("--resume", path, error)));
    await folder.#read(warn);
    return folder;
  }

  /**
   * Opens a folder to look at what there is of its run, which may still go on. Writes nothing.
   *
   * @param option name of the path, for errors
   * @param warn as for {@link open}
   * @throws as {@link open}, but for NOT_WRITABLE
   */
  static async read(
    path: string,
    option: string,
    warn: (remark: string) => void = () => {},
  ): Promise<RunFolder> {
    const folder = await RunFolder.#at(path, option);
    await folder.#read(warn);
    return folder;
  }

  static async #at(path: string, option: string): Promise<RunFolder> {
    const file = join(path, firstFile);
    const text = await readText(file);
    if (text === undefined) {
      throw expected("INVALID_ARGUMENT", "a run folder with a config.json", option, path);
    }
    const { document: config, sha256: run } = unseal(text, file, runConfig);
    checkConfig(config);
    return new RunFolder(path, config, run);
  }

  /** All units in the order in which they run: every method of a seed, then the next seed. */
  get units(): Unit[] {
    const { seeds, methods } = this.config.settings;
    return seeds.flatMap((seed) => methods.map((method) => ({ method, seed })));
  }

  /** The results so far, in the order of {@link units}. */
  get summary(): Summary {
    const { data, settings } = this.config;
    const { name, origins } = data;
    return {
      dataset: name,
      noise: settings.noise,
      test: origins.test,
      results: this.#inOrder(this.#results),
    };
  }

  isFinished(unit: Unit): boolean {
    return this.#results.some((result) => sameUnit(result, unit));
  }

  /** One entry for each finished epoch of every unit. */
  get metrics(): readonly EpochMetrics[] {
    return this.#metrics;
  }

  /** One entry for each finished epoch of the unit. */
  metricsOf(unit: Unit): EpochMetrics[] {
    return this.#metrics.filter((line) => sameUnit(line, unit));
  }

  /** The state after the last epoch of {@link metricsOf}; undefined when the unit has not finished an epoch. */
  async checkpointOf(unit: Unit): Promise<Checkpoint | undefined> {
    const epochs = this.metricsOf(unit).length;
    return epochs === 0 ? undefined : unpackCheckpoint(await readFile(this.#checkpointFile(unit, epochs)));
  }

  /**
   * One of the files that a unit leaves with its last epoch.
   *
   * @param name its path in the folder of the unit
   * @throws INCOMPATIBLE_STATE (a unit that is not finished, or without such a file), CORRUPT_FILE (no file),
   *   CHECKSUM_MISMATCH
   */
  async fileOf(unit: Unit, name: string): Promise<Buffer> {
    const wanted = this.metricsOf(unit).at(-1)?.files?.[name];
    const file = join(this.#unitFolder(unit), name);
    if (wanted === undefined) {
      const received = this.isFinished(unit) ? "a unit without it" : "a unit that is not finished";
      throw expected("INCOMPATIBLE_STATE", `a unit that has ${name}`, this.#unitFolder(unit), received);
    }
    const content = await readWhole(file);
    const problem = problemWithFile(file, wanted, content);
    if (problem) throw problem;
    return content!;
  }

  /** The content of a fold's file, which may be damaged; undefined where there is none. */
  async foldOf(unit: Unit, fold: number): Promise<Uint8Array | undefined> {
    return readWhole(this.#foldFile(unit, fold));
  }

  /**
   * Keeps the result of a fold until the run is finished.
   *
   * @param bytes with a checksum, and the name of the run
   * @throws NOT_WRITABLE
   */
  async keepFold(unit: Unit, fold: number, bytes: Uint8Array): Promise<void> {
    await this.#writing(async () => {
      await makeFolder(this.#unitFolder(unit));
      await replaceFile(this.#foldFile(unit, fold), bytes);
    });
  }

  /**
   * Records a finished epoch. The checkpoint is written last, since an epoch counts once its checkpoint is there.
   *
   * @param files what the unit leaves, by their paths in its folder; for the last epoch
   * @throws NOT_WRITABLE; the folder then is as it was after the epoch before
   */
  async finishEpoch(
    metrics: EpochMetrics,
    checkpoint: Checkpoint,
    files: UnitFiles = new Map(),
  ): Promise<void> {
    const packed = packCheckpoint(checkpoint);
    const sums = Object.fromEntries(Array.from(files, ([name, content]) => [name, sha256(content)]));
    const line = { ...metrics, checkpointSha256: sha256(packed), ...(files.size > 0 && { files: sums }) };
    const all = [...this.#metrics, line];
    await this.#writing(async () => {
      // Without the folders above it, so that a run folder that was deleted is not made again.
      await makeFolder(this.#unitFolder(metrics));
      const lines = this.#inOrder(all).map((line) => `${JSON.stringify(sealForRun(line, this.run))}\n`);
      await replaceFile(join(this.path, "metrics.jsonl"), lines.join(""));
      for (const [name, content] of files) await this.#replaceUnitFile(metrics, name, content);
      await replaceFile(this.#checkpointFile(metrics, metrics.epoch), packed);
      await this.#removeCheckpoints(metrics, (epoch) => epoch < metrics.epoch - 1);
    });
    this.#metrics = all;
  }

  /**
   * Records a finished unit.
   *
   * @throws NOT_WRITABLE
   */
  async finishUnit(unit: Unit): Promise<RunResult> {
    const result = resultOf(unit, this.metricsOf(unit));
    this.#results = [...this.#results, result];
    const summary = sealForRun(this.summary, this.run);
    await this.#writing(() => replaceFile(join(this.path, "summary.json"), jsonOf(summary)));
    return result;
  }

  /**
   * Records that all units are finished.
   *
   * @throws NOT_WRITABLE
   */
  async finish(): Promise<void> {
    await this.#writing(async () => {
      for (const unit of this.units) {
        await this.#removeCheckpoints(unit, () => true);
        for (const name of await this.#namesIn(unit)) {
          if (foldName.test(name)) await rm(join(this.#unitFolder(unit), name));
        }
      }
    });
  }

  async #read(warn: (remark: string) => void): Promise<void> {
    const finished = await this.#readFinished(warn);
    const { whole, damage } = await this.#readMetrics();
    for (const unit of this.units) {
      const lines = { whole: whole.filter((line) => sameUnit(line, unit)), damage };
      if (finished.some((other) => sameUnit(other, unit))) {
        await this.#checkFinished(unit, lines, warn);
        this.#metrics = [...this.#metrics, ...lines.whole];
        this.#results = [...this.#results, resultOf(unit, lines.whole)];
      } else {
        const epochs = await this.#lastWholeEpoch(unit, lines, warn);
        this.#metrics = [...this.#metrics, ...lines.whole.slice(0, epochs)];
      }
    }
  }

  /**
   * The units that `summary.json` lists as finished. A damaged summary is written again from the metrics.
   *
   * @throws INCOMPATIBLE_STATE for the summary of another run
   */
  async #readFinished(warn: (remark: string) => void): Promise<readonly Unit[]> {
    const file = join(this.path, "summary.json");
    try {
      const text = await readText(file);
      return text === undefined ? [] : unsealOfRun(text, file, finishedUnits, this.run).results;
    } catch (error) {
      if (isForeign(error)) throw error;
      warn(`${(error as Error).message}; it is written anew`);
      return [];
    }
  }

  /**
   * The undamaged lines of all units, in their order.
   *
   * @throws INCOMPATIBLE_STATE for a line of another run
   */
  async #readMetrics(): Promise<Lines> {
    const file = join(this.path, "metrics.jsonl");
    const whole: EpochMetrics[] = [];
    let damage: LilawError | undefined;
    for (const [i, text] of ((await readText(file)) ?? "").split("\n").entries()) {
      if (text === "") continue;
      const name = `line ${i + 1} of ${file}`;
      try {
        const line = unsealOfRun(text, name, epochMetrics, this.run);
        const epoch = whole.filter((other) => sameUnit(other, line)).length + 1;
        if (line.epoch !== epoch) {
          throw expected("CORRUPT_FILE", `epoch ${epoch} of ${nameOf(line)}`, name, `epoch ${line.epoch}`);
        }
        whole.push(line);
      } catch (error) {
        if (isForeign(error)) throw error;
        damage ??= error as LilawError;
      }
    }
    return { whole, damage };
  }

  /** @throws an error for damaged files of a unit that `summary.json` lists as finished */
  async #checkFinished(unit: Unit, lines: Lines, warn: (remark: string) => void): Promise<void> {
    const problem = this.#problemWithLines(unit, lines, this.config.settings.epochs);
    if (problem) throw problem;
    for (const [name, wanted] of filesOf(lines)) {
      const file = join(this.#unitFolder(unit), name);
      const content = await readWhole(file);
      const problem = problemWithFile(file, wanted, content);
      // The run needs the file no more; the user may have moved it.
      if (problem && content === undefined) warn(problem.message);
      else if (problem) throw problem;
    }
  }

  /**
   * The last epoch whose metrics and checkpoint are undamaged, and whose files are, if it is the last of all.
   *
   * @throws the error of the latest epoch, where no epoch before it is undamaged
   */
  async #lastWholeEpoch(unit: Unit, lines: Lines, warn: (remark: string) => void): Promise<number> {
    const { epochs } = this.config.settings;
    const unfinished =
      this.#problemWithLines(unit, lines, epochs) ?? (await this.#problemWithFiles(unit, lines));
    // All epochs are trained: the result follows from the metrics, without a checkpoint.
    if (unfinished === undefined) return epochs;
    const saved = await this.#checkpointEpochs(unit);
    let problem = saved.length === 0 ? unfinished : undefined;
    for (const epoch of saved) {
      const own =
        (epoch === epochs ? unfinished : this.#problemWithLines(unit, lines, epoch)) ??
        (await this.#problemWithCheckpoint(unit, lines.whole[epoch - 1]!));
      if (own === undefined) {
        if (problem) warn(`${problem.message}; training goes on after epoch ${epoch}`);
        return epoch;
      }
      problem ??= own;
    }
    // No epoch was finished.
    if (saved.length === 0 && (await isAbsent(join(this.#unitFolder(unit), "samples.csv")))) return 0;
    // Only the first epoch has no checkpoint before it: training can begin again.
    if (saved.at(-1) !== 1) throw problem!;
    warn(`${problem!.message}; training begins again`);
    return 0;
  }

  #problemWithLines(unit: Unit, { whole, damage }: Lines, epochs: number): LilawError | undefined {
    if (whole.length >= epochs) return undefined;
    const wanted = `${epochs} lines of ${nameOf(unit)}`;
    const file = join(this.path, "metrics.jsonl");
    return damage ?? expected("INCOMPATIBLE_STATE", wanted, file, `${whole.length} lines`);
  }

  /** @param lines lines of all epochs; the last one has the checksums of the files */
  async #problemWithFiles(unit: Unit, lines: Lines): Promise<LilawError | undefined> {
    for (const [name, wanted] of filesOf(lines)) {
      const file = join(this.#unitFolder(unit), name);
      const problem = problemWithFile(file, wanted, await readWhole(file));
      if (problem) return problem;
    }
    return undefined;
  }

  /** The error of a checkpoint that is damaged, of a version that cannot be read, or of another epoch, method or run. */
  async #problemWithCheckpoint(
    unit: Unit,
    { epoch, checkpointSha256 }: EpochMetrics,
  ): Promise<LilawError | undefined> {
    const file = this.#checkpointFile(unit, epoch);
    try {
      const bytes = await readFile(file);
      checkCheckpoint(bytes);
      const received = sha256(bytes);
      if (received === checkpointSha256) return undefined;
      const wanted = `the checkpoint of ${nameOf(unit)} after epoch ${epoch} (sha256 ${checkpointSha256})`;
      return expected("CHECKSUM_MISMATCH", wanted, file, received);
    } catch (error) {
      const { message } = error as Error;
      const code = error instanceof LilawError ? error.code : "CORRUPT_FILE";
      const problem = expected(code, "a checkpoint that is whole", file, message);
      problem.cause = error;
      return problem;
    }
  }

  /** Runs a function that writes into the folder, which may be full, read-only or deleted by now. */
  async #writing(act: () => Promise<void>): Promise<void> {
    try {
      // Without config.json, files written now could never be read.
      await access(join(this.path, firstFile));
      await act();
    } catch (error) {
      const refused = notWritable("the run folder", this.path, error);
      if (await isAbsent(join(this.path, firstFile))) throw refused;
      const advice = "the run is kept as of its last epoch; when the folder can be written again:";
      throw new LilawError(refused.code, `${refused.message}\n${advice}\n  ${resumeCommand(this.path)}`);
    }
  }

  #inOrder<T extends Unit>(entries: readonly T[]): T[] {
    return this.units.flatMap((unit) => entries.filter((entry) => sameUnit(entry, unit)));
  }

  async #removeCheckpoints(unit: Unit, isOld: (epoch: number) => boolean): Promise<void> {
    for (const epoch of await this.#checkpointEpochs(unit)) {
      if (isOld(epoch)) await rm(this.#checkpointFile(unit, epoch));
    }
  }

  /** Epochs of the existing checkpoints, the latest first. */
  async #checkpointEpochs(unit: Unit): Promise<number[]> {
    const epochs = (await this.#namesIn(unit)).flatMap((name) => checkpointName.exec(name)?.[1] ?? []);
    return epochs.map(Number).sort((a, b) => b - a);
  }

  #namesIn(unit: Unit): Promise<string[]> {
    return readdir(this.#unitFolder(unit)).catch(() => []);
  }

  #foldFile(unit: Unit, fold: number): string {
    return join(this.#unitFolder(unit), `fold-${fold + 1}.bin`);
  }

  #unitFolder(unit: Unit): string {
    return join(this.path, nameOf(unit));
  }

  async #replaceUnitFile(unit: Unit, name: string, content: string | Uint8Array): Promise<void> {
    const folders = name.split("/").slice(0, -1);
    for (let depth = 1; depth <= folders.length; depth++) {
      await makeFolder(join(this.#unitFolder(unit), ...folders.slice(0, depth)));
    }
    await replaceFile(join(this.#unitFolder(unit), name), content);
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
  // A process that was killed while it made the folder may have left this file.
  if (folder === path && (await readdir(path)).some((name) => name !== firstPart)) {
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

/** Whether an error is that of an undamaged file of another run. */
function isForeign(error: unknown): boolean {
  return error instanceof LilawError && error.code === "INCOMPATIBLE_STATE";
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

/** The files that the last of all lines names, with their checksums. */
function filesOf({ whole }: Lines): [name: string, sha256: string][] {
  return Object.entries(whole.at(-1)?.files ?? {});
}

/** The error of a file of a unit; `content` is undefined where there is none. */
function problemWithFile(
  file: string,
  wanted: string,
  content: Uint8Array | undefined,
): LilawError | undefined {
  if (content === undefined) return expected("CORRUPT_FILE", "a file of the last epoch", file, "no file");
  const received = sha256(content);
  if (received === wanted) return undefined;
  return expected("CHECKSUM_MISMATCH", `a file with sha256 ${wanted}`, file, received);
}

/** The text of a file; undefined where there is none. */
async function readText(file: string): Promise<string | undefined> {
  return (await readWhole(file))?.toString();
}

/**
 * The content of a file; undefined where there is none.
 *
 * @throws CORRUPT_FILE for something that cannot be read
 */
async function readWhole(file: string): Promise<Buffer | undefined> {
  try {
    // Reading a pipe would wait for a writer.
    if (!(await stat(file)).isFile()) throw new Error("no ordinary file");
    return await readFile(file);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw expected("CORRUPT_FILE", "a file that can be read", file, (error as Error).message);
  }
}

async function isAbsent(file: string): Promise<boolean> {
  return stat(file).then(() => false, isNotFound);
}

function isNotFound(error: unknown): boolean {
  return ["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "");
}

/** As "w", but without following links, which may lead to files outside the run. Windows has no such flag. */
const writeNoLink = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | (constants.O_NOFOLLOW ?? 0);

/**
 * Replaces a file as a whole: writes it under another name and renames it. That name is always the same, so that the next
 * write replaces a file that a killed process left.
 */
async function replaceFile(path: string, content: string | Uint8Array): Promise<void> {
  const part = partOf(path);
  try {
    const file = await open(part, writeNoLink);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(part, path);
  } catch (error) {
    await rm(part, { force: true }).catch(() => undefined);
    throw error;
  }
}

const partOf = (path: string): string => `${path}.part`;

const firstFile = "config.json";
const firstPart = partOf(firstFile);

const jsonOf = (document: object): string => `${JSON.stringify(document, null, 2)}\n`;

/**
 * Writes `config.json`, the first file of a new folder. Of several processes that try at once, the one that gets the lock of
 * the unfinished file succeeds. The lock ends with its process, so that a file that a killed process left can be used.
 */
async function writeFirst(folder: string, content: string): Promise<void> {
  const part = join(folder, firstPart);
  const file = await open(part, "a");
  try {
    if (!isGranted(file.fd)) throw anotherRun();
    // Another process was faster: its config.json is there, and perhaps the unfinished file opened here.
    if ((await readdir(folder)).join() !== firstPart) {
      await rm(part, { force: true });
      throw anotherRun();
    }
    await replaceFile(join(folder, firstFile), content);
  } finally {
    await file.close();
  }
}

const anotherRun = (): Error => new Error("another process has just made a run there");

/** Makes a folder, unless it exists. */
async function makeFolder(path: string): Promise<void> {
  await mkdir(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error;
  });
}

/** Removes a folder and the folders above it up to `highest`, as long as they are empty. */
async function removeEmpty(path: string, highest: string): Promise<void> {
  for (let folder = path; folder.length >= highest.length; folder = dirname(folder)) {
    await rmdir(folder).catch(() => undefined);
  }
}
