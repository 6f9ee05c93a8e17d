import { Random } from "@lilaw/core";
import * as tf from "@tensorflow/tfjs-core";
import { initializers, type LayersModel, layers, sequential } from "@tensorflow/tfjs-layers";

export type ModelName = "mlp" | "cnn";

export const inputShapes = { mlp: [784], cnn: [28, 28, 1] } satisfies Record<ModelName, number[]>;
const classes = 10;

/** MLP 784-256-10, or conv 3x3x16, pool, conv 3x3x32, pool, dense; softmax at the end, seeded, Adam 1e-3. */
export function buildModel(name: ModelName): LayersModel {
  const kernelInitializer = (seed: number) => initializers.glorotUniform({ seed });
  const conv = (filters: number, seed: number) => ({
    filters,
    kernelSize: 3,
    padding: "same" as const,
    activation: "relu" as const,
    kernelInitializer: kernelInitializer(seed),
  });
  const hidden =
    name === "mlp"
      ? [
          layers.dense({
            units: 256,
            activation: "relu",
            inputShape: inputShapes.mlp,
            kernelInitializer: kernelInitializer(1),
          }),
        ]
      : [
          layers.conv2d({ ...conv(16, 1), inputShape: inputShapes.cnn }),
          layers.maxPooling2d({ poolSize: 2 }),
          layers.conv2d(conv(32, 2)),
          layers.maxPooling2d({ poolSize: 2 }),
          layers.flatten(),
        ];
  const last = layers.dense({
    units: classes,
    activation: "softmax",
    kernelInitializer: kernelInitializer(3),
  });
  const model = sequential({ layers: [...hidden, last] });
  model.compile({ optimizer: tf.train.adam(1e-3), loss: "categoricalCrossentropy" });
  return model;
}

/** Uniform noise with random one-hot labels: what is learnt does not change what a step costs. */
export function randomSamples(shape: number[], count: number): { x: tf.Tensor; y: tf.Tensor } {
  const random = Random.from(1, "samples");
  const size = shape.reduce((n, d) => n * d, count);
  const x = tf.tensor(
    Float32Array.from({ length: size }, () => random.uniform()),
    [count, ...shape],
  );
  const labels = Int32Array.from({ length: count }, () => random.int(classes));
  const y = tf.tidy(() => tf.cast(tf.oneHot(tf.tensor1d(labels, "int32"), classes), "float32"));
  return { x, y };
}
