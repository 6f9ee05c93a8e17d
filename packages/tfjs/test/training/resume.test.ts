import { type LilawError, Random } from "@lilaw/core";
import * as tf from "@tensorflow/tfjs-core";
import { type LayersModel, layers } from "@tensorflow/tfjs-layers";
import { describe, expect, it } from "vitest";
import {
  type FitArgs,
  fit,
  type LiLAWWeighting,
  learningToReweight,
  lilaw,
  plain,
  randomWeights,
  readTrainingState,
  type Weighting,
} from "../../src/index.js";
import { describeBackends } from "../backends.js";
import { blobModel, blobTensors, leakOf, weightsOf } from "../models.js";

const transition = [
  [0.75, 0.25],
  [0.25, 0.75],
];

const newModel = (optimizer: tf.Optimizer, activation: "linear" | "tanh" = "linear") => {
  const extra = [
    layers.dropout({ rate: 0.3 }),
    layers.batchNormalization(),
    layers.activation({ activation }),
  ];
  const model = blobModel("logits", { extra });
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
    "plain, with a transition matrix": () => plain({ transition }),
    "random weights, with a transition matrix": () => randomWeights({ transition }),
    "lilaw, with a transition matrix": () => lilaw({ transition, validationBatchSize: 3 }),
    "learning to reweight, with a transition matrix": () =>
      learningToReweight({ transition, validation: [x, y], validationBatchSize: 10 }),
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
  const quiet = { verbose: 0 } as const;
  const state = async (
    args: FitArgs = {},
    optimizer: tf.Optimizer = tf.train.adam(0.01),
  ): Promise<Uint8Array> => {
    let saved: Uint8Array | undefined;
    const checkpoint = (bytes: Uint8Array) => {
      saved = bytes;
    };
    await fit(newModel(optimizer), x, y, { ...quiet, weighting: lilaw(), ...args, checkpoint });
    return saved!;
  };

  /** All that a state could move. */
  async function everything(model: LayersModel, weighting?: LiLAWWeighting): Promise<unknown> {
    const optimizer = await model.optimizer.getWeights();
    const numbers = optimizer.map(({ tensor }) => [...tensor.dataSync()]);
    optimizer[0]?.tensor.dispose();
    const { learningRate } = model.optimizer.getConfig() as { learningRate: number };
    return { weights: weightsOf(model), numbers, learningRate, weighting: weighting?.method.toJSON() };
  }

  type Change = [
    string,
    (weighting: LiLAWWeighting) => { model?: LayersModel; args?: FitArgs; y?: tf.Tensor },
    string,
  ];
  const changes: Change[] = [
    ["another weighting", () => ({ args: { weighting: plain() } }), "weighting"],
    ["another seed", () => ({ args: { seed: 9 } }), "seed"],
    ["another optimizer", () => ({ model: newModel(tf.train.sgd(0.01)) }), "the optimizer"],
    [
      "another beta of the optimizer",
      () => ({ model: newModel(tf.train.adam(0.01, 0.8)) }),
      "the options of the optimizer",
    ],
    ["another model", () => ({ model: blobModel() }), "model"],
    [
      "another activation",
      () => ({ model: newModel(tf.train.adam(0.01), "tanh") }),
      "the layers of the model",
    ],
    [
      "other options",
      () => ({ args: { weighting: lilaw({ metaEvery: 2 }) } }),
      "the options of the weighting",
    ],
    [
      "other rates",
      () => ({ args: { weighting: lilaw({ learningRate: 1 }) } }),
      "the options of the weighting",
    ],
    [
      "a transition matrix",
      () => ({ args: { weighting: lilaw({ transition }) } }),
      "the options of the weighting",
    ],
    ["other batches", () => ({ args: { batchSize: 7 } }), "the training data"],
    ["another order", () => ({ args: { shuffle: false } }), "the training data"],
    ["other labels", () => ({ y: tf.sub(1, y) }), "the options of the weighting"],
    [
      "other labels, the validation ones the same",
      () => ({ y: tf.sub(1, y), args: { weighting: lilaw({ validation: [x, y] }) } }),
      "the training data",
    ],
  ];
  it.each(changes)("refuses %s and moves nothing", async (what, change, name) => {
    const weighting = lilaw();
    const used = newModel(tf.train.adam(0.01));
    await fit(used, x, y, { ...quiet, weighting });
    const changed = change(weighting);
    const { model = used } = changed;
    const others = what.endsWith("the same") ? { weighting: lilaw({ validation: [x, y] }) } : {};
    const saved = await state(others);
    const before = await everything(model, weighting);
    const act = () => fit(model, x, changed.y ?? y, { ...quiet, weighting, ...changed.args, resume: saved });
    await expect(act()).rejects.toMatchObject({
      code: "INCOMPATIBLE_STATE",
      message: expect.stringContaining(`for ${name} but`),
    });
    expect(await everything(model, weighting)).toEqual(before);
    expect(await leakOf(() => act().catch(() => {}))).toBe(0);
  });

  it.each<[string, (transition?: number[][]) => Weighting]>([
    ["plain", (transition) => plain({ loss: "cross-entropy", ...(transition && { transition }) })],
    [
      "random weights",
      (transition) => randomWeights({ loss: "cross-entropy", ...(transition && { transition }) }),
    ],
    ["lilaw", (transition) => lilaw(transition && { transition })],
    [
      "learning to reweight",
      (transition) => learningToReweight({ validation: [x, y], ...(transition && { transition }) }),
    ],
  ])("refuses a state of %s under another transition matrix", async (_, weighting) => {
    const saved = await state({ weighting: weighting(transition) });
    const other = [
      [0.75, 0.25],
      [0.2, 0.8],
    ];
    for (const matrix of [other, undefined]) {
      const args = { ...quiet, weighting: weighting(matrix), resume: saved };
      await expect(fit(newModel(tf.train.adam(0.01)), x, y, args)).rejects.toMatchObject({
        code: "INCOMPATIBLE_STATE",
        message: expect.stringContaining("for the options of the weighting but"),
      });
    }
    const equal = weighting(transition.map((row) => [...row]));
    await fit(newModel(tf.train.adam(0.01)), x, y, { ...quiet, weighting: equal, resume: saved });
  });

  it("takes another learning rate back", async () => {
    const model = newModel(tf.train.adam(0.5));
    await fit(model, x, y, { ...quiet, weighting: lilaw(), resume: await state() });
    expect((model.optimizer.getConfig() as { learningRate: number }).learningRate).toBe(0.01);
  });

  it("moves nothing where something else is wrong", async () => {
    const saved = await state();
    const model = newModel(tf.train.adam(0.01));
    const before = await everything(model);
    for (const args of [{ epochs: Number.NaN }, { validationData: [x, x, x] }, { callbacks: 3 }] as never[]) {
      const act = fit(model, x, y, { ...quiet, weighting: lilaw(), resume: saved, ...(args as FitArgs) });
      await expect(act).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    }
    expect(await everything(model)).toEqual(before);
  });

  it("finds every flipped bit, truncation and extension", async () => {
    const saved = await state();
    const random = Random.from(1, "bits");
    const wrong = (bytes: Uint8Array, what: string) => {
      try {
        readTrainingState(bytes);
      } catch (error) {
        if ((error as LilawError).code === "CORRUPT_FILE") return;
        throw error;
      }
      throw new Error(`not found: ${what}`);
    };
    const header = 8 * (28 + new DataView(saved.buffer, saved.byteOffset).getUint32(24, true));
    const ends = 8 * saved.length - 256; // the checksum
    const bits = [
      ...Array.from({ length: header }, (_, bit) => bit),
      ...Array.from({ length: 256 }, (_, i) => ends + i),
      ...Array.from({ length: 2000 }, () => random.int(8 * saved.length)),
    ];
    for (const bit of bits) {
      const bytes = saved.slice();
      bytes[bit >> 3]! ^= 1 << (bit & 7);
      wrong(bytes, `bit ${bit}`);
    }
    for (let length = 0; length < saved.length; length += 1 + (length >> 6)) {
      wrong(saved.subarray(0, length), `${length} bytes`);
    }
    for (const more of [1, 2, 32, 1000]) {
      const longer = new Uint8Array(saved.length + more);
      longer.set(saved);
      wrong(longer, `${more} bytes more`);
      longer.set(saved, more);
      wrong(longer, `${more} bytes before`);
    }
    wrong(Uint8Array.from([...saved, ...saved]), "twice");
    expect(bits.length).toBeGreaterThan(10_000);
  }, 60_000);

  it("tells a state of the version before", async () => {
    const header = new TextEncoder().encode('{"format":"lilaw-training-state","version":1,"epochsDone":1}');
    const former = Uint8Array.from([header.length, 0, 0, 0, ...header, 1, 2, 3]);
    expect(() => readTrainingState(former)).toThrow(
      expect.objectContaining({ code: "INCOMPATIBLE_STATE", message: expect.stringContaining("version 1") }),
    );
  });

  it("takes no bytes but bytes", () => {
    for (const other of ["state", 3, null, undefined, [1, 2], new Float32Array(100), new ArrayBuffer(100)]) {
      expect(() => readTrainingState(other as never)).toThrow(
        expect.objectContaining({ code: "INVALID_ARGUMENT" }),
      );
    }
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
