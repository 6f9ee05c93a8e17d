import { deviation } from "@lilaw/testing";
import * as tf from "@tensorflow/tfjs-core";
import * as data from "@tensorflow/tfjs-data";
import {
  callbacks,
  model as functional,
  input,
  type LayersModel,
  type Logs,
  layers,
  regularizers,
  sequential,
} from "@tensorflow/tfjs-layers";
import { describe, expect, it } from "vitest";
import {
  type BatchRecord,
  fit,
  fitDataset,
  learningToReweight,
  lilaw,
  plain,
  predictLogits,
  type RouteName,
  randomWeights,
  type Weighting,
} from "../../src/index.js";
import { describeBackends } from "../backends.js";
import { blobModel, blobTensors, type Ending, imageTensors, leakOf, weightsOf } from "../models.js";

const endings: Ending[] = ["logits", "softmax", "softmax-layer", "activation-layer"];
const quiet = { verbose: 0, epochs: 2, batchSize: 16 } as const;

describeBackends("fit", (backend) => {
  it.each(endings)("with plain() trains as model.fit does, ending in %s", async (ending) => {
    const { x, y } = blobTensors(40);
    const oneHot = tf.oneHot(y, 2);
    const args = { ...quiet, shuffle: false, validationSplit: 0.25, classWeight: { 0: 1, 1: 3 } };
    const [ours, theirs] = [blobModel(ending), blobModel(ending)];
    const history = await fit(ours, x, oneHot, args);
    const expected = await theirs.fit(x, oneHot, args);
    expect(Object.keys(history.history).sort()).toEqual(Object.keys(expected.history).sort());
    for (const [name, values] of Object.entries(expected.history)) {
      expect(deviation(history.history[name] as number[], values as number[])).toBeLessThan(1e-5);
    }
    expect(deviation(weightsOf(ours), weightsOf(theirs))).toBeLessThan(1e-5);
  });

  it.each(endings)("computes the exact loss on the logits, ending in %s", async (ending) => {
    const { x, y } = blobTensors(40);
    const [ours, theirs] = [blobModel(ending), blobModel("logits")];
    await fit(ours, x, y, { ...quiet, weighting: plain({ loss: "cross-entropy" }) });
    await fit(theirs, x, y, { ...quiet });
    expect(deviation(weightsOf(ours), weightsOf(theirs))).toBeLessThan(1e-5);
    expect(deviation(predictLogits(ours, x), predictLogits(theirs, x))).toBeLessThan(1e-5);
  });

  it("keeps the logits of a saturated softmax exact", () => {
    const model = blobModel("softmax");
    model.layers.at(-1)!.setWeights([tf.tensor2d(new Array(16).fill(30), [8, 2]), tf.tensor1d([0, 500])]);
    const logits = predictLogits(model, tf.ones([1, 4]));
    expect(logits[1]! - logits[0]!).toBeCloseTo(500, 3);
    expect([...(model.predict(tf.ones([1, 4])) as tf.Tensor).dataSync()]).toEqual([0, 1]);
  });

  it.each(["logits", "softmax"] as const)(
    "predicts with a Sequential that was never compiled, ending in %s",
    (ending) => {
      const { x } = blobTensors(10);
      const make = () => {
        const model = sequential();
        model.add(layers.dense({ units: 2, inputShape: [4], kernelInitializer: "ones" }));
        if (ending === "softmax") model.add(layers.softmax());
        return model;
      };
      const used = make();
      used.predict(x);
      expect(predictLogits(make(), x)).toEqual(predictLogits(used, x));
    },
  );

  it("reads class indices and one-hot rows alike", async () => {
    const { x, y } = blobTensors(40);
    const [fromIndices, fromOneHot] = [blobModel(), blobModel()];
    const valid = blobTensors(20, 2);
    const run = async (model: LayersModel, targets: tf.Tensor) =>
      (await fit(model, x, targets, { ...quiet, weighting: lilaw(), validationData: [valid.x, valid.y] }))
        .history;
    expect(await run(fromIndices, y)).toEqual(await run(fromOneHot, tf.oneHot(y, 2)));
    expect(weightsOf(fromIndices)).toEqual(weightsOf(fromOneHot));
  });

  it("uses sampleWeight: weight 0 is as good as absent, weight 2 as good as twice", async () => {
    const { x, y } = blobTensors(8);
    const sgd = (rows: number[], weights: number[] | undefined) => async (own: boolean) => {
      const model = blobModel();
      model.compile({ optimizer: tf.train.sgd(0.5), loss: model.loss as never });
      const indices = tf.tensor1d(rows, "int32");
      await fit(model, tf.gather(x, indices), tf.gather(y, indices), {
        verbose: 0,
        batchSize: 8,
        ...(weights === undefined ? {} : { sampleWeight: Float32Array.from(weights) }),
        weighting: plain(own ? {} : { loss: "cross-entropy" }),
      });
      return weightsOf(model);
    };
    for (const own of [true, false]) {
      const weighted = await sgd([0, 1, 2, 3, 4, 5], [2, 1, 0, 1, 1, 1])(own);
      const repeated = await sgd([0, 0, 1, 3, 4, 5], undefined)(own);
      expect(deviation(weighted, repeated)).toBeLessThan(1e-6);
    }
  });

  it("runs callbacks, stops early and yields a History", async () => {
    const { x, y } = blobTensors(64);
    const seen: string[] = [];
    const history = await fit(blobModel(), x, y, {
      ...quiet,
      epochs: 20,
      validationData: [x, y],
      weighting: lilaw({ warmupEpochs: 0 }),
      callbacks: [
        {
          onEpochEnd: (epoch: number, logs?: Logs) =>
            void seen.push(`${epoch} ${Object.keys(logs!).sort().join(" ")}`),
        },
        callbacks.earlyStopping({ monitor: "val_loss", patience: 0, minDelta: 1e6 }),
      ] as never,
    });
    expect(history.epoch).toEqual([0, 1]);
    expect(seen).toEqual(["0", "1"].map((epoch) => `${epoch} acc alpha beta delta loss val_acc val_loss`));
    expect(history.history.alpha).toHaveLength(2);
  });

  it("stops in the middle of an epoch when stopTraining is set on a Sequential", async () => {
    const { x, y } = blobTensors(64);
    const model = blobModel();
    let batches = 0;
    const saved: number[] = [];
    await fit(model, x, y, {
      ...quiet,
      checkpoint: (_, epochsDone) => void saved.push(epochsDone),
      callbacks: {
        onBatchEnd: () => {
          if (++batches === 6) model.stopTraining = true;
        },
      },
    });
    expect(batches).toBe(6);
    expect(saved).toEqual([1]); // four batches an epoch: the second epoch is not complete
  });

  it("is deterministic by seed, with dropout and batch normalisation", async () => {
    const { x, y } = blobTensors(48);
    const train = async (seed: number) => {
      const model = blobModel("logits", {
        extra: [layers.dropout({ rate: 0.5 }), layers.batchNormalization()],
      });
      await fit(model, x, y, { ...quiet, seed, weighting: learningToReweight({ validation: [x, y] }) });
      return weightsOf(model);
    };
    const first = await train(1);
    expect(await train(1)).toEqual(first);
    expect(await train(2)).not.toEqual(first);
  });

  const reweighting = (route: RouteName) => () =>
    learningToReweight({ validation: [tf.ones([4, 4]), tf.tensor1d([0, 1, 0, 1], "int32")], route });
  it.each<[string, () => Weighting]>([
    ["plain", () => plain()],
    ["plain on logits", () => plain({ loss: "cross-entropy" })],
    ["random weights", () => randomWeights()],
    ["lilaw", () => lilaw({ warmupEpochs: 0 })],
    ["learning to reweight, tangent", reweighting("tangent")],
    ["learning to reweight, central-difference", reweighting("central-difference")],
    ["learning to reweight, last-layer", reweighting("last-layer")],
  ])("leaks no tensors: %s", async (_, weighting) => {
    const { x, y } = blobTensors(40);
    const model = blobModel("softmax", {
      extra: [layers.dropout({ rate: 0.5 }), layers.batchNormalization()],
    });
    const chosen = weighting();
    const run = () =>
      fit(model, x, y, {
        ...quiet,
        validationSplit: 0.2,
        sampleWeight: new Float32Array(40).fill(2),
        weighting: chosen,
      });
    expect(await leakOf(run)).toBe(0);
  });

  it.each<[string, Weighting]>([
    ["lilaw", lilaw({ warmupEpochs: 0 })],
    ["learning to reweight", reweighting("tangent")()],
  ])("keeps its memory through a long epoch: %s", async (_, weighting) => {
    const { x, y } = blobTensors(4 * 300);
    const counts: number[][] = [];
    const onBatchEnd = () => {
      const { numTensors, numBytes } = tf.memory();
      counts.push([numTensors, numBytes]);
    };
    const model = blobModel("softmax", { extra: [layers.dropout({ rate: 0.5 })] });
    const validationData: [tf.Tensor, tf.Tensor] = [x, y];
    await fit(model, x, y, {
      verbose: 0,
      batchSize: 4,
      validationData,
      weighting,
      callbacks: { onBatchEnd },
    });
    expect(counts).toHaveLength(300);
    expect(new Set(counts.slice(2).map(String)).size).toBe(1);
  });

  it("leaks no tensors when it holds out validation samples, or fails", async () => {
    const { x, y } = blobTensors(40);
    const model = blobModel();
    expect(await leakOf(() => fit(model, x, y, { ...quiet, weighting: lilaw() }))).toBe(0);
    const bad = tf.fill([40], 7, "int32");
    expect(await leakOf(() => fit(model, x, bad, { ...quiet, weighting: lilaw() }).catch(() => {}))).toBe(0);
  });

  it("trains regression and binary models", async () => {
    const { x, labels } = blobTensors(60);
    const y = tf.tensor2d(Float32Array.from(labels), [60, 1]);
    for (const [activation, loss, weighted] of [
      ["sigmoid", "binaryCrossentropy", lilaw({ warmupEpochs: 0 })],
      ["linear", "binaryCrossentropy", lilaw({ warmupEpochs: 0, loss: "binary" })],
      ["linear", "meanSquaredError", lilaw({ warmupEpochs: 0, loss: { kind: "regression", range: 1 } })],
      ["linear", "meanSquaredError", plain()],
    ] as const) {
      const model = sequential({ layers: [layers.dense({ units: 1, inputShape: [4], activation })] });
      model.compile({ optimizer: tf.train.adam(0.05), loss });
      const { history } = await fit(model, x, y, { ...quiet, epochs: 6, weighting: weighted });
      expect(history.loss!.at(-1)).toBeLessThan(history.loss![0] as number);
    }
  });

  it("adds regularisation to the objective", async () => {
    const { x, y } = blobTensors(16);
    const lossOf = async (l2: number) => {
      const model = sequential({
        layers: [
          layers.dense({
            units: 2,
            inputShape: [4],
            kernelInitializer: "ones",
            kernelRegularizer: regularizers.l2({ l2 }),
          }),
        ],
      });
      model.compile({ optimizer: tf.train.sgd(0), loss: "meanSquaredError" });
      const { history } = await fit(model, x, y, {
        verbose: 0,
        batchSize: 16,
        weighting: plain({ loss: "cross-entropy" }),
      });
      return history.loss![0] as number;
    };
    expect((await lossOf(0.5)) - (await lossOf(0))).toBeCloseTo(0.5 * 8, 4);
  });

  it("trains models with several inputs", async () => {
    const { x, y } = blobTensors(40);
    const [a, b] = [input({ shape: [4], name: "a" }), input({ shape: [4], name: "b" })];
    const merged = layers.concatenate().apply([a, b]);
    const model = functional({
      inputs: [a, b],
      outputs: layers.dense({ units: 2, activation: "softmax" }).apply(merged) as never,
    });
    model.compile({ optimizer: tf.train.adam(0.05), loss: "categoricalCrossentropy" });
    const { history } = await fit(model, { a: x, b: x }, y, { ...quiet, epochs: 4, weighting: lilaw() });
    expect(history.loss).toHaveLength(4);
  });

  if (backend === "cpu") return;
  it("trains a CNN", async () => {
    const { x, y } = imageTensors(48);
    const model = sequential({
      layers: [
        layers.conv2d({ filters: 4, kernelSize: 3, activation: "relu", inputShape: [8, 8, 1] }),
        layers.maxPooling2d({ poolSize: 2 }),
        layers.conv2d({ filters: 4, kernelSize: 3, strides: 2, padding: "same" }),
        layers.batchNormalization(),
        layers.flatten(),
        layers.dense({ units: 2 }),
      ],
    });
    model.compile({ optimizer: tf.train.adam(0.01), loss: "meanSquaredError" });
    for (const weighting of [lilaw({ warmupEpochs: 0 }), learningToReweight({ validation: [x, y] })]) {
      const { history } = await fit(model, x, y, { ...quiet, epochs: 5, weighting });
      expect(history.loss!.at(-1)).toBeLessThan(history.loss![0] as number);
    }
  });
});

