/** Shared by 02, 03, 05 and 06: a part of MNIST with wrong training labels, and a small seeded network. */
import {
  balancedRows,
  injectNoise,
  loadDataset,
  type Noise,
  type Samples,
  takeSamples,
} from "@lilaw/datasets";
import { accuracy, predictedClasses } from "@lilaw/diagnostics";
import { crossEntropy, predictLogits } from "@lilaw/tfjs";
import * as tf from "@tensorflow/tfjs-core";
import { initializers, type LayersModel, layers, sequential } from "@tensorflow/tfjs-layers";

export interface Tensors {
  x: tf.Tensor;
  y: tf.Tensor1D;
}

const toTensors = ({ features, labels, count, shape }: Samples): Tensors => ({
  x: tf.tensor(features, [count, ...shape]),
  y: tf.tensor1d(labels, "int32"),
});

/**
 * 4,000 training images with wrong labels, by default half of them with any other class's, 100 clean ones (10 a class), the test
 * set.
 */
export async function noisyMnist(noise: Noise = { kind: "symmetric", rate: 0.5 }, seed = 1) {
  const { train, test, classes } = await loadDataset("mnist");
  const clean = balancedRows(train.labels, classes, 10, 1);
  const isClean = new Set(clean);
  const others = Int32Array.from({ length: train.count }, (_, row) => row).filter((row) => !isClean.has(row));
  const part = takeSamples(train, others.subarray(0, 4000));
  const noisy = injectNoise(part.labels, classes, noise, seed);
  return {
    train: toTensors({ ...part, labels: noisy.labels }),
    flags: noisy.flags,
    transitionMatrix: noisy.transitionMatrix,
    clean: toTensors(takeSamples(train, clean)),
    test: toTensors(test),
    testLabels: test.labels,
    classes,
  };
}

export function network(): LayersModel {
  const init = (seed: number) => initializers.heNormal({ seed });
  const model = sequential({
    layers: [
      layers.flatten({ inputShape: [28, 28, 1] }),
      layers.dense({ units: 128, activation: "relu", kernelInitializer: init(1) }),
      layers.dense({ units: 10, kernelInitializer: init(2) }),
    ],
  });
  model.compile({ optimizer: tf.train.adam(1e-3), loss: crossEntropy });
  return model;
}

export function testAccuracy(model: LayersModel, x: tf.Tensor, labels: Int32Array, classes: number): number {
  return accuracy(predictedClasses(predictLogits(model, x), classes), labels);
}
