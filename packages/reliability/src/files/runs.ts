/** What `lilaw` and @lilaw/tfjs write themselves, and read again: every change is found, or does no harm. */
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Invocation, type Progress, RunFolder, train } from "@lilaw/cli";
import { fit } from "@lilaw/tfjs";
import * as tf from "@tensorflow/tfjs-core";
import * as layers from "@tensorflow/tfjs-layers";
import { buildModel, loadTopology } from "../../../cli/dist/models.js";
import { createProgram } from "../../../cli/dist/options.js";
import { FaultFound } from "../kind.js";
import type { Format } from "./format.js";

const wrong = (message: string) => new FaultFound("silentDifferences", message);

/** A run of two methods, stopped within the second one. */
async function stoppedRun(folder: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  const lines = Array.from({ length: 60 }, (_, i) => `${(i % 3) + (i % 7) / 10},${(i % 5) / 5},c${i % 3}`);
  const data = join(folder, "data.csv");
  await writeFile(data, ["x,y,label", ...lines].join("\n"));
  const out = join(folder, "run");
  const typed = [
    "train",
    "--train",
    data,
    "--test",
    data,
    "--model",
    "linear",
    "--methods",
    "baseline,lilaw",
  ];
  typed.push("--epochs", "3", "--batch-size", "32", "--backend", "cpu", "--out", out);
  const invocation = await new Promise<Invocation>((resolve, reject) => {
    const commands = { train: async (parsed: Invocation) => resolve(parsed), bench: async () => {} };
    createProgram("0", commands).parseAsync(typed, { from: "user" }).catch(reject);
  });
  const stop = new AbortController();
  const progress = new Proxy({} as Progress, {
    get: (_, name) => (metrics: { method: string; epoch: number }) => {
      if (name === "epoch" && metrics.method === "lilaw" && metrics.epoch === 2) stop.abort();
    },
  });
  await train(invocation, progress, stop.signal);
  return out;
}

/** How far each unit is, and with which files, as opening the folder tells. */
async function stateOf(path: string) {
  const folder = await RunFolder.open(path);
  const units = [];
  for (const unit of folder.units) {
    const metrics = folder.metricsOf(unit).map((line) => JSON.stringify(line));
    const finished = folder.isFinished(unit);
    const checkpoint = finished ? undefined : await folder.checkpointOf(unit);
    units.push({ finished, metrics, checkpoint: checkpoint && Buffer.from(checkpoint).toString("base64") });
  }
  return { config: JSON.stringify(folder.config), units };
}

/** A file of a run folder. All of a run was known at some time: a damaged one is refused, or goes on from such a time. */
const ofRun = (kind: Format["kind"], find: (run: string) => Promise<string>): Format => {
  let run: Promise<string> | undefined;
  const path = async () => join((await run)!, await find((await run)!));
  return {
    kind,
    bombs: [],
    original: async () => readFile(await path()),
    async open(folder) {
      run ??= stoppedRun(folder);
      const file = await path();
      const original = await readFile(file);
      const whole = await stateOf(await run);
      const files = (await readdir(await run, { recursive: true })).sort().join();
      // The states that it had after each epoch.
      const checkpoints = new Map(
        await Promise.all(
          (await readdir(join(await run, "lilaw-1"))).map(
            async (name) =>
              [name, (await readFile(join(await run!, "lilaw-1", name))).toString("base64")] as const,
          ),
        ),
      );
      return async (damaged) => {
        await writeFile(file, damaged);
        try {
          const { config, units } = await stateOf(await run!);
          if (config !== whole.config) throw wrong("another configuration");
          units.forEach((unit, i) => {
            const { metrics } = whole.units[i]!;
            if (unit.metrics.join() !== metrics.slice(0, unit.metrics.length).join())
              throw wrong("other metrics");
            if (unit.finished && unit.metrics.length !== metrics.length)
              throw wrong("a unit finished too early");
            if (whole.units[i]!.finished !== unit.finished && unit.metrics.length < metrics.length)
              throw wrong("a finished unit begins again");
            if (unit.checkpoint === undefined || whole.units[i]!.finished) return;
            if (unit.checkpoint !== checkpoints.get(`checkpoint-${unit.metrics.length}.bin`))
              throw wrong("another checkpoint");
          });
        } finally {
          await writeFile(file, original);
        }
        if ((await readdir(await run!, { recursive: true })).sort().join() !== files)
          throw wrong("opening changed the folder");
      };
    },
  };
};