describeBackends("fitDataset", () => {
  const datasetOf = (x: tf.Tensor2D, y: tf.Tensor1D, batchSize: number) =>
    data.zip({ xs: data.array(x.arraySync()), ys: data.array(y.arraySync()) } as never).batch(batchSize);

  it("trains as fit does on the same batches", async () => {
    const { x, y } = blobTensors(40);
    const valid = blobTensors(20, 2);
    const [fromDataset, fromTensors] = [blobModel(), blobModel()];
    const args = {
      epochs: 2,
      verbose: 0,
      validationBatchSize: 16,
      validationData: [valid.x, valid.y] as [tf.Tensor, tf.Tensor],
    };
    const a = await fitDataset(fromDataset, datasetOf(x, y, 16), { ...args, weighting: lilaw() } as never);
    const b = await fit(fromTensors, x, y, { ...args, batchSize: 16, shuffle: false, weighting: lilaw() });
    expect(a.history).toEqual(b.history);
    expect(weightsOf(fromDataset)).toEqual(weightsOf(fromTensors));
  });

  it("takes sampleWeight from the elements and leaks nothing", async () => {
    const { x, y } = blobTensors(16);
    const model = blobModel();
    const dataset = {
      size: 1,
      async iterator() {
        let left = 1;
        const element = () => ({ xs: x.clone(), ys: y.clone(), sampleWeight: tf.zeros([16]) });
        return { next: async () => (left-- > 0 ? { value: element() } : { value: null, done: true }) };
      },
    };
    const before = weightsOf(model);
    model.compile({ optimizer: tf.train.sgd(1), loss: model.loss as never });
    const run = () => fitDataset(model, dataset, { epochs: 1, verbose: 0 } as never);
    const leak = await leakOf(run);
    expect(weightsOf(model)).toEqual(before);
    expect(leak).toBeLessThanOrEqual(0);
  });

  describe("asks ahead", () => {
    /** Batches that take a while; `events` says when they are asked for and when their steps end. */
    function slowBatches(count: number, failAt = Number.POSITIVE_INFINITY) {
      const events: string[] = [];
      async function* elements() {
        for (let i = 0; i < count; i++) {
          events.push(`ask ${i}`);
          await new Promise((resolve) => setTimeout(resolve, 2));
          if (i === failAt) throw new Error(`no batch ${i}`);
          const { x: xs, y: ys, clean } = blobTensors(8, i);
          clean.dispose();
          yield { xs, ys };
        }
        events.push("ask for more");
      }
      return { events, dataset: { iterator: async () => elements() } };
    }

    interface Run {
      args?: object;
      stopAfter?: number;
      model?: LayersModel;
    }

    async function train(
      { events, dataset }: ReturnType<typeof slowBatches>,
      { args, stopAfter, model = blobModel() }: Run = {},
    ) {
      const onBatchEnd = async (batch: number) => {
        events.push(`end ${batch}`);
        if (batch + 1 === stopAfter) model.stopTraining = true;
      };
      const weighting = plain({ loss: "cross-entropy" });
      const shared = { epochs: 1, verbose: 0, callbacks: { onBatchEnd }, weighting };
      await fitDataset(model, dataset as never, { ...shared, ...args } as never);
      return events;
    }

    it("for the next batch before a step ends", async () => {
      expect(await train(slowBatches(3))).toEqual([
        ...["ask 0", "ask 1", "end 0", "ask 2", "end 1", "ask for more", "end 2"],
      ]);
    });

    it("for no batch after the last of batchesPerEpoch", async () => {
      const events = await train(slowBatches(9), { args: { epochs: 2, batchesPerEpoch: 2 } });
      expect(events).toEqual([...["ask 0", "ask 1", "end 0", "ask 2", "end 1", "ask 3", "end 0", "end 1"]]);
    });

    it("and drops what it does not take when training stops early", async () => {
      const model = blobModel();
      const leak = await leakOf(async () => {
        const events = await train(slowBatches(5), { model, stopAfter: 2 });
        expect(events).toEqual(["ask 0", "ask 1", "end 0", "ask 2", "end 1"]);
      });
      expect(leak).toBe(0);
    });

    it("and tells an error where the batch is taken", async () => {
      const model = blobModel();
      const leak = await leakOf(async () => {
        const failing = slowBatches(5, 2);
        await expect(train(failing, { model })).rejects.toThrow("no batch 2");
        expect(failing.events).toEqual(["ask 0", "ask 1", "end 0", "ask 2", "end 1"]);
      });
      expect(leak).toBe(0);
    });

    it("and tells no error of a batch that is not taken", async () => {
      const events = await train(slowBatches(5, 2), { stopAfter: 2 });
      expect(events.at(-1)).toBe("end 1");
    });

    it("and tells at once what fails while it waits for a batch that never comes", async () => {
      let asked = 0;
      const next = async () => {
        if (asked++ === 2) await new Promise(() => {});
        const { x: xs, y: ys } = blobTensors(8);
        return { value: { xs, ys } };
      };
      const onBatchEnd = async (batch: number) => {
        if (batch === 1) throw new Error("a callback of mine");
      };
      const args = { epochs: 1, verbose: 0, callbacks: { onBatchEnd } };
      await expect(
        fitDataset(blobModel(), { iterator: async () => ({ next }) }, args as never),
      ).rejects.toThrow("a callback of mine");
    });

    it("and begins an epoch with its own first batch where the one before was cut short", async () => {
      const model = blobModel();
      const batches = slowBatches(3);
      const callbacks = {
        onBatchEnd: async () => {
          batches.events.push("cut");
          model.stopTraining = true;
        },
        onEpochEnd: async () => {
          model.stopTraining = false;
        },
      };
      const events = await train(batches, { model, args: { epochs: 2, callbacks } });
      expect(events).toEqual(["ask 0", "ask 1", "cut", "ask 0", "ask 1", "cut"]);
    });

    it("and keeps nothing of an element that is refused", async () => {
      const { x, y } = blobTensors(8);
      const element = () => ({ xs: x.clone(), ys: y.clone(), sampleWeight: tf.zeros([7]) });
      const dataset = { iterator: async () => ({ next: async () => ({ value: element() }) }) };
      const model = blobModel();
      const leak = await leakOf(() =>
        expect(fitDataset(model, dataset, { epochs: 1, verbose: 0 } as never)).rejects.toMatchObject({
          code: "LENGTH_MISMATCH",
        }),
      );
      expect(leak).toBe(0);
    });
  });
});

