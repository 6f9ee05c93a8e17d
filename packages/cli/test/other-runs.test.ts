import { copyFile, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { type Progress, train } from "../src/index.js";
import type { Invocation } from "../src/invocation.js";
import { cloudFiles, contentsOf, scratch, settings } from "./support.js";

/** A progress that calls `onEpoch` after each epoch, and keeps the warnings. */
function watching(onEpoch: (method: string, epoch: number) => void = () => {}) {
  const warnings: string[] = [];
  const progress: Partial<Progress> = {
    epoch: ({ method, epoch }) => onEpoch(method, epoch),
    warn: (text) => void warnings.push(text),
  };
  const silent = new Proxy(progress, { get: (known, name: keyof Progress) => known[name] ?? (() => {}) });
  return { progress: silent as Progress, warnings };
}

/** Trains, in this process, and stops after an epoch if one is given. */
async function run(invocation: object, stopAfter?: [method: string, epoch: number]) {
  const stop = new AbortController();
  const { progress, warnings } = watching((method, epoch) => {
    if (stopAfter?.[0] === method && stopAfter[1] === epoch) stop.abort();
  });
  const surroundings = { json: false, quiet: true };
  const outcome = await train({ ...surroundings, ...invocation } as Invocation, progress, stop.signal);
  return { ...outcome, warnings };
}

/** Settings of a run of some methods on the files of clouds in `folder`. */
async function onClouds(folder: string, methods: readonly string[], changes = {}) {
  const [, train, , test] = await cloudFiles(folder, 20);
  const model = { model: "linear", backend: "cpu", epochs: 3, learningRate: 0.05 };
  return settings({
    dataset: undefined,
    files: { train, test },
    noise: "none",
    methods,
    ...model,
    ...changes,
  });
}

it("a checkpoint of another method gives way to the epoch before", async () => {
  const folder = await scratch();
  const own = await onClouds(folder, ["lilaw", "random"]);
  const [whole, stopped, other] = ["whole", "stopped", "other"].map((name) => join(folder, name));
  await run({ settings: own, out: whole });
  await run({ settings: own, out: stopped }, ["random", 2]);
  await run({ settings: await onClouds(folder, ["baseline"]), out: other }, ["baseline", 2]);
  const [foreign, latest] = [join(other!, "baseline-1"), join(stopped!, "random-1")].map((unit) =>
    join(unit, "checkpoint-2.bin"),
  );
  await copyFile(foreign!, latest!);

  const resumed = await run({ resume: stopped });
  expect(resumed.finished).toBe(true);
  expect(resumed.warnings).toEqual([expect.stringMatching(/checkpoint-2\.bin.+goes on after epoch 1$/)]);
  expect(await contentsOf(stopped!)).toEqual(await contentsOf(whole!));
});

it("a config.json of another run on the same samples is refused before anything is trained", async () => {
  const folder = await scratch();
  const [own, other] = [join(folder, "own"), join(folder, "other")];
  await run({ settings: await onClouds(folder, ["lilaw"]), out: own }, ["lilaw", 1]);
  await run({ settings: await onClouds(folder, ["lilaw"], { learningRate: 0.9 }), out: other }, ["lilaw", 1]);
  await copyFile(join(other, "config.json"), join(own, "config.json"));
  const before = await bytesOf(own);
  await expect(run({ resume: own })).rejects.toMatchObject({
    code: "INCOMPATIBLE_STATE",
    message: expect.stringContaining("metrics.jsonl"),
  });
  expect(await bytesOf(own)).toEqual(before);
});

async function bytesOf(folder: string): Promise<Record<string, string>> {
  const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) =>
    entry.isFile(),
  );
  const paths = files.map((entry) => join(entry.parentPath, entry.name)).sort();
  const contents = await Promise.all(paths.map((path) => readFile(path, "base64")));
  return Object.fromEntries(paths.map((path, i) => [path, contents[i]!]));
}
