import * as tf from "@tensorflow/tfjs-core";
import { layers } from "@tensorflow/tfjs-layers";
import { describe, expect, it } from "vitest";
import {
  type FitArgs,
  fit,
  learningToReweight,
  lilaw,
  plain,
  randomWeights,
  readTrainingState,
} from "../src/index.js";
import { describeBackends } from "./backends.js";
import { blobModel, blobTensors, leakOf, weightsOf } from "./models.js";

const newModel = (optimizer: tf.Optimizer) => {
  const model = blobModel("logits", { extra: [layers.dropout({ rate: 0.3 }), layers.batchNormalization()] });
  model.compile({ optimizer, loss: model.loss as never });
  return model;
};

describeBackends("a resumed training equals an uninterrupted one bit for bit", () => {
  const { x, y } = blobTensors(56);
  const optimizers: [string, () => tf.Optimizer][] = [
    ["adam", () => tf.train.adam(0.02)],
    ["sgd", () => tf.train.sgd(0.1)],
    ["momentum", () => tf.train.momentum(0.1, 0.9)],
    ["rmsprop", () => tf.train.rmsprop(0.01)],
    ["adagrad", () => tf.train.adagrad(0.1)],
  ];
  const weightings = {
    plain: () => plain(),
    "random weights": () => randomWeights(),
    lilaw: () => lilaw({ validationBatchSize: 3 }),
    ...Object.fromEntries(
      (["tangent", "central-difference", "last-layer"] as const).map((route) => [
        `learning to reweight, ${route}`,
        () => learningToReweight({ validation: [x, y], validationBatchSize: 10, route }),
      ]),
    ),
  };
  const combinations = [
    ...Object.entries(weightings).map(([name, weighting]) => [name, weighting, ...optimizers[0]!] as const),
    ...optimizers.slice(1).map((optimizer) => ["lilaw", weightings.lilaw, ...optimizer] as const),
  ];

  it.each(combinations)("%s", async (_, weighting, _name, optimizer) => {
    const args: FitArgs = { batchSize: 16, epochs: 4, verbose: 0, seed: 5 };
    const whole = newModel(optimizer());
    const states: Uint8Array[] = [];
    const history = await fit(whole, x, y, {
      ...args,
      weighting: weighting(),
      checkpoint: (s) => void states.push(s),
    });

    const resumed = newModel(optimizer());
    const fromDisk = Buffer.from(states[1]!); // as readFile gives it: a part of a shared pool
    const rest = await fit(resumed, x, y, { ...args, weighting: weighting(), resume: fromDisk });
    expect(rest.epoch).toEqual([2, 3]);
    for (const [name, values] of Object.entries(history.history)) {
      expect(rest.history[name]).toEqual(values.slice(2));
    }
    expect(weightsOf(resumed)).toEqual(weightsOf(whole));
  });
});

describe("resume", () => {
  const { x, y } = blobTensors(32);
  const state = async (): Promise<Uint8Array> => {
    let saved: Uint8Array | undefined;
    await fit(newModel(tf.train.adam(0.01)), x, y, {
      verbose: 0,
      weighting: lilaw(),
      checkpoint: (bytes) => {
        saved = bytes;
      },
    });
    return saved!;
  };

  it.each<[string, (s: Uint8Array) => Promise<unknown>, string]>([
    [
      "another weighting",
      (s) => fit(newModel(tf.train.adam(0.01)), x, y, { weighting: plain(), resume: s }),
      "weighting",
    ],
    [
      "another seed",
      (s) => fit(newModel(tf.train.adam(0.01)), x, y, { weighting: lilaw(), seed: 9, resume: s }),
      "seed",
    ],
    [
      "another optimizer",
      (s) => fit(newModel(tf.train.sgd(0.01)), x, y, { weighting: lilaw(), resume: s }),
      "optimizer",
    ],
    ["another model", (s) => fit(blobModel(), x, y, { weighting: lilaw(), resume: s }), "model"],
  ])("refuses %s", async (_, act, name) => {
    const saved = await state();
    await expect(act(saved)).rejects.toMatchObject({
      code: "INCOMPATIBLE_STATE",
      message: expect.stringContaining(`for ${name === "optimizer" ? "the optimizer" : name} but`),
    });
  });

  it("refuses a truncated state and leaves the model alone", async () => {
    const saved = await state();
    const model = newModel(tf.train.adam(0.01));
    const before = weightsOf(model);
    for (const length of [2, 40, saved.length - 1]) {
      const act = fit(model, x, y, { weighting: lilaw(), resume: saved.subarray(0, length) });
      await expect(act).rejects.toMatchObject({ code: "CORRUPT_FILE" });
      const read = () => readTrainingState(saved.subarray(0, length));
      expect(read).toThrow(expect.objectContaining({ code: "CORRUPT_FILE" }));
    }
    expect(weightsOf(model)).toEqual(before);
  });

  it("can be told where a state stands", async () => {
    const position = readTrainingState(await state());
    expect(position).toMatchObject({ epochsDone: 1, seed: 0, weighting: "lilaw" });
  });

  it("leaks no tensors", async () => {
    const saved = await state();
    const model = newModel(tf.train.adam(0.01));
    const run = () =>
      fit(model, x, y, { verbose: 0, epochs: 2, weighting: lilaw(), resume: saved, checkpoint: () => {} });
    expect(await leakOf(run)).toBe(0);
  });
});