describeBackends("record", () => {
  it("gives the values of every training sample once an epoch", async () => {
    const { x, y, labels } = blobTensors(40);
    const records: BatchRecord[] = [];
    await fit(blobModel(), x, y, { ...quiet, weighting: lilaw(), record: (r) => void records.push(r) });
    for (const epoch of [0, 1]) {
      const own = records.filter((r) => r.epoch === epoch);
      const rows = own.flatMap((r) => [...r.rows]);
      expect(new Set(rows).size).toBe(34); // 15 % held out
      expect(own.every((r) => (r.terms === undefined) === (epoch === 0))).toBe(true);
      for (const r of own) {
        r.rows.forEach((row, i) => {
          const agrees = r.predictions[i] === labels[row];
          expect(agrees).toBe(r.labelProbs[i] === r.maxProbs[i]);
          expect(agrees).toBe(r.margins![i]! >= 0);
          if (!agrees) expect(r.rivals![i]).toBe(r.predictions[i]);
          // Two classes: the other one has the rest.
          expect(r.margins![i]).toBeCloseTo(2 * r.labelProbs[i]! - 1, 5);
          expect(r.losses[i]).toBeCloseTo(-Math.log(r.labelProbs[i]!), 4);
          const sum = r.terms === undefined ? 1 : r.terms.alpha[i]! + r.terms.beta[i]! + r.terms.delta[i]!;
          expect(r.weights[i]).toBeCloseTo(sum, 5);
        });
      }
    }
  });
});

