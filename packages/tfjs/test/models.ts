import { Random } from "@lilaw/core";
import * as tf from "@tensorflow/tfjs-core";
import { initializers, type LayersModel, layers, type Sequential, sequential } from "@tensorflow/tfjs-layers";
import { crossEntropy } from "../src/index.js";

/** Two-class blobs in 4 dimensions; every fourth label is wrong. */
export function noisyBlobs(count: number, seed = 1) {
  const random = Random.from(seed, "blobs");
  const clean = Int32Array.from({ length: count }, () => random.int(2));
  const features = Float32Array.from({ length: count * 4 }, (_, i) => {
    return random.normal() + (clean[i >> 2] === 1 ? 1 : -1);
  });
  const labels = clean.map((y, i) => (i % 4 === 0 ? 1 - y : y));
  return { features, clean, labels };
}

export function blobTensors(count: number, seed = 1) {
  const { features, labels, clean } = noisyBlobs(count, seed);
  const x = tf.tensor2d(features, [count, 4]);
  return { x, y: tf.tensor1d(labels, "int32"), clean: tf.tensor1d(clean, "int32"), labels };
}

/** Two classes of images of 8 x 8, bright above and bright below; every fourth label is wrong. */
export function noisyImages(count: number, seed = 1) {
  const random = Random.from(seed, "images");
  const clean = Int32Array.from({ length: count }, () => random.int(2));
  const features = Float32Array.from({ length: count * 64 }, (_, i) => {
    const below = i % 64 < 32 ? 0 : 1;
    return 0.3 * random.normal() + (clean[i >> 6] === below ? 1 : 0);
  });
  const labels = clean.map((y, i) => (i % 4 === 0 ? 1 - y : y));
  return { features, clean, labels };
}

/** Images of 8 x 8 in two classes, of which one is brighter. */
export function imageTensors(count: number) {
  const labels = Int32Array.from({ length: count }, (_, i) => i % 2);
  const x = tf.tidy(() =>
    tf.add(
      tf.randomNormal([count, 8, 8, 1], 0, 0.3, "float32", 1),
      tf.reshape(tf.cast(tf.tensor1d(labels), "float32"), [count, 1, 1, 1]),
    ),
  );
  return { x, y: tf.tensor1d(labels, "int32") };
}

const glorot = (seed: number) => initializers.glorotUniform({ seed });

export type Ending = "logits" | "softmax" | "softmax-layer" | "activation-layer";

/** A small seeded network for the blobs that ends in one of the ways a classifier can. */
export function blobModel(
  ending: Ending = "logits",
  { extra = [] as Parameters<Sequential["add"]>[0][] } = {},
) {
  const model = sequential();
  model.add(layers.dense({ units: 8, inputShape: [4], activation: "relu", kernelInitializer: glorot(1) }));
  for (const layer of extra) model.add(layer);
  const activation = ending === "softmax" ? "softmax" : "linear";
  model.add(layers.dense({ units: 2, activation, kernelInitializer: glorot(2) }));
  if (ending === "softmax-layer") model.add(layers.softmax());
  if (ending === "activation-layer") model.add(layers.activation({ activation: "softmax" }));
  const loss = ending === "logits" ? crossEntropy : "categoricalCrossentropy";
  model.compile({ optimizer: tf.train.adam(0.01), loss, metrics: ["accuracy"] });
  return model;
}

/** All weights of a model in one array. */
export function weightsOf(model: LayersModel): number[] {
  return model.getWeights().flatMap((weight) => [...weight.dataSync()]);
}

/** Live tensors that `run` adds beside those it returns. */
export async function leakOf(run: () => Promise<unknown>): Promise<number> {
  await run(); // caches and optimizer slots
  const before = tf.memory().numTensors;
  await run();
  return tf.memory().numTensors - before;
}
