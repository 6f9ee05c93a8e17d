/**
 * Question: does the memory of a long training stay the same?
 *
 * 20,000 steps of a small network in one epoch, with LiLAW and with Learning to Reweight. Every 500 steps it records
 * the counts of tfjs, which must not change, and the resident memory of the process, whose slope over the second half
 * is printed.
 *
 *     pnpm --filter @lilaw/benchmark-training soak [steps]
 */
import assert from "node:assert/strict";
import { writeResults } from "@lilaw/bench";
import { fail } from "@lilaw/bench/program";
import { expected, Random } from "@lilaw/core";
import { fit, learningToReweight, lilaw, type Weighting } from "@lilaw/tfjs";
import { useBackend } from "@lilaw/tfjs/node";
import * as tf from "@tensorflow/tfjs-core";
import { layers, sequential } from "@tensorflow/tfjs-layers";
import { linearRegression } from "simple-statistics";

const batchSize = 16;
const every = 500;
const whole = 20_000;
const [steps] = [...process.argv.slice(2).map(Number), whole] as [number];
if (!(Number.isInteger(steps) && steps >= 4 * every)) {
  fail(expected("INVALID_ARGUMENT", `an integer of at least ${4 * every}`, "steps", process.argv[2]));
  process.exit();
}

interface Sample {
  step: number;
  numTensors: number;
  numBytes: number;
  rss: number;
}

function buildModel() {
  const model = sequential({
    layers: [
      layers.dense({ units: 8, activation: "relu", inputShape: [4] }),
      layers.batchNormalization(),
      layers.dropout({ rate: 0.2 }),
      layers.dense({ units: 2, activation: "softmax" }),
    ],
  });
  model.compile({ optimizer: "adam", loss: "categoricalCrossentropy", metrics: ["accuracy"] });
  return model;
}

async function soak(weighting: Weighting, x: tf.Tensor, y: tf.Tensor): Promise<Sample[]> {
  const samples: Sample[] = [];
  let done = 0;
  const onBatchEnd = () => {
    if (++done % every !== 0) return;
    if (process.stderr.isTTY) process.stderr.write(`\r${weighting.name}: ${done} of ${steps} steps `);
    globalThis.gc?.();
    const { numTensors, numBytes } = tf.memory();
    samples.push({ step: done, numTensors, numBytes, rss: process.memoryUsage.rss() });
  };
  await fit(buildModel(), x, y, { batchSize, verbose: 0, weighting, callbacks: { onBatchEnd } });
  if (process.stderr.isTTY) process.stderr.write("\r");
  return samples;
}

const { backend } = await useBackend("auto");
const random = Random.from(1, "soak");
const count = steps * batchSize;
const x = tf.tensor2d(
  Float32Array.from({ length: count * 4 }, () => random.normal()),
  [count, 4],
);
const y = tf.tensor1d(
  Int32Array.from({ length: count }, () => random.int(2)),
  "int32",
);
const validation = [tf.slice(x, 0, 320), tf.slice(y, 0, 320)] as const;
const rows = [];
for (const weighting of [lilaw({ validation, warmupEpochs: 0 }), learningToReweight({ validation })]) {
  const samples = await soak(weighting, x, y);
  for (const { numTensors, numBytes } of samples) {
    assert.equal(numTensors, samples[0]!.numTensors, `${weighting.name}: tensors`);
    assert.equal(numBytes, samples[0]!.numBytes, `${weighting.name}: bytes`);
  }
  const settled = samples.slice(Math.floor(samples.length / 2));
  const slope = linearRegression(settled.map(({ step, rss }) => [step, rss])).m;
  console.log(
    `${weighting.name} on ${backend}: ${steps} steps, tf.memory() constant, RSS ${slope.toFixed(2)} bytes a step`,
  );
  rows.push(
    ...samples.map((sample) => ({
      backend,
      weighting: weighting.name,
      ...sample,
      rssBytesPerStep: slope.toFixed(2),
    })),
  );
}
// Only a whole run is kept.
if (steps === whole) console.log(writeResults(new URL("../results/soak.csv", import.meta.url), rows));
