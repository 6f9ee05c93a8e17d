import { execFileSync } from "node:child_process";
import { appendFile, copyFile, mkdir, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { LilawError, Random } from "@lilaw/core";
import { SampleRecorder } from "@lilaw/diagnostics";
import { crossEntropy, fit } from "@lilaw/tfjs";
import { useBackend } from "@lilaw/tfjs/node";
import * as tf from "@tensorflow/tfjs-core";
import { layers, sequential } from "@tensorflow/tfjs-layers";
import { beforeAll, describe, expect, it } from "vitest";
import { type Checkpoint, packCheckpoint } from "../src/checkpoint.js";
import type { RunConfig } from "../src/config.js";
import { type EpochMetrics, seal, sealForRun, sha256, type Unit } from "../src/documents.js";
import { checkNewFolder, RunFolder } from "../src/run-folder.js";
import { checkSettings } from "../src/settings.js";
import { scratch } from "./support.js";

const config = {
  format: 2,
  settings: checkSettings({
    dataset: "mnist",
    noise: "none",
    methods: ["baseline", "lilaw"],
    model: "mlp",
    epochs: 3,
    seeds: [1, 2],
    backend: "auto",
    validLabels: "noisy",
    batchSize: 32,
    learningRate: 0.001,
    gradient: "full",
    warmupEpochs: 1,
  }),
  versions: { lilaw: "0.0.0", node: "20.0.0", tfjs: "4.22.0" },
  backend: { backend: "cpu", tried: [{ name: "tensorflow", reason: "is not installed" }] },
  data: { name: "mnist", sha256: "ab", origins: { test: "of mnist itself" } },
  model: { class_name: "Sequential" },
} as unknown as RunConfig;

const [first, second] = [
  { method: "baseline", seed: 1 },
  { method: "lilaw", seed: 1 },
] as const;

function metrics(unit: Unit, epoch: number): EpochMetrics {
  const share = epoch / 8;
  return {
    ...unit,
    epoch,
    loss: share,
    trainAccuracy: share,
    trainCleanAccuracy: share,
    validAccuracy: share,
    validCleanAccuracy: share,
    testAccuracy: share,
    testAuroc: null,
    effectiveSampleSize: 1,
    meanWeightClean: share,
    meanWeightWrong: null,
    seconds: 1,
    stepsPerSecond: 1,
  };
}

/** Real checkpoints of a training with seed 1, after each of its epochs, and their bytes. */
const checkpoints: Checkpoint[] = [];
const states: Uint8Array[] = [];

beforeAll(async () => {
  await useBackend("cpu");
  const model = sequential({ layers: [layers.dense({ units: 2, inputShape: [3] })] });
  model.compile({ optimizer: tf.train.adam(0.1), loss: crossEntropy });
  await fit(model, tf.ones([4, 3]), tf.tensor1d([0, 1, 0, 1], "int32"), {
    epochs: 3,
    seed: 1,
    verbose: 0,
    checkpoint: (training, epoch) => {
      const recorder = () => new SampleRecorder(4);
      const best = { epoch: 1, validAccuracy: 1 / 8, bytes: Uint8Array.of(1, 2, 3, epoch) };
      checkpoints.push({ training, train: recorder(), valid: recorder(), best });
    },
  });
  states.push(...checkpoints.map(packCheckpoint));
});

/** Checksum of the configuration, by which documents name their run. */
const run = seal(config).sha256;

/** The line of an epoch as it is read again. */
const recorded = (unit: Unit, epoch: number): EpochMetrics => ({
  ...metrics(unit, epoch),
  checkpointSha256: sha256(states[epoch - 1]!),
});

const samples = "row,label\n0,1\n";
const weights = Uint8Array.of(0, 255, 10, 13);
const files = new Map<string, string | Uint8Array>([
  ["samples.csv", samples],
  ["model/last/weights.bin", weights],
]);

async function trainUnit(folder: RunFolder, unit: Unit, epochs: number): Promise<void> {
  for (let epoch = 1; epoch <= epochs; epoch++) {
    await folder.finishEpoch(metrics(unit, epoch), checkpoints[epoch - 1]!, epoch === 3 ? files : undefined);
  }
}

async function finishFirst(folder: RunFolder): Promise<void> {
  await trainUnit(folder, first, 3);
  await folder.finishUnit(first);
}

/** A folder in which the first unit is finished and the second trained for `epochs`; its path. */
async function folderWith({ epochs }: { epochs: number }): Promise<string> {
  const path = join(await scratch(), "run");
  const folder = await RunFolder.create(path, config);
  await finishFirst(folder);
  await trainUnit(folder, second, epochs);
  return path;
}

/** Opens a folder; what it says, and how far its second unit is. */
async function reopened(path: string): Promise<{ said: string[]; epochs: number }> {
  const said: string[] = [];
  const folder = await RunFolder.open(path, (remark) => said.push(remark));
  return { said, epochs: folder.metricsOf(second).length };
}

const edit = async (file: string, change: (text: string) => string) =>
  writeFile(file, change(await readFile(file, "utf8")));

describe("RunFolder", () => {
  it("is made where a process was killed while it made it", async () => {
    const path = await scratch();
    await writeFile(join(path, "config.json.part"), '{ "half');
    expect((await RunFolder.create(path, config)).config).toEqual(config);
    expect(await readdir(path)).toEqual(["config.json"]);
    expect((await RunFolder.open(path)).config).toEqual(config);
  });

  it("is made by one of several that try at once", async () => {
    const path = join(await scratch(), "run");
    const tries = await Promise.allSettled(Array.from({ length: 8 }, () => RunFolder.create(path, config)));
    expect(tries.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    for (const one of tries) {
      if (one.status === "rejected") expect(one.reason).toMatchObject({ name: "LilawError" });
    }
    expect(await readdir(path)).toEqual(["config.json"]);
    expect((await RunFolder.open(path)).config).toEqual(config);
  });

  it("keeps what was recorded", async () => {
    const path = join(await scratch(), "deep", "run");
    const folder = await RunFolder.create(path, config);
    expect(folder.units.map(({ method, seed }) => `${method} ${seed}`)).toEqual([
      "baseline 1",
      "lilaw 1",
      "baseline 2",
      "lilaw 2",
    ]);
    await finishFirst(folder);
    await trainUnit(folder, second, 1);

    const opened = await RunFolder.open(path);
    expect(opened.config).toEqual(config);
    expect(opened.isFinished(first)).toBe(true);
    expect(opened.isFinished(second)).toBe(false);
    expect(opened.isFinished({ ...first, seed: 2 })).toBe(false);
    expect(opened.metricsOf(first)).toEqual(folder.metricsOf(first));
    expect(opened.metricsOf(first)).toMatchObject([1, 2, 3].map((epoch) => metrics(first, epoch)));
    expect(opened.summary).toEqual(folder.summary);
    expect(packCheckpoint((await opened.checkpointOf(second))!)).toEqual(states[0]);
    expect(await opened.checkpointOf({ method: "lilaw", seed: 2 })).toBeUndefined();
    expect(await readFile(join(path, "baseline-1", "samples.csv"), "utf8")).toBe(samples);
    expect(new Uint8Array(await opened.fileOf(first, "model/last/weights.bin"))).toEqual(weights);
    expect((await readdir(path)).sort()).toEqual([
      "baseline-1",
      "config.json",
      "lilaw-1",
      "metrics.jsonl",
      "summary.json",
    ]);
  });

  it("keeps numbers that JSON has no word for", async () => {
    const path = await folderWith({ epochs: 0 });
    const folder = await RunFolder.open(path);
    await folder.finishEpoch({ ...metrics(second, 1), loss: Number.NaN }, checkpoints[0]!);
    expect((await RunFolder.open(path)).metricsOf(second)[0]!.loss).toBeNaN();
  });

  it("keeps the checkpoint before the latest until the run is finished", async () => {
    const path = await folderWith({ epochs: 3 });
    expect((await readdir(join(path, "lilaw-1"))).sort()).toEqual([
      "checkpoint-2.bin",
      "checkpoint-3.bin",
      "model",
      "samples.csv",
    ]);
    await (await RunFolder.open(path)).finish();
    expect((await readdir(join(path, "lilaw-1"))).sort()).toEqual(["model", "samples.csv"]);
  });

  it("forgets an epoch whose checkpoint was never written", async () => {
    const path = await folderWith({ epochs: 1 });
    const before = await readFile(join(path, "metrics.jsonl"), "utf8");
    const line = `${JSON.stringify(sealForRun(recorded(second, 2), run))}\n`;
    // As a process leaves it that is killed between the two files of the next epoch.
    await writeFile(join(path, "metrics.jsonl"), `${before}${line}`);

    const opened = await RunFolder.open(path);
    expect(opened.metricsOf(second)).toEqual([recorded(second, 1)]);
    await opened.finishEpoch(metrics(second, 2), checkpoints[1]!);
    expect(await readFile(join(path, "metrics.jsonl"), "utf8")).toBe(`${before}${line}`);
  });

  it("has the lines and results in the order of the units, in whatever order they were made", async () => {
    const path = join(await scratch(), "run");
    const folder = await RunFolder.create(path, config);
    for (const unit of [second, first]) {
      await trainUnit(folder, unit, 3);
      await folder.finishUnit(unit);
    }
    expect(folder.summary.results.map(({ method }) => method)).toEqual(["baseline", "lilaw"]);
    const lines = (await readFile(join(path, "metrics.jsonl"), "utf8")).trimEnd().split("\n");
    expect(lines.map((line) => JSON.parse(line).method)).toEqual([
      ...["baseline", "baseline", "baseline"],
      ...["lilaw", "lilaw", "lilaw"],
    ]);
  });

  it("refuses a folder that is none", async () => {
    await expect(RunFolder.open(await scratch())).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  });

  it("does not bring back a folder that was deleted", async () => {
    const path = await folderWith({ epochs: 1 });
    const folder = await RunFolder.open(path);
    await rm(path, { recursive: true });
    await expect(folder.finishEpoch(metrics(second, 2), checkpoints[1]!)).rejects.toMatchObject({
      code: "NOT_WRITABLE",
      message: expect.not.stringContaining("--resume"),
    });
    expect(await readdir(join(path, ".."))).toEqual([]);
  });
});

describe("of a run folder that is damaged", () => {
  const whole = (code: string, file: string) => ({
    code,
    message: expect.stringMatching(new RegExp(`^Expected .+${file}.* but received `)),
  });

  it("config.json that a person edited is refused by its name", async () => {
    const path = await folderWith({ epochs: 1 });
    await edit(join(path, "config.json"), (text) => text.replace('"epochs": 3', '"epochs": 4'));
    await expect(RunFolder.open(path)).rejects.toMatchObject(whole("CHECKSUM_MISMATCH", "config.json"));
  });

  it("config.json may be laid out afresh", async () => {
    const path = await folderWith({ epochs: 1 });
    await edit(join(path, "config.json"), (text) => JSON.stringify(JSON.parse(text)));
    expect(await reopened(path)).toEqual({ said: [], epochs: 1 });
  });

  it.each<[string, string, object]>([
    ["another format", "INCOMPATIBLE_STATE", { format: 3 }],
    ["a method that there is not", "UNKNOWN_NAME", { settings: { ...config.settings, methods: ["luck"] } }],
    ["no settings", "CORRUPT_FILE", { settings: undefined }],
    ["files that are none", "CORRUPT_FILE", { settings: { ...config.settings, files: null } }],
    ["versions that are text", "CORRUPT_FILE", { versions: "0.0.0" }],
    ["no data", "CORRUPT_FILE", { data: {} }],
    ["a model that is a number", "CORRUPT_FILE", { model: 5 }],
  ])("config.json with a checksum and %s is refused", async (_, code, change) => {
    const path = await folderWith({ epochs: 1 });
    await writeFile(join(path, "config.json"), JSON.stringify(seal({ ...config, ...change })));
    await expect(RunFolder.open(path)).rejects.toMatchObject({ code });
  });

  it("the latest checkpoint gives way to the one before", async () => {
    const path = await folderWith({ epochs: 2 });
    const latest = join(path, "lilaw-1", "checkpoint-2.bin");
    await writeFile(latest, states[1].subarray(0, 100));
    const remark = expect.stringMatching(/checkpoint-2\.bin.+; training goes on after epoch 1$/);
    expect(await reopened(path)).toEqual({ said: [remark], epochs: 1 });
    await writeFile(latest, states[0]);
    expect(await reopened(path)).toEqual({ said: [remark], epochs: 1 });
  });

  it("the only checkpoint gives way to the beginning", async () => {
    const path = await folderWith({ epochs: 1 });
    await writeFile(join(path, "lilaw-1", "checkpoint-1.bin"), "");
    const remark = expect.stringMatching(/checkpoint-1\.bin.+; training begins again$/);
    expect(await reopened(path)).toEqual({ said: [remark], epochs: 0 });
  });

  it("all checkpoints are an error that names the latest", async () => {
    const path = await folderWith({ epochs: 2 });
    await rm(join(path, "lilaw-1", "checkpoint-1.bin"));
    await writeFile(join(path, "lilaw-1", "checkpoint-2.bin"), "");
    await expect(RunFolder.open(path)).rejects.toMatchObject(whole("CORRUPT_FILE", "checkpoint-2\\.bin"));
  });

  it("samples.csv of a finished unit is refused, and missed", async () => {
    const path = await folderWith({ epochs: 1 });
    const file = join(path, "baseline-1", "samples.csv");
    await appendFile(file, "1,1\n");
    await expect(RunFolder.open(path)).rejects.toMatchObject(whole("CHECKSUM_MISMATCH", "samples\\.csv"));
    await rm(file);
    expect((await reopened(path)).said).toEqual([
      expect.stringContaining('samples.csv but received "no file"'),
    ]);
  });

  it("a weight file of a finished unit is refused, and missed", async () => {
    const path = await folderWith({ epochs: 1 });
    const file = join(path, "baseline-1", "model", "last", "weights.bin");
    await writeFile(file, Uint8Array.of(0, 255, 10, 12));
    await expect(RunFolder.open(path)).rejects.toMatchObject(whole("CHECKSUM_MISMATCH", "weights\\.bin"));
    await rm(file);
    expect((await reopened(path)).said).toEqual([
      expect.stringContaining('weights.bin but received "no file"'),
    ]);
    const folder = await RunFolder.read(path, "the run");
    await expect(folder.fileOf(first, "model/last/weights.bin")).rejects.toMatchObject(
      whole("CORRUPT_FILE", "weights\\.bin"),
    );
    await expect(folder.fileOf(second, "samples.csv")).rejects.toMatchObject({ code: "INCOMPATIBLE_STATE" });
  });

  it("samples.csv of a unit that is not in the summary yet is made again", async () => {
    const path = await folderWith({ epochs: 3 });
    expect(await reopened(path)).toEqual({ said: [], epochs: 3 });
    await appendFile(join(path, "lilaw-1", "samples.csv"), "1,1\n");
    const remark = expect.stringMatching(/samples\.csv.+; training goes on after epoch 2$/);
    expect(await reopened(path)).toEqual({ said: [remark], epochs: 2 });
  });

  it("the last line of the metrics gives way to the epoch before", async () => {
    const path = await folderWith({ epochs: 2 });
    await edit(join(path, "metrics.jsonl"), (text) =>
      text.replace(/"loss":0\.25(?!.*"loss":0\.25)/s, '"loss":0.5'),
    );
    const remark = expect.stringMatching(/line 5 of .+metrics\.jsonl.+; training goes on after epoch 1$/);
    expect(await reopened(path)).toEqual({ said: [remark], epochs: 1 });
  });

  it.each<[string, string, (lines: string[]) => string[]]>([
    [
      "changed",
      "CHECKSUM_MISMATCH",
      ([, ...rest]) => [JSON.stringify({ ...metrics(first, 1), sha256: "" }), ...rest],
    ],
    ["no JSON", "CORRUPT_FILE", ([, ...rest]) => ["{", ...rest]],
    ["a list", "CORRUPT_FILE", ([, ...rest]) => ["[]", ...rest]],
    [
      "without a method",
      "CORRUPT_FILE",
      ([, ...rest]) => [JSON.stringify(sealForRun({ epoch: 1 }, run)), ...rest],
    ],
    ["without a run", "CORRUPT_FILE", ([, ...rest]) => [JSON.stringify(seal(recorded(first, 1))), ...rest]],
    ["twice there", "CORRUPT_FILE", ([one, ...rest]) => [one!, one!, ...rest.slice(1)]],
    ["missing", "CORRUPT_FILE", ([, ...rest]) => rest],
    ["missing at the end", "INCOMPATIBLE_STATE", (lines) => lines.slice(0, 1)],
  ])("a line of a finished unit that is %s is refused", async (_, code, change) => {
    const path = await folderWith({ epochs: 0 });
    await edit(join(path, "metrics.jsonl"), (text) => `${change(text.trimEnd().split("\n")).join("\n")}\n`);
    await expect(RunFolder.open(path)).rejects.toMatchObject(whole(code, "metrics\\.jsonl"));
  });

  it.each(["", "{", "[]", '{"results":7}'])("summary.json that is %j is written anew", async (content) => {
    const path = await folderWith({ epochs: 1 });
    const before = await readFile(join(path, "summary.json"), "utf8");
    await writeFile(join(path, "summary.json"), content);
    const said: string[] = [];
    const folder = await RunFolder.open(path, (remark) => said.push(remark));
    expect(said).toEqual([expect.stringMatching(/summary\.json.+; it is written anew$/)]);
    expect(folder.isFinished(first)).toBe(false);
    await folder.finishUnit(first);
    expect(await readFile(join(path, "summary.json"), "utf8")).toBe(before);
  });

  it("whatever bytes its files have, opening it gives the recorded run, an epoch less of it, or a code", async () => {
    const path = await folderWith({ epochs: 2 });
    const reference = await RunFolder.open(path);
    const outcomes = await openMutated(path, mutated, async (folder, said) => {
      expect(folder.config).toEqual(config);
      for (const unit of [first, second]) {
        const recorded = reference.metricsOf(unit);
        const found = folder.metricsOf(unit);
        expect(found).toEqual(recorded.slice(0, found.length));
        if (found.length < recorded.length) expect(said).toHaveLength(1);
      }
      const epochs = folder.metricsOf(second).length;
      const checkpoint = await folder.checkpointOf(second);
      expect(checkpoint && packCheckpoint(checkpoint)).toEqual(states[epochs - 1]);
    });
    // Each kind has been there: the test sees something.
    for (const kind of ["opened", "CORRUPT_FILE", "CHECKSUM_MISMATCH"]) {
      expect(outcomes[kind]).toBeGreaterThan(0);
    }
  });

  it("JSON of another shape whose checksum is right gives a code too, if it does not open", async () => {
    const path = await folderWith({ epochs: 2 });
    const outcomes = await openMutated(path, resealed, () => {});
    for (const kind of ["opened", "CORRUPT_FILE", "INVALID_ARGUMENT"]) {
      expect(outcomes[kind]).toBeGreaterThan(0);
    }
  });
});

/** Opens a folder again and again, each time with one file changed; how often it came to what. */
async function openMutated(
  path: string,
  change: (bytes: Buffer, random: Random) => Uint8Array,
  check: (folder: RunFolder, said: string[]) => unknown,
): Promise<Record<string, number>> {
  const files = (await readdir(path, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  const random = Random.from(7, "mutations");
  const outcomes: Record<string, number> = {};
  for (let i = 0; i < mutations; i++) {
    const file = files[i % files.length]!;
    const before = await readFile(file);
    await writeFile(file, change(before, random));
    const said: string[] = [];
    const outcome = await RunFolder.open(path, (remark) => said.push(remark)).catch((error) => error);
    if (outcome instanceof RunFolder) await check(outcome, said);
    else expect(outcome).toBeInstanceOf(LilawError);
    await writeFile(file, before);
    const name = outcome.code ?? "opened";
    outcomes[name] = (outcomes[name] ?? 0) + 1;
  }
  return outcomes;
}

/** Long: `LILAW_MUTATIONS=12000`. */
const mutations = Number(process.env.LILAW_MUTATIONS ?? 600);

/** Bytes with a damage: of the bytes themselves, of the lines, or of the JSON that they are. */
function mutated(bytes: Buffer, random: Random): Uint8Array {
  const copy = Buffer.from(bytes);
  const at = random.int(Math.max(1, bytes.length));
  const lines = bytes.toString().split("\n");
  const line = random.int(lines.length);
  const kinds: (() => Uint8Array)[] = [
    () => (copy.length === 0 ? copy : copy.fill(copy[at]! ^ (1 << random.int(8)), at, at + 1)),
    () => copy.subarray(0, at),
    () => Buffer.concat([copy.subarray(0, at), Buffer.from([0, 255, 10, 34]), copy.subarray(at)]),
    () => Buffer.from(lines.toSpliced(line, 0, lines[line]!).join("\n")),
    () => Buffer.from(lines.toSpliced(line, 1).join("\n")),
    () => Buffer.from(pick(random, ["null", "[]", "7", '"text"', "{}", "[[[[", "\u0000", "1e999"])),
    () =>
      Buffer.from(
        bytes.toString().replaceAll(/-?\d[\d.e+-]*/g, () => pick(random, ["-1", "1e308", "null", "{}"])),
      ),
  ];
  return pick(random, kinds)();
}

function pick<T>(random: Random, values: readonly T[]): T {
  return values[random.int(values.length)]!;
}

/** One of the JSON documents of a file with a member of another type, and a checksum that is right. */
function resealed(bytes: Buffer, random: Random): Uint8Array {
  const text = bytes.toString();
  const documents = isJson(text) ? [text] : text.split("\n").filter(isJson);
  if (documents.length === 0) return bytes;
  const document = pick(random, documents);
  const { sha256: _, ...members } = JSON.parse(document);
  const objects = Object.values(members).filter((value) => typeof value === "object" && value !== null);
  const target = pick(random, [members, ...objects.filter((value) => Object.keys(value).length > 0)]);
  const name = pick(random, Object.keys(target));
  target[name] = pick(random, [null, 7, -1, 1e308, "x", "", [], {}, [[null]], [null], { a: 1 }, true]);
  return Buffer.from(text.replace(document, () => JSON.stringify(seal(members))));
}

function isJson(text: string): boolean {
  try {
    return "sha256" in JSON.parse(text);
  } catch {
    return false;
  }
}

describe("a run folder with a file of another run on the same samples", () => {
  const other = { ...config, settings: { ...config.settings, learningRate: 0.1 } };

  /** Both runs, as far as each other; the paths of their folders. */
  async function twoRuns(epochs: number): Promise<[own: string, other: string]> {
    const folder = await scratch();
    const paths = [join(folder, "own"), join(folder, "other")] as [string, string];
    for (const [i, path] of paths.entries()) {
      const run = await RunFolder.create(path, i === 0 ? config : other);
      await finishFirst(run);
      for (let epoch = 1; epoch <= epochs; epoch++) {
        // One epoch on: the states of the other run are whole, and not the same.
        await run.finishEpoch(metrics(second, epoch), checkpoints[epoch - 1 + i]!);
      }
    }
    return paths;
  }

  it.each(["config.json", "metrics.jsonl", "summary.json"])("is refused for its %s", async (name) => {
    for (const epochs of [0, 1, 2]) {
      const [own, other] = await twoRuns(epochs);
      await copyFile(join(other, name), join(own, name));
      await expect(RunFolder.open(own)).rejects.toMatchObject({
        code: "INCOMPATIBLE_STATE",
        message: expect.stringMatching(/^Expected a document of the run of config\.json .+ but received /),
      });
    }
  });

  it("is refused for its config.json though no method is finished", async () => {
    const folder = await scratch();
    for (const [name, content] of [["own", config] as const, ["other", other] as const]) {
      await (await RunFolder.create(join(folder, name), content)).finishEpoch(
        metrics(first, 1),
        checkpoints[0]!,
      );
    }
    await copyFile(join(folder, "other", "config.json"), join(folder, "own", "config.json"));
    await expect(RunFolder.open(join(folder, "own"))).rejects.toMatchObject({ code: "INCOMPATIBLE_STATE" });
  });

  it("goes on after the epoch before for its checkpoint", async () => {
    const [own, other] = await twoRuns(2);
    const checkpoint = join("lilaw-1", "checkpoint-2.bin");
    await copyFile(join(other, checkpoint), join(own, checkpoint));
    const remark = expect.stringMatching(
      /the checkpoint of lilaw-1 after epoch 2 .+checkpoint-2\.bin.+; training goes on after epoch 1$/,
    );
    expect(await reopened(own)).toEqual({ said: [remark], epochs: 1 });
  });
});

describe("checkNewFolder", () => {
  it("takes a path that is new or empty, and creates nothing", async () => {
    const path = await scratch();
    await checkNewFolder(path);
    await checkNewFolder(join(path, "a", "b"));
    expect(await readdir(path)).toEqual([]);
  });

  it("refuses a folder that holds something, a file, and a path below a file", async () => {
    const path = await scratch();
    await mkdir(join(path, "full", "inner"), { recursive: true });
    await writeFile(join(path, "file"), "");
    await expect(checkNewFolder(join(path, "full"))).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    await expect(checkNewFolder(join(path, "file"))).rejects.toMatchObject({ code: "NOT_WRITABLE" });
    await expect(checkNewFolder(join(path, "file", "run"))).rejects.toMatchObject({ code: "NOT_WRITABLE" });
  });
});

describe.skipIf(process.platform === "win32")("what is no file of the run", () => {
  it("is not written to through a link, and does not stay in the way", async () => {
    const [folder, foreign] = [await scratch(), join(await scratch(), "foreign")];
    const run = await RunFolder.create(join(folder, "run"), config);
    await writeFile(foreign, "precious");
    await symlink(foreign, join(run.path, "metrics.jsonl.part"));
    await expect(run.finishEpoch(metrics(first, 1), checkpoints[0]!)).rejects.toMatchObject({
      code: "NOT_WRITABLE",
    });
    expect(await readFile(foreign, "utf8")).toBe("precious");
    await run.finishEpoch(metrics(first, 1), checkpoints[0]!);
    expect(await readFile(foreign, "utf8")).toBe("precious");
  });

  it("is not waited for where it is a pipe", async () => {
    const run = await RunFolder.create(join(await scratch(), "run"), config);
    execFileSync("mkfifo", [join(run.path, "metrics.jsonl")]);
    await expect(RunFolder.open(run.path)).rejects.toMatchObject({ code: "CORRUPT_FILE" });
  });
});
