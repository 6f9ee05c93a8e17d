import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Random } from "@lilaw/core";
import type { Dataset, Samples } from "@lilaw/datasets";
import { onTestFinished } from "vitest";
import type { EpochMetrics, RunResult, Summary } from "../src/index.js";
import { checkSettings, type Settings } from "../src/settings.js";

/** The built command. */
export const main = fileURLToPath(new URL("../dist/main.js", import.meta.url));

export interface Ended {
  status: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface Interruption {
  /** Standard error first shows this text, or the run folder exists. */
  when: RegExp | "folder";
  /** Sent to the process, or what is done to its surroundings. */
  signal: NodeJS.Signals | (() => void);
}

/** Runs the built command as a user would. */
export const lilaw = (...how: Parameters<typeof start>): Promise<Ended> => start(...how).ended;

/** Starts it; whoever wants to can do something to the process. */
export function start(args: readonly string[], interruption?: Interruption, env = {}) {
  const child = spawn(process.execPath, [main, ...args], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended: Ended = { status: null, signal: null, stdout: "", stderr: "" };
  let pending = interruption;
  const interruptIf = (condition: (when: Interruption["when"]) => boolean) => {
    if (!pending || !condition(pending.when)) return;
    const { signal } = pending;
    pending = undefined;
    if (typeof signal === "function") signal();
    else child.kill(signal);
  };
  const out = args[args.indexOf("--out") + 1]!;
  const watch = setInterval(
    () => interruptIf((when) => when === "folder" && existsSync(join(out, "config.json"))),
    1,
  );
  child.stdout.setEncoding("utf8").on("data", (text) => {
    ended.stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text) => {
    ended.stderr += text;
    interruptIf((when) => when instanceof RegExp && when.test(ended.stderr));
  });
  const whenEnded = new Promise<Ended>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (status, signal) => {
      clearInterval(watch);
      resolve({ ...ended, status, signal });
    });
  });
  return { child, ended: whenEnded };
}

/** A folder of its own for one test. */
export const scratch = (): Promise<string> => scratchUntil(onTestFinished);

/** A folder of its own for tests that share it. */
export async function scratchUntil(end: (remove: () => Promise<void>) => void): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "lilaw-cli-"));
  end(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Samples whose one feature is their row. */
export function rowSamples(count: number, classes: number): Samples {
  const features = Float32Array.from({ length: count }, (_, row) => row);
  return { features, labels: Int32Array.from(features, (row) => row % classes), count, shape: [1] };
}

/** A dataset of them. */
export const rowsDataset: Dataset = {
  name: "rows",
  classes: 4,
  classNames: ["a", "b", "c", "d"],
  train: rowSamples(400, 4),
  test: rowSamples(40, 4),
  license: "",
  citation: "",
};

/** Settings of a run, and what is to be different in them. */
export function settings(changes = {}): Settings {
  return checkSettings({
    dataset: "mnist",
    noise: "symmetric:0.5",
    methods: ["baseline", "l2rw"],
    model: "mlp",
    epochs: 1,
    seeds: [1],
    backend: "auto",
    validLabels: "noisy",
    batchSize: 32,
    learningRate: 0.001,
    gradient: "full",
    warmupEpochs: 1,
    ...changes,
  });
}

/** Three clouds in the plane that a linear model tells apart nearly always. */
export function clouds(perClass: number, seed: number): string {
  const random = Random.from(seed, "clouds");
  const centers = [
    [0, 2],
    [2, -1],
    [-2, -1],
  ];
  const lines = centers.flatMap(([x, y], label) =>
    Array.from({ length: perClass }, () => [
      x! + 0.5 * random.normal(),
      y! + 0.5 * random.normal(),
      `c${label}`,
    ]),
  );
  return ["x,y,label", ...random.shuffle(lines).map((line) => line.join(","))].join("\n");
}

/** The same two clouds as people keep them: an identifier, a date, the label in the middle, cells that are missing. */
export function messyTable(count: number, seed: number): string[][] {
  const random = Random.from(seed, "messy");
  const lines = Array.from({ length: count }, (_, i) => {
    const ill = i % 2;
    const number = (center: number) => (center + 0.5 * random.normal()).toFixed(3);
    const age = i % 20 === 7 ? "NA" : number(2 * ill);
    const town = ["Ulm", "Bonn", "Kiel"][random.int(3)]!;
    return [`p${1000 + i}`, `2024-01-${10 + (i % 19)}`, age, ill ? "ill" : "healthy", town, number(-2 * ill)];
  });
  return [["id", "day", "age", "diagnosis", "town", "iron"], ...lines];
}

/** Writes a table as CSV. */
export async function writeTable(file: string, table: readonly string[][], delimiter = ","): Promise<string> {
  await writeFile(file, `${table.map((cells) => cells.join(delimiter)).join("\n")}\n`);
  return file;
}

/** `--train` and `--test` with files of clouds in `folder`. */
export async function cloudFiles(folder: string, perClass = 100): Promise<string[]> {
  const [train, test] = [join(folder, "train.csv"), join(folder, "test.csv")];
  await writeFile(train, clouds(perClass, 1));
  await writeFile(test, clouds(50, 2));
  return ["--train", train, "--test", test];
}

export const small = [
  ...["--backend", "cpu", "--model", "linear"],
  ...["--batch-size", "16", "--learning-rate", "0.05"],
];

/** Both methods, on labels of which many are wrong. */
export const twoMethods = ["--noise", "symmetric:0.4", "--methods", "lilaw,l2rw"];

/** A run of two methods that takes long enough to be stopped in the middle. */
export async function longRun(folder: string): Promise<string[]> {
  const files = await cloudFiles(folder);
  const training = [...twoMethods, "--epochs", "12", "--seeds", "1,2"];
  return ["train", ...files, ...training, ...small];
}

/** The content of a run folder that must be the same whenever and however it was made: all but times and checksums of them. */
export async function contentsOf(folder: string) {
  const names = (await readdir(folder, { recursive: true })).sort();
  const tables: Record<string, string> = {};
  for (const name of names.filter((name) => name.endsWith(".csv"))) {
    tables[name] = await readFile(join(folder, name), "utf8");
  }
  return { names, metrics: await metricsOf(folder), summary: await summaryOf(folder), tables };
}

export async function metricsOf(folder: string) {
  const lines = (await readFile(join(folder, "metrics.jsonl"), "utf8")).trimEnd().split("\n");
  return lines.map((line) => withoutTimes(JSON.parse(line) as EpochMetrics));
}

export async function summaryOf(folder: string) {
  const text = await readFile(join(folder, "summary.json"), "utf8");
  const { sha256: _, run: __, ...summary }: Summary & { sha256: string; run: string } = JSON.parse(text);
  return { ...summary, results: summary.results.map((result: RunResult) => withoutTimes(result)) };
}

interface Timed {
  seconds: number;
  stepsPerSecond: number;
  sha256?: string;
  run?: string;
}

export function withoutTimes<T extends Timed>(value: T) {
  const { seconds: _, stepsPerSecond: __, sha256: ___, run: ____, ...rest } = value;
  return rest;
}
