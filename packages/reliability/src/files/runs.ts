/** Files that `lilaw` and @lilaw/tfjs write and read again: every change is found, or does no harm. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type Invocation, type Progress, RunFolder, train } from "@lilaw/cli";
import { fit } from "@lilaw/tfjs";
import * as tf from "@tensorflow/tfjs-core";
import * as layers from "@tensorflow/tfjs-layers";
import { packCheckpoint } from "../../../cli/dist/checkpoint.js";
import { addTrain } from "../../../cli/dist/commands/train.js";
import { buildModel, loadTopology } from "../../../cli/dist/models.js";
import { createProgram } from "../../../cli/dist/program.js";
import { FaultFound } from "../kind.js";
import { type Format, rewritable } from "./format.js";

const wrong = (message: string) => new FaultFound("silentDifferences", message);

const stopAfter = 2;

/** A run of two methods, stopped within the second one. */
async function stoppedRun(folder: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  const lines = Array.from({ length: 60 }, (_, i) => `${(i % 3) + (i % 7) / 10},${(i % 5) / 5},c${i % 3}`);
  const data = join(folder, "data.csv");
  writeFileSync(data, ["x,y,label", ...lines].join("\n"));
  const out = join(folder, "run");
  const typed = ["train", "--train", data, "--model", "linear", "--methods", "baseline,lilaw"];
  typed.push("--epochs", "3", "--batch-size", "32", "--backend", "cpu", "--out", out);
  const invocation = await new Promise<Invocation>((resolve, reject) => {
    const take = async (parsed: Invocation) => resolve(parsed);
    const { signal } = new AbortController();
    const program = createProgram("0", [(program, stop) => addTrain(program, stop, take)], signal);
    program.parseAsync(typed, { from: "user" }).catch(reject);
  });
  const stop = new AbortController();
  const progress = new Proxy({} as Progress, {
    get: (_, name) => (metrics: { method: string; epoch: number }) => {
      if (name === "epoch" && metrics.method === "lilaw" && metrics.epoch === stopAfter) stop.abort();
    },
  });
  await train(invocation, progress, stop.signal);
  return out;
}

/** The progress and the files of each unit, as they are when the folder is opened. */
async function stateOf(path: string) {
  const folder = await RunFolder.open(path);
  const units = [];
  for (const unit of folder.units) {
    const finished = folder.isFinished(unit);
    const metrics = folder.metricsOf(unit).map((line) => JSON.stringify(line));
    const checkpoint = finished ? undefined : await folder.checkpointOf(unit);
    units.push({ finished, metrics, checkpoint: checkpoint && packCheckpoint(checkpoint) });
  }
  return { config: JSON.stringify(folder.config), units };
}

type State = Awaited<ReturnType<typeof stateOf>>;

/**
 * @param checkpoints of the unit that is not finished, by the number of its epochs
 * @throws FaultFound unless `found` equals `whole`, now or some epochs ago
 */
function checkState(found: State, whole: State, checkpoints: ReadonlyMap<number, Buffer>): void {
  if (found.config !== whole.config) throw wrong("another configuration");
  found.units.forEach(({ finished, metrics, checkpoint }, i) => {
    const then = whole.units[i]!;
    const epochs = metrics.length;
    if (metrics.join() !== then.metrics.slice(0, epochs).join()) throw wrong("other metrics");
    if (then.finished && epochs < then.metrics.length) throw wrong("a finished unit begins again");
    if (finished && !then.finished) throw wrong("a unit is finished too early");
    if (then.finished || epochs === 0) return;
    if (Buffer.compare(checkpoint!, checkpoints.get(epochs)!) !== 0) throw wrong("another checkpoint");
  });
}

/** A file of a run folder. A damaged one is refused, or the folder is in a state in which it was at some time. */
const ofRun = (kind: Format["kind"], name: string): Format => {
  let run: Promise<string> | undefined;
  return {
    kind,
    bombs: [],
    // Read before anything is damaged.
    original: async () => readFileSync(join((await run)!, name)),
    async open(folder) {
      run = stoppedRun(folder);
      const path = await run;
      const file = join(path, name);
      const whole = await stateOf(path);
      const list = () => [path, join(path, "lilaw-1")].flatMap((folder) => readdirSync(folder).sort()).join();
      const names = list();
      const numbers = Array.from(names.matchAll(/checkpoint-(\d+)/g), ([, epochs]) => Number(epochs));
      const checkpoints = new Map(
        numbers.map((epochs) => [epochs, readFileSync(join(path, `lilaw-1/checkpoint-${epochs}.bin`))]),
      );
      const write = rewritable(file);
      return async (damaged) => {
        write(damaged);
        checkState(await stateOf(path), whole, checkpoints);
        if (list() !== names) throw wrong("opening changed the folder");
      };
    },
  };
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
          // The training is already finished.
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

/** The layers of a model. A changed model is right where it fits the samples and can be built. */
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
    const write = rewritable(file);
    return async (damaged) => {
      write(damaged);
      const topology = await loadTopology(file, [4], 3);
      const model = await buildModel(topology, 1);
      model.dispose();
    };
  },
};

export const runs = {
  "config.json": [ofRun("json", "config.json")],
  "metrics.jsonl": [ofRun("text", "metrics.jsonl")],
  "summary.json": [ofRun("json", "summary.json")],
  "samples.csv": [ofRun("text", "baseline-1/samples.csv")],
  checkpoint: [ofRun("binary", `lilaw-1/checkpoint-${stopAfter}.bin`)],
  "training state": [trainingState()],
  "model.json": [modelFile],
} satisfies Record<string, readonly Format[]>;