const latestCheckpoint = async (run: string) => {
  const names = await readdir(join(run, "lilaw-1"));
  return join(
    "lilaw-1",
    names
      .filter((name) => name.startsWith("checkpoint"))
      .sort()
      .at(-1)!,
  );
};

function tinyModel() {
  const model = layers.sequential({
    layers: [layers.layers.dense({ units: 3, inputShape: [2], kernelInitializer: "ones" })],
  });
  model.compile({ optimizer: tf.train.adam(0.1), loss: "categoricalCrossentropy" });
  return model;
}

const weightsOf = (model: layers.LayersModel) =>
  Buffer.concat(model.getWeights().map((weight) => Buffer.from(Float32Array.from(weight.dataSync()).buffer)));

/** The state of a training, as `checkpoint` hands it out and `resume` takes it. */
const trainingState = (): Format => {
  const data = () =>
    [tf.tensor2d([0, 1, 2, 3, 4, 5, 6, 7], [4, 2]), tf.tensor1d([0, 1, 2, 1], "int32")] as const;
  const saved = async () => {
    let state = new Uint8Array();
    const model = tinyModel();
    const [x, y] = data();
    const checkpoint = (bytes: Uint8Array) => {
      state = Uint8Array.from(bytes);
    };
    await fit(model, x, y, { epochs: 1, verbose: 0, yieldEvery: "never", checkpoint });
    return { state, weights: weightsOf(model) };
  };
  return {
    kind: "binary",
    bombs: [],
    original: async () => (await saved()).state,
    async open() {
      const { weights } = await saved();
      const [model, [x, y]] = [tinyModel(), data()];
      const fresh = model.getWeights().map((weight) => weight.clone());
      const before = weightsOf(model);
      return async (damaged) => {
        try {
          // Nothing is left to train.
          await fit(model, x, y, { epochs: 1, verbose: 0, yieldEvery: "never", resume: damaged });
          if (!weightsOf(model).equals(weights)) throw wrong("other weights");
        } catch (error) {
          if (!(error instanceof FaultFound) && !weightsOf(model).equals(before))
            throw wrong("a refusal changed the model");
          throw error;
        } finally {
          model.setWeights(fresh);
        }
      };
    },
  };
};

/** The layers of a model. Another model is right if it fits the samples and can be built. */
const modelFile: Format = {
  kind: "json",
  bombs: [],
  original: async () => {
    const { dense, flatten, reshape } = layers.layers;
    const model = layers.sequential({
      layers: [
        reshape({ inputShape: [4], targetShape: [2, 2] }),
        flatten(),
        dense({ units: 5, activation: "relu" }),
        dense({ units: 3 }),
      ],
    });
    const weights = [{ name: "w", shape: [2], dtype: "float32" }];
    const document = {
      format: "layers-model",
      modelTopology: model.toJSON(null, false),
      weightsManifest: [{ paths: ["w.bin"], weights }],
    };
    return new TextEncoder().encode(JSON.stringify(document));
  },
  async open(folder) {
    await mkdir(folder, { recursive: true });
    const file = join(folder, "model.json");
    return async (damaged) => {
      await writeFile(file, damaged);
      const topology = await loadTopology(file, [4], 3);
      const model = await buildModel(topology, 1);
      model.dispose();
    };
  },
};

export const runs = {
  "config.json": ofRun("json", async () => "config.json"),
  "metrics.jsonl": ofRun("text", async () => "metrics.jsonl"),
  "summary.json": ofRun("json", async () => "summary.json"),
  "samples.csv": ofRun("text", async () => join("baseline-1", "samples.csv")),
  checkpoint: ofRun("binary", latestCheckpoint),
  "training state": trainingState(),
  "model.json": modelFile,
} satisfies Record<string, Format>;
