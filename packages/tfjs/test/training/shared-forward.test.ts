import { deviation } from "@lilaw/testing";
import * as tf from "@tensorflow/tfjs-core";
import { type LayersModel, layers, sequential } from "@tensorflow/tfjs-layers";
import { describe, expect, it } from "vitest";
import { fit, type LiLAWWeightingOptions, lilaw } from "../../src/index.js";
import { sharesForward } from "../../src/training/weightings/shared-forward.js";
import { describeBackends } from "../backends.js";
import { blobModel, blobTensors, weightsOf } from "../models.js";

/** 44 samples in batches of 16: the last one of an epoch has 12. */
async function train(options: LiLAWWeightingOptions, args: Parameters<typeof fit>[3] = {}) {
  const { x, y } = blobTensors(44);
  const valid = blobTensors(20, 2);
  const model = blobModel();
  const weighting = lilaw({
    learningRate: 0.5,
    validation: [valid.x, valid.y],
    validationBatchSize: 6,
    ...options,
  });
  const { history } = await fit(model, x, y, { verbose: 0, epochs: 4, batchSize: 16, weighting, ...args });
  return { weights: weightsOf(model), history, params: { ...weighting.method.params } };
}

describeBackends("one forward pass for training and validation", () => {
  it.each<[string, LiLAWWeightingOptions]>([
    ["at every step", {}],
    ["after a warm-up", { warmupEpochs: 2 }],
    ["at every second step", { metaEvery: 2 }],
    ["with a validation batch larger than the training batch", { validationBatchSize: 20 }],
  ])("trains as two passes do, to rounding, %s", async (_, options) => {
    const [one, two] = [
      await train({ ...options, sharedForward: true }),
      await train({ ...options, sharedForward: false }),
    ];
    expect(deviation(one.weights, two.weights)).toBeLessThan(1e-5);
    expect(deviation(Object.values(one.params), Object.values(two.params))).toBeLessThan(1e-5);
    expect(two.params.alpha).not.toBe(10);
    for (const [name, values] of Object.entries(two.history)) {
      expect(deviation(one.history[name] as number[], values as number[]), name).toBeLessThan(1e-5);
    }
  });

  it("resumes bit for bit", async () => {
    const states: Uint8Array[] = [];
    const checkpoint = (state: Uint8Array) => void states.push(state);
    const whole = await train({ sharedForward: true }, { checkpoint });
    const rest = await train({ sharedForward: true }, { resume: states[1]! });
    expect(rest.weights).toEqual(whole.weights);
    expect(rest.params).toEqual(whole.params);
  });

  it("takes features of another type than the model's", async () => {
    const x = tf.tensor2d([0, 1, 2, 3, 4, 5, 6, 7], [8, 1], "int32");
    const y = tf.tensor1d([0, 0, 0, 0, 1, 1, 1, 1], "int32");
    const fractions = tf.tensor2d([0.5, 6.5], [2, 1]);
    const results = [];
    for (const sharedForward of [true, false]) {
      const model = sequential({
        layers: [layers.dense({ units: 2, inputShape: [1], kernelInitializer: "ones" })],
      });
      model.compile({ optimizer: tf.train.sgd(0.1), loss: "meanSquaredError" });
      const validation = [fractions, tf.tensor1d([0, 1], "int32")] as const;
      const weighting = lilaw({ warmupEpochs: 0, learningRate: 0.5, validation, sharedForward });
      await fit(model, x, y, { verbose: 0, batchSize: 2, weighting });
      results.push([...weightsOf(model), ...Object.values(weighting.method.params)]);
    }
    expect(deviation(results[0]!, results[1]!)).toBeLessThan(1e-5);
  });
});

describe("whether a pass is shared", () => {
  type Layer = NonNullable<Parameters<typeof sequential>[0]>["layers"];
  const modelOf = (...hidden: NonNullable<Layer>): LayersModel =>
    sequential({ layers: [...hidden, layers.dense({ units: 2 })] });
  const dense = () => layers.dense({ units: 4, inputShape: [4] });
  const refused: [string, () => LayersModel, string][] = [
    ["batch normalisation", () => modelOf(dense(), layers.batchNormalization({ name: "bn" })), "bn (BatchN"],
    ["dropout", () => modelOf(dense(), layers.dropout({ rate: 0.5, name: "drop" })), "drop (Dropout)"],
    ["noise", () => modelOf(dense(), layers.gaussianNoise({ stddev: 1, name: "noise" })), "noise (Gaussian"],
    [
      "an open shape",
      () => modelOf(layers.globalMaxPooling1d({ inputShape: [null, 3] } as never)),
      "[null,null,3]",
    ],
  ];

  it.each(refused)("not with %s: true throws, auto takes two passes", async (_, build, name) => {
    await tf.setBackend("cpu");
    expect(() => sharesForward(true, build(), 16)).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT", message: expect.stringContaining(name) }),
    );
    expect(sharesForward("auto", build(), 16)).toBe(false);
    expect(sharesForward(false, build(), 16)).toBe(false);
  });

  it("only as asked", () => {
    expect(() => sharesForward("yes" as never, modelOf(dense()), 16)).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT" }),
    );
  });
});

describeBackends("auto", (backend) => {
  it("shares passes of little arithmetic, on tensorflow", () => {
    const mlp = (units: number) =>
      sequential({ layers: [layers.dense({ units, inputShape: [784] }), layers.dense({ units: 10 })] });
    expect(sharesForward("auto", mlp(32), 128)).toBe(backend === "tensorflow");
    expect(sharesForward("auto", mlp(256), 128)).toBe(false);
    expect(sharesForward("auto", mlp(256), 13)).toBe(backend === "tensorflow");
    const images = layers.conv2d({ filters: 16, kernelSize: 3, padding: "same", inputShape: [28, 28, 16] });
    const cnn = sequential({ layers: [images, layers.flatten(), layers.dense({ units: 2 })] });
    expect(sharesForward("auto", cnn, 13)).toBe(false);
  });
});
