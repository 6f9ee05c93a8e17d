import { deviation } from "@lilaw/testing";
import * as tf from "@tensorflow/tfjs-core";
import {
  model as functional,
  initializers,
  input,
  type LayersModel,
  layers,
  type SymbolicTensor,
  sequential,
} from "@tensorflow/tfjs-layers";
import { expect, it } from "vitest";
import { fit } from "../../src/index.js";
import { endsInSoftmax } from "../../src/model/head.js";
import { trainedModel } from "../../src/model/internals.js";
import { describeBackends } from "../backends.js";
import { blobModel, blobTensors, weightsOf } from "../models.js";

const dense = (seed: number, activation: "softmax" | "relu" | "linear" = "softmax", units = 2) =>
  layers.dense({ units, activation, kernelInitializer: initializers.glorotUniform({ seed }) });

function chain(...steps: { apply(x: SymbolicTensor): unknown }[]): LayersModel {
  const inputs = input({ shape: [4] });
  const outputs = steps.reduce((x, step) => step.apply(x) as SymbolicTensor, inputs as SymbolicTensor);
  return functional({ inputs, outputs });
}

/** Models whose softmax cannot be taken off, or not as their last layer's activation. */
const others: Record<string, () => LayersModel> = {
  "the last layer used twice"() {
    const shared = dense(2);
    return chain(dense(1, "relu"), shared, shared);
  },
  "a model inside": () =>
    chain(dense(1, "relu", 3), sequential({ layers: [layers.reLU({ inputShape: [3] }), dense(2)] })),
  "a softmax a time step": () => chain(layers.reshape({ targetShape: [2, 2] }), dense(2)),
  "another layer after the softmax": () => chain(dense(1), layers.reLU()),
  sigmoid: () => chain(layers.dense({ units: 2, activation: "sigmoid" })),
  "an activation that is no head of ours": () => chain(layers.dense({ units: 2, activation: "softplus" })),
};

/** Trains two copies of a model, by model.fit and by ours, and says how far apart they end. */
async function difference(build: () => LayersModel, x: tf.Tensor, y: tf.Tensor) {
  const [ours, theirs] = [build(), build()];
  theirs.setWeights(ours.getWeights());
  const start = weightsOf(ours);
  for (const model of [ours, theirs]) {
    model.compile({ optimizer: tf.train.sgd(0.5), loss: "categoricalCrossentropy", metrics: ["accuracy"] });
  }
  const args = { verbose: 0, epochs: 3, batchSize: 8, shuffle: false } as const;
  const { history: a } = await fit(ours, x, y, args);
  const { history: b } = await theirs.fit(x, y, args);
  const [own, expected] = [weightsOf(ours), weightsOf(theirs)];
  return {
    weights: deviation(own, expected),
    history: deviation([...a.loss!, ...a.acc!] as number[], [...b.loss!, ...b.acc!] as number[]),
    moved: deviation(start, expected),
  };
}

describeBackends("the loss a model was compiled with", () => {
  it("is computed on the logits where the softmax can be taken off", () => {
    expect(endsInSoftmax(trainedModel(blobModel("softmax")))).toBe(true);
    expect(endsInSoftmax(trainedModel(blobModel("softmax-layer")))).toBe(true);
    expect(endsInSoftmax(trainedModel(blobModel("activation-layer")))).toBe(true);
    expect(endsInSoftmax(trainedModel(blobModel("logits")))).toBe(false);
    for (const build of Object.values(others)) expect(endsInSoftmax(build())).toBe(false);
  });

  it("has no gradient where tfjs clips a probability, and its value there", async () => {
    const x = tf.tensor2d([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1], [4, 4]);
    const build = () => {
      const model = chain(layers.dense({ units: 3, activation: "softmax" }));
      const kernel = [0, 40, 0, -20, 0, 15, 17, 0, 0, 1, 2, -1];
      model.setWeights([tf.tensor2d(kernel, [4, 3]), tf.zeros([3])]);
      return model;
    };
    const confidentlyWrong = tf.oneHot([0, 0, 1, 2], 3);
    const soft = tf.tensor2d([0.5, 0.5, 0, 0.1, 0.2, 0.7, 0, 0.9, 0.1, 0.3, 0.3, 0.4], [4, 3]);
    for (const y of [confidentlyWrong, soft]) {
      const { weights, history, moved } = await difference(build, x, y);
      expect(weights).toBeLessThan(1e-5);
      expect(history).toBeLessThan(1e-5);
      expect(moved).toBeGreaterThan(1e-3);
    }
  });

  it.each(Object.keys(others))("is tfjs's own with %s", async (name) => {
    const { x, y } = blobTensors(24);
    const oneHot = tf.cast(tf.oneHot(y, 2), "float32");
    const targets = name === "a softmax a time step" ? tf.stack([oneHot, oneHot], 1) : oneHot;
    const { weights, history } = await difference(others[name]!, x, targets);
    expect(weights).toBeLessThan(1e-5);
    expect(history).toBeLessThan(1e-5);
  });
});
