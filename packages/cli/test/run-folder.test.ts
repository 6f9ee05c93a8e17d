import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { RunConfig } from "../src/config.js";
import { checkSettings } from "../src/options.js";
import { resultOf } from "../src/report.js";
import { checkNewFolder, type EpochMetrics, RunFolder, type Unit } from "../src/run-folder.js";
import { scratch } from "./support.js";

const config = {
  format: 1,
  settings: checkSettings({
    dataset: "mnist",
    noise: "none",
    methods: ["baseline", "lilaw"],
    model: "mlp",
    epochs: 2,
    seeds: [1, 2],
    backend: "auto",
    validLabels: "noisy",
    batchSize: 32,
    learningRate: 0.001,
    gradient: "full",
    warmupEpochs: 1,
  }),
  data: { name: "mnist" },
} as RunConfig;

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
    seconds: 1,
    stepsPerSecond: 1,
  };
}

async function finishFirst(folder: RunFolder): Promise<void> {
  await folder.finishEpoch(metrics(first, 1), Uint8Array.of(1));
  await folder.finishEpoch(metrics(first, 2), Uint8Array.of(2), "samples\n");
  await folder.finishUnit(resultOf(first, folder.metricsOf(first)));
}

describe("RunFolder", () => {
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
    await folder.finishEpoch(metrics(second, 1), Uint8Array.of(3));

    const opened = await RunFolder.open(path);
    expect(opened.config).toEqual(config);
    expect(opened.isFinished(first)).toBe(true);
    expect(opened.isFinished(second)).toBe(false);
    expect(opened.isFinished({ ...first, seed: 2 })).toBe(false);
    expect(opened.metricsOf(first)).toEqual([metrics(first, 1), metrics(first, 2)]);
    expect(opened.summary).toEqual(folder.summary);
    expect(await opened.checkpointOf(second)).toEqual({ epochsDone: 1, bytes: Uint8Array.of(3) });
    expect(await opened.checkpointOf({ method: "lilaw", seed: 2 })).toBeUndefined();
    expect(await readFile(join(path, "baseline-1", "samples.csv"), "utf8")).toBe("samples\n");
    expect((await readdir(path)).sort()).toEqual([
      "baseline-1",
      "config.json",
      "lilaw-1",
      "metrics.jsonl",
      "summary.json",
    ]);
  });

  it("forgets an epoch whose checkpoint was never written", async () => {
    const path = await scratch();
    const folder = await RunFolder.create(path, config);
    await finishFirst(folder);
    await folder.finishEpoch(metrics(second, 1), Uint8Array.of(3));
    const before = await readFile(join(path, "metrics.jsonl"), "utf8");
    // As a process leaves it that is killed between the two files of the next epoch.
    await writeFile(join(path, "metrics.jsonl"), `${before}${JSON.stringify(metrics(second, 2))}\n`);

    const opened = await RunFolder.open(path);
    expect(opened.metricsOf(second)).toEqual([metrics(second, 1)]);
    await opened.finishEpoch(metrics(second, 2), Uint8Array.of(4));
    expect(await readFile(join(path, "metrics.jsonl"), "utf8")).toBe(
      `${before}${JSON.stringify(metrics(second, 2))}\n`,
    );
  });

  it("takes the latest of two checkpoints", async () => {
    const path = await scratch();
    const folder = await RunFolder.create(path, config);
    await finishFirst(folder);
    await writeFile(join(path, "baseline-1", "checkpoint-10.bin"), "later");
    expect((await folder.checkpointOf(first))!.epochsDone).toBe(10);
    await folder.removeCheckpoints(first);
    expect(await readdir(join(path, "baseline-1"))).toEqual(["samples.csv"]);
  });

  it("refuses a folder that is none, or whose files were spoilt", async () => {
    const path = await scratch();
    await expect(RunFolder.open(path)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    const folder = await RunFolder.create(path, config);
    await finishFirst(folder);
    await writeFile(join(path, "metrics.jsonl"), `${JSON.stringify(metrics(first, 1))}\n`);
    await expect(RunFolder.open(path)).rejects.toMatchObject({ code: "INCOMPATIBLE_STATE" });
    await writeFile(join(path, "metrics.jsonl"), "{");
    await expect(RunFolder.open(path)).rejects.toMatchObject({ code: "CORRUPT_FILE" });
    await writeFile(join(path, "config.json"), JSON.stringify({ ...config, format: 2 }));
    await expect(RunFolder.open(path)).rejects.toMatchObject({ code: "INCOMPATIBLE_STATE" });
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