describe("bad input", () => {
  const { x, y } = blobTensors(12);
  const fails = (act: () => Promise<unknown>, code: string, text: string) =>
    expect(act()).rejects.toMatchObject({ code, message: expect.stringContaining(text) });
  const weighting = lilaw();

  it.each<[string, () => Promise<unknown>, string, string]>([
    ["length", () => fit(blobModel(), x, tf.slice(y, 0, 5)), "LENGTH_MISMATCH", "for y"],
    [
      "label",
      () => fit(blobModel(), x, tf.fill([12], 2, "int32"), { weighting }),
      "LABEL_OUT_OF_RANGE",
      "y[0]",
    ],
    [
      "one-hot width",
      () => fit(blobModel(), x, tf.oneHot(y, 3), { weighting }),
      "MODEL_OUTPUT",
      "2 output units",
    ],
    [
      "soft rows",
      () => fit(blobModel(), x, tf.fill([12, 2], 0.5), { weighting }),
      "INVALID_ARGUMENT",
      "row 0",
    ],
    [
      "sampleWeight",
      () => fit(blobModel(), x, y, { sampleWeight: new Float32Array(3) }),
      "LENGTH_MISMATCH",
      "sampleWeight",
    ],
    [
      "NaN weight",
      () => fit(blobModel(), x, y, { sampleWeight: new Float32Array(12).fill(Number.NaN) }),
      "NON_FINITE",
      "sampleWeight[0]",
    ],
    ["batchSize", () => fit(blobModel(), x, y, { batchSize: 0 }), "INVALID_ARGUMENT", "batchSize"],
    [
      "validationSplit",
      () => fit(blobModel(), x, y, { validationSplit: 1 }),
      "INVALID_ARGUMENT",
      "validationSplit",
    ],
    [
      "validationSplit",
      () => fit(blobModel(), x, y, { validationSplit: Object.create(null) }),
      "INVALID_ARGUMENT",
      "validationSplit",
    ],
    [
      "record without a loss of ours",
      () => {
        const model = blobModel("softmax");
        model.compile({ optimizer: "sgd", loss: "meanSquaredError" });
        return fit(model, x, y, { record: () => {} });
      },
      "MODEL_OUTPUT",
      'for the loss of the model but received "meanSquaredError after softmax"',
    ],
    [
      "dataset validation",
      () => fitDataset(blobModel(), data.array([]), { epochs: 1, weighting } as never),
      "INVALID_ARGUMENT",
      "validationData",
    ],
    ["resume", () => fit(blobModel(), x, y, { resume: new Uint8Array(9) }), "CORRUPT_FILE", "resume"],
    [
      "relu head",
      () => {
        const model = sequential({
          layers: [layers.dense({ units: 2, inputShape: [4], activation: "relu" })],
        });
        model.compile({ optimizer: "sgd", loss: "meanSquaredError" });
        return fit(model, x, y, { weighting });
      },
      "MODEL_OUTPUT",
      "relu",
    ],
    [
      "uncompiled",
      () => fit(sequential({ layers: [layers.dense({ units: 2, inputShape: [4] })] }), x, y),
      "INVALID_ARGUMENT",
      "compiled",
    ],
    [
      "unseedable noise",
      () => {
        const noisy = blobModel("logits", { extra: [layers.gaussianNoise({ stddev: 1 })] });
        return fit(noisy, x, y, { weighting: learningToReweight({ validation: [x, y] }) });
      },
      "INVALID_ARGUMENT",
      "seeded noise",
    ],
  ])("%s", (_, act, code, text) => fails(act, code, text));

  it("refuses options out of range at once", () => {
    expect(() => lilaw({ metaEvery: 0 })).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
    expect(() => lilaw({ alpha: Number.NaN })).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
    expect(() => learningToReweight({ validation: [x, y], loss: "hinge" as never })).not.toThrow();
  });
});

describe("targets of one output", () => {
  it("are those of model.fit, with or without a dimension of their own", async () => {
    const x = tf.randomNormal([24, 3], 0, 1, "float32", 1);
    const y = tf.randomNormal([24], 0, 1, "float32", 2);
    const newModel = () => {
      const dense = layers.dense({ units: 1, inputShape: [3], kernelInitializer: "zeros" });
      const model = sequential({ layers: [dense] });
      model.compile({ optimizer: tf.train.sgd(0.1), loss: "meanSquaredError" });
      return model;
    };
    const args = { verbose: 0, shuffle: false, batchSize: 8, epochs: 3 } as const;
    const theirs = newModel();
    await theirs.fit(x, y, args);
    for (const targets of [y, tf.reshape(y, [24, 1])]) {
      const ours = newModel();
      await fit(ours, x, targets, args);
      expect(deviation(weightsOf(ours), weightsOf(theirs))).toBeLessThan(1e-5);
    }
  });
});
