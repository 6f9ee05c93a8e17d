/**
 * Question: what does a training step cost with each weighting, against `model.fit` of tfjs?
 *
 * MLP 784-256-10 and a small CNN on random images, batch 128, Adam. Every method trains a model of its own; one
 * sample is one epoch, all methods take turns in an order that rotates, and the ratio is taken within a round, so that
 * a busy machine slows both sides. Times include everything a call of `fit` does. Results are checked before anything
 * is timed.
 *
 *     pnpm --filter @lilaw/benchmark-training step-cost [backend …]
 */
import assert from "node:assert/strict";
import { deviation, writeResults } from "@lilaw/testing";
import {
  type BatchRecord,
  fit,
  learningToReweight,
  lilaw,
  plain,
  type RouteName,
  type Weighting,
} from "@lilaw/tfjs";
import { type NodeBackend, useBackend } from "@lilaw/tfjs/node";
import * as tf from "@tensorflow/tfjs-core";
import type { LayersModel } from "@tensorflow/tfjs-layers";
import { quantile } from "simple-statistics";
import { buildModel, inputShapes, type ModelName, randomSamples } from "./models.js";

const batchSize = 128;
const quarter = batchSize / 4;
const tenth = Math.round(batchSize / 10);

interface Samples {
  x: tf.Tensor;
  y: tf.Tensor;
}

type Train = (model: LayersModel, samples: Samples) => Promise<unknown>;

const ours =
  (weighting: (validation: [tf.Tensor, tf.Tensor]) => Weighting): Train =>
  (model, { x, y }) =>
    fit(model, x, y, { batchSize, verbose: 0, weighting: weighting([x, y]) });

const reweighting = (route: RouteName, validationBatchSize: number) =>
  ours((validation) => learningToReweight({ validation, validationBatchSize, route }));

const baseline = "model.fit";

const methods: Record<string, Train> = {
  [baseline]: (model, { x, y }) => model.fit(x, y, { batchSize, verbose: 0 }),
  plain: ours(() => plain()),
  "plain, loss on logits": ours(() => plain({ loss: "cross-entropy" })),
  "lilaw, validation batch 1": ours((validation) => lilaw({ validation, warmupEpochs: 0 })),
  "lilaw, validation batch 1/4": ours((validation) =>
    lilaw({ validation, warmupEpochs: 0, validationBatchSize: quarter }),
  ),
  "l2rw tangent, validation batch 1": reweighting("tangent", batchSize),
  "l2rw tangent, validation batch 1/10": reweighting("tangent", tenth),
  "l2rw central-difference, validation batch 1": reweighting("central-difference", batchSize),
  "l2rw central-difference, validation batch 1/10": reweighting("central-difference", tenth),
  "l2rw last-layer, validation batch 1": reweighting("last-layer", batchSize),
  "l2rw last-layer, validation batch 1/10": reweighting("last-layer", tenth),
};

/** Steps an epoch and rounds: enough for the start of a `fit` not to count, few enough to end. */
const effort: Record<"tensorflow" | "wasm", Record<ModelName, { steps: number; rounds: number }>> = {
  tensorflow: { mlp: { steps: 40, rounds: 15 }, cnn: { steps: 20, rounds: 11 } },
  wasm: { mlp: { steps: 10, rounds: 7 }, cnn: { steps: 4, rounds: 5 } },
};

async function check(name: ModelName, samples: Samples): Promise<void> {
  const { x, y } = samples;
  const weightsOf = (model: LayersModel) => model.getWeights().flatMap((w) => [...w.dataSync()]);
  const args = { batchSize, verbose: 0, shuffle: false } as const;
  const [theirs, own] = [buildModel(name), buildModel(name)];
  // One step: later ones amplify the last bits.
  const batch = [tf.slice(x, 0, batchSize), tf.slice(y, 0, batchSize)] as const;
  await theirs.fit(...batch, args);
  await fit(own, ...batch, { ...args, weighting: plain() });
  tf.dispose([...batch]);
  assert(deviation(weightsOf(own), weightsOf(theirs)) < 1e-6, "plain training is not model.fit's");

  const firstRecord = async (weighting: Weighting) => {
    const records: BatchRecord[] = [];
    await fit(buildModel(name), x, y, { ...args, weighting, record: (r) => void records.push(r) });
    return records[0]!;
  };
  const { weights, labelProbs, maxProbs } = await firstRecord(lilaw({ validation: [x, y], warmupEpochs: 0 }));
  const sigmoid = (t: number) => 1 / (1 + Math.exp(-t));
  const expected = Array.from(labelProbs, (u, i) => {
    const v = maxProbs[i]!;
    return sigmoid(10 * u - v) + sigmoid(v - 2 * u) + Math.exp(-((6 * u - v) ** 2) / 2);
  });
  assert(deviation(weights, expected) < 1e-5, "LiLAW's weights are not the paper's");

  const byRoute = async (route: RouteName) => {
    const record = await firstRecord(learningToReweight({ validation: [x, y], route }));
    return Array.from(record.weights, (w) => w / batchSize);
  };
  const [exact, difference] = [await byRoute("tangent"), await byRoute("central-difference")];
  const distance = exact.reduce((sum, w, i) => sum + Math.abs(w - difference[i]!), 0);
  assert(distance < 0.02, `the routes of learning to reweight differ by ${distance}`);
}

async function measure(backend: "tensorflow" | "wasm", name: ModelName) {
  const { steps, rounds } = effort[backend][name];
  const samples = randomSamples(inputShapes[name], steps * batchSize);
  await check(name, samples);
  const entries = Object.entries(methods).map(([method, train]) => ({
    method,
    model: buildModel(name),
    train,
    times: [] as number[],
  }));
  for (const { model, train } of entries) await train(model, samples); // warm-up
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < entries.length; i++) {
      const entry = entries[(i + round) % entries.length]!;
      const start = performance.now();
      await entry.train(entry.model, samples);
      entry.times.push((performance.now() - start) / steps);
    }
  }
  const base = entries.find(({ method }) => method === baseline)!.times;
  return entries.map(({ method, times }) => {
    const ratios = times.map((time, round) => time / base[round]!);
    return {
      backend,
      model: name,
      batchSize,
      method,
      ms: quantile(times, 0.5).toFixed(3),
      ratio: quantile(ratios, 0.5).toFixed(3),
      ratioP20: quantile(ratios, 0.2).toFixed(3),
      ratioP80: quantile(ratios, 0.8).toFixed(3),
      steps,
      rounds,
    };
  });
}

const backends = process.argv.length > 2 ? process.argv.slice(2) : ["tensorflow", "wasm"];
const rows: Awaited<ReturnType<typeof measure>> = [];
for (const backend of backends as ("tensorflow" | "wasm")[]) {
  await useBackend(backend satisfies NodeBackend);
  for (const model of ["mlp", "cnn"] as const) {
    const measured = await measure(backend, model);
    console.table(measured, ["backend", "model", "method", "ms", "ratio", "ratioP20", "ratioP80"]);
    rows.push(...measured);
  }
}
console.log(writeResults(new URL("../results/step-cost.csv", import.meta.url), rows));
