import * as tf from "@tensorflow/tfjs-core";
import * as data from "@tensorflow/tfjs-data";
import { Callback, type LayersModel, layers, sequential } from "@tensorflow/tfjs-layers";
import { describe, expect, it } from "vitest";
import {
  type BatchRecord,
  crossEntropy,
  type FitArgs,
  fit,
  fitDataset,
  learningToReweight,
  lilaw,
  plain,
  predictLogits,
  randomWeights,
  weightedLoss,
} from "../../src/index.js";
import { describeBackends } from "../backends.js";
import { blobModel, blobTensors, type Ending, leakOf, weightsOf } from "../models.js";

const quiet = { verbose: 0, epochs: 2, batchSize: 16 } as const;

describeBackends("a training that fails", () => {
  const { x, y } = blobTensors(40);
  const problem = new Error("disk full");
  const fails = () => {
    throw problem;
  };
  /** Fails when it is called for the second time. */
  const failsLater = () => {
    let calls = 0;
    return () => {
      if (++calls === 2) throw problem;
    };
  };
  class Failing extends Callback {
    override async onBatchEnd() {
      fails();
    }
  }
  const weightings = {
    plain: () => plain(),
    "plain on logits": () => plain({ loss: "cross-entropy" }),
    random: () => randomWeights(),
    lilaw: () => lilaw({ warmupEpochs: 0 }),
    l2rw: () => learningToReweight({ validation: [x, y] }),
  };
  const ways: [string, () => FitArgs][] = [
    ["record", () => ({ record: failsLater() })],
    ["record, in the last step of an epoch", () => ({ record: failsLater(), batchSize: 20 })],
    ["checkpoint", () => ({ checkpoint: failsLater() })],
    ...(
      ["onTrainBegin", "onEpochBegin", "onBatchBegin", "onBatchEnd", "onEpochEnd", "onTrainEnd"] as const
    ).map(
      (name) =>
        [name, () => ({ callbacks: { [name]: fails }, validationData: [x, y] })] as [string, () => FitArgs],
    ),
    ["a callback of a class", () => ({ callbacks: new Failing() as never })],
    ["a rejected promise", () => ({ callbacks: { onBatchEnd: async () => fails() } })],
  ];
  const all = Object.entries(weightings).flatMap(([name, weighting]) =>
    (name === "lilaw" || name === "plain" ? ways : ways.slice(0, 3)).map(
      ([way, args]) => [way, name, () => ({ ...args(), weighting: weighting() })] as const,
    ),
  );

  it.each(all)("in %s with %s tells the error itself and keeps no tensors", async (_, __, args) => {
    const model = blobModel();
    const act = () => fit(model, x, y, { ...quiet, ...args() });
    expect(await leakOf(() => expect(act()).rejects.toBe(problem))).toBe(0);
    expect((await fit(model, x, y, quiet)).epoch).toEqual([0, 1]);
  });

  it("calls nothing any more, and saves nothing", async () => {
    const events: string[] = [];
    const log = (name: string) => async () => void events.push(name);
    const act = fit(blobModel(), x, y, {
      ...quiet,
      batchSize: 40,
      record: fails,
      checkpoint: log("checkpoint"),
      callbacks: { onBatchEnd: log("batch"), onEpochEnd: log("epoch"), onTrainEnd: log("end") },
    });
    await expect(act).rejects.toBe(problem);
    expect(events).toEqual([]);
  });

  it("in a dataset keeps no tensors either", async () => {
    const element = (columns = 4, rows = 3, label = 0) => ({
      xs: tf.ones([3, columns]),
      ys: tf.fill([rows], label, "int32"),
    });
    const elements: [string, () => unknown][] = [
      ["other features", () => element(5)],
      ["another number of labels", () => element(4, 2)],
      ["no labels", () => ({ xs: tf.ones([3, 4]) })],
      ["no weight of a class", () => element(4, 3, 1)],
      ["no class", () => element(4, 3, 2)],
      ["a weight that is none", () => ({ ...element(), sampleWeight: tf.fill([3], Number.NaN) })],
    ];
    for (const [what, bad] of elements) {
      const dataset = {
        iterator: async () => {
          let i = 0;
          return { next: async () => ({ value: i++ === 0 ? element() : bad(), done: false }) };
        },
      };
      const model = blobModel();
      const act = () => fitDataset(model, dataset, { epochs: 2, verbose: 0, classWeight: { 0: 2 } });
      const refused = () => expect(act(), what).rejects.toMatchObject({ name: "LilawError" });
      expect(await leakOf(refused), what).toBe(0);
    }
  });

  it("leaves the weights where its last step left them", async () => {
    const [failed, whole] = [blobModel(), blobModel()];
    await expect(fit(failed, x, y, { ...quiet, record: failsLater() })).rejects.toBe(problem);
    let steps = 0;
    const record = () => {
      steps++;
    };
    const onBatchEnd = async () => {
      if (steps === 2) whole.stopTraining = true;
    };
    await fit(whole, x, y, { ...quiet, record, callbacks: { onBatchEnd } });
    expect(steps).toBe(2);
    expect(weightsOf(failed)).toEqual(weightsOf(whole));
  });
});

describe("a second training of a model", () => {
  const { x, y } = blobTensors(40);
  const inTraining = expect.objectContaining({
    code: "INVALID_ARGUMENT",
    message: expect.stringContaining("not in training"),
  });

  it("is refused, and the first one still stops where it is asked to", async () => {
    const model = blobModel();
    let states: Uint8Array[] = [];
    await fit(model, x, y, { ...quiet, checkpoint: (state) => void states.push(state) });
    const epochs: number[] = [];
    const history = await fit(model, x, y, {
      ...quiet,
      epochs: 20,
      callbacks: {
        onEpochEnd: async (epoch) => {
          epochs.push(epoch);
          if (epoch !== 1) return;
          model.stopTraining = true;
          const before = weightsOf(model);
          await expect(fit(model, x, y, quiet)).rejects.toEqual(inTraining);
          await expect(fit(model, x, y, { ...quiet, resume: states[0]! })).rejects.toEqual(inTraining);
          await expect(fitDataset(model, data.array([]) as never, { epochs: 1 })).rejects.toEqual(inTraining);
          expect(weightsOf(model)).toEqual(before);
        },
      },
    });
    states = [];
    expect(epochs).toEqual([0, 1]);
    expect(history.epoch).toEqual([0, 1]);
  });

  it("is refused where both start at once", async () => {
    const model = blobModel();
    const [first, second] = await Promise.allSettled([fit(model, x, y, quiet), fit(model, x, y, quiet)]);
    expect(first.status).toBe("fulfilled");
    expect((second as PromiseRejectedResult).reason).toEqual(inTraining);
    expect((await fit(model, x, y, quiet)).epoch).toEqual([0, 1]);
  });

  it("is refused during one of tfjs", async () => {
    const model = blobModel();
    const theirs = model.fit(x, tf.oneHot(y, 2), quiet);
    await expect(fit(model, x, y, quiet)).rejects.toEqual(inTraining);
    expect((await theirs).epoch).toEqual([0, 1]);
  });
});

describeBackends("record without a loss in the weighting", () => {
  const { x, y } = blobTensors(40);
  const endings: Ending[] = ["logits", "softmax", "softmax-layer", "activation-layer"];
  const weightings = { plain, randomWeights };

  async function recorded(model: LayersModel, args: FitArgs): Promise<BatchRecord[]> {
    const records: BatchRecord[] = [];
    await fit(model, x, y, { ...quiet, ...args, record: (record) => void records.push(record) });
    return records;
  }

  it.each(endings.flatMap((ending) => Object.keys(weightings).map((name) => [name, ending] as const)))(
    "tells what %s saw, ending in %s, and changes nothing",
    async (name, ending) => {
      const weighting = weightings[name as "plain"];
      const [seen, unseen, named] = [blobModel(ending), blobModel(ending), blobModel(ending)];
      const records = await recorded(seen, { weighting: weighting() });
      await fit(unseen, x, y, { ...quiet, weighting: weighting() });
      expect(weightsOf(seen)).toEqual(weightsOf(unseen));
      const ours = await recorded(named, { weighting: weighting({ loss: "cross-entropy" }) });
      records.forEach((record, i) => {
        expect(record.rows).toEqual(ours[i]!.rows);
        for (const member of ["losses", "labelProbs", "maxProbs", "weights"] as const) {
          record[member].forEach((value, row) => {
            expect(value).toBeCloseTo(ours[i]![member][row]!, 4);
          });
        }
      });
    },
  );

  it("knows a single sigmoid and several, and functions of tfjs", async () => {
    const of = (units: number, activation: "sigmoid" | "linear", loss: unknown) => {
      const model = sequential({ layers: [layers.dense({ units, activation, inputShape: [4] })] });
      model.compile({ optimizer: "sgd", loss: loss as never });
      return model;
    };
    const targets = tf.oneHot(y, 2);
    const count = async (model: LayersModel, y: tf.Tensor) => {
      let rows = 0;
      await fit(model, x, y, {
        verbose: 0,
        record: (r) => {
          rows += r.losses.length;
        },
      });
      return rows;
    };
    expect(await count(of(1, "sigmoid", "binaryCrossentropy"), tf.reshape(y, [40, 1]))).toBe(40);
    expect(await count(of(2, "sigmoid", "binaryCrossentropy"), targets)).toBe(40);
    expect(await count(of(2, "linear", tf.losses.softmaxCrossEntropy), targets)).toBe(40);
    expect(await count(of(2, "linear", crossEntropy), targets)).toBe(40);
  });

  it("keeps no tensors", async () => {
    const model = blobModel("softmax");
    expect(await leakOf(() => recorded(model, {}))).toBe(0);
  });
});

describe("hostile arguments", () => {
  const { x, y } = blobTensors(12);
  const disposed = tf.zeros([12, 4]);
  disposed.dispose();
  const gone = blobModel();
  gone.dispose();
  const regression = { kind: "regression", range: 1 } as const;
  const one = (() => {
    const model = sequential({ layers: [layers.dense({ units: 1, inputShape: [4] })] });
    model.compile({ optimizer: "sgd", loss: "meanSquaredError" });
    return model;
  })();
  const cases: [string, () => unknown, string][] = [
    ["no model", () => fit(undefined as never, x, y), "INVALID_ARGUMENT"],
    ["an empty model", () => fit(sequential(), x, y), "INVALID_ARGUMENT"],
    ["a disposed model", () => fit(gone, x, y), "DISPOSED"],
    [
      "no arguments",
      () => fitDataset(blobModel(), data.array([]) as never, undefined as never),
      "INVALID_ARGUMENT",
    ],
    ["null", () => fit(blobModel(), x, y, null as never), "INVALID_ARGUMENT"],
    ["no x", () => fit(blobModel(), undefined as never, y), "INVALID_ARGUMENT"],
    ["x by a wrong name", () => fit(blobModel(), { other: x }, y), "INVALID_ARGUMENT"],
    ["two inputs", () => fit(blobModel(), [x, x], y), "INVALID_ARGUMENT"],
    ["x of another width", () => fit(blobModel(), tf.zeros([12, 5]), y), "INVALID_ARGUMENT"],
    ["x of another rank", () => fit(blobModel(), tf.zeros([12]), y), "INVALID_ARGUMENT"],
    ["a disposed x", () => fit(blobModel(), disposed, y), "DISPOSED"],
    ["a disposed y", () => fit(blobModel(), x, disposed), "DISPOSED"],
    ["y of no rank", () => fit(blobModel(), x, tf.scalar(1)), "INVALID_ARGUMENT"],
    ["y of another rank", () => fit(blobModel(), x, tf.zeros([12, 2, 2])), "MODEL_OUTPUT"],
    ["y of another width", () => fit(blobModel("softmax"), x, tf.zeros([12, 3])), "MODEL_OUTPUT"],
    [
      "y of another class",
      () => fit(blobModel("softmax"), x, tf.fill([12], 5, "int32")),
      "LABEL_OUT_OF_RANGE",
    ],
    [
      "y of NaN",
      () => fit(one, x, tf.fill([12, 1], Number.NaN), { weighting: plain({ loss: regression }) }),
      "NON_FINITE",
    ],
    [
      "validation y of NaN",
      () =>
        fit(one, x, tf.ones([12, 1]), {
          weighting: lilaw({ loss: regression, validation: [x, tf.fill([12, 1], Number.NaN)] }),
        }),
      "NON_FINITE",
    ],
    ["no samples", () => fit(blobModel(), tf.zeros([0, 4]), tf.zeros([0])), "LENGTH_MISMATCH"],
    ["no epochs", () => fit(blobModel(), x, y, { epochs: 0 }), "INVALID_ARGUMENT"],
    ["NaN epochs", () => fit(blobModel(), x, y, { epochs: Number.NaN }), "INVALID_ARGUMENT"],
    [
      "NaN epochs of a dataset",
      () => fitDataset(blobModel(), data.array([]) as never, { epochs: Number.NaN }),
      "INVALID_ARGUMENT",
    ],
    ["no dataset", () => fitDataset(blobModel(), {} as never, { epochs: 1 }), "INVALID_ARGUMENT"],
    [
      "no batches",
      () => fitDataset(blobModel(), data.array([]) as never, { epochs: 1, batchesPerEpoch: 0 }),
      "INVALID_ARGUMENT",
    ],
    ["half a batch", () => fit(blobModel(), x, y, { batchSize: 0.5 }), "INVALID_ARGUMENT"],
    ["half a seed", () => fit(blobModel(), x, y, { seed: 0.5 }), "INVALID_ARGUMENT"],
    ["a negative first epoch", () => fit(blobModel(), x, y, { initialEpoch: -1 }), "INVALID_ARGUMENT"],
    ["a text for verbose", () => fit(blobModel(), x, y, { verbose: "loud" as never }), "INVALID_ARGUMENT"],
    ["no weighting", () => fit(blobModel(), x, y, { weighting: {} as never }), "INVALID_ARGUMENT"],
    ["null for a weighting", () => fit(blobModel(), x, y, { weighting: null as never }), "INVALID_ARGUMENT"],
    ["record that is no function", () => fit(blobModel(), x, y, { record: 1 as never }), "INVALID_ARGUMENT"],
    [
      "checkpoint that is none",
      () => fit(blobModel(), x, y, { checkpoint: {} as never }),
      "INVALID_ARGUMENT",
    ],
    [
      "a class for checkpoint",
      () => fit(blobModel(), x, y, { checkpoint: class {} as never }),
      "INVALID_ARGUMENT",
    ],
    [
      "a revoked function for record",
      () => fit(blobModel(), x, y, { record: revokedFunction() }),
      "INVALID_ARGUMENT",
    ],
    ["logits of no model", () => predictLogits({} as never, x), "INVALID_ARGUMENT"],
    ["logits of no layers", () => predictLogits(sequential(), x), "MODEL_OUTPUT"],
    ["logits of no tensor", () => predictLogits(blobModel(), null as never), "INVALID_ARGUMENT"],
    ["logits of another width", () => predictLogits(blobModel(), tf.zeros([3, 5])), "INVALID_ARGUMENT"],
    ["logits in batches of none", () => predictLogits(blobModel(), x, { batchSize: 0 }), "INVALID_ARGUMENT"],
    [
      "resume of another type",
      () => fit(blobModel(), x, y, { resume: "state" as never }),
      "INVALID_ARGUMENT",
    ],
    [
      "resume of a revoked proxy",
      () => {
        const { proxy, revoke } = Proxy.revocable(new Uint8Array(9), {});
        revoke();
        return fit(blobModel(), x, y, { resume: proxy });
      },
      "INVALID_ARGUMENT",
    ],
    ["callbacks of null", () => fit(blobModel(), x, y, { callbacks: [null] as never }), "INVALID_ARGUMENT"],
    [
      "sampleWeight of a list",
      () => fit(blobModel(), x, y, { sampleWeight: [1] as never }),
      "INVALID_ARGUMENT",
    ],
    [
      "sampleWeight of a proxy",
      () => fit(blobModel(), x, y, { sampleWeight: new Proxy(new Float32Array(3), {}) }),
      "INVALID_ARGUMENT",
    ],
    ["a class without weight", () => fit(blobModel(), x, y, { classWeight: { 0: 1 } }), "INVALID_ARGUMENT"],
    [
      "a class of weight NaN",
      () => fit(blobModel(), x, y, { classWeight: { 0: 1, 1: Number.NaN } }),
      "NON_FINITE",
    ],
    [
      "validation of another width",
      () => fit(blobModel(), x, y, { validationData: [tf.zeros([3, 5]), y] }),
      "INVALID_ARGUMENT",
    ],
    [
      "validation of another length",
      () => fit(blobModel(), x, y, { validationData: [tf.zeros([3, 4]), y] }),
      "LENGTH_MISMATCH",
    ],
    [
      "one validation tensor",
      () => fit(blobModel(), x, y, { validationData: x as never }),
      "INVALID_ARGUMENT",
    ],
    [
      "no validation samples",
      () => fit(blobModel(), x, y, { weighting: learningToReweight({} as never) }),
      "INVALID_ARGUMENT",
    ],
    [
      "an optimizer that saves nothing",
      () => {
        const model = blobModel();
        model.compile({ optimizer: tf.train.adamax(0.1), loss: crossEntropy });
        return fit(model, x, y, { checkpoint: () => {} });
      },
      "INVALID_ARGUMENT",
    ],
    ["null for options", () => lilaw(null as never), "INVALID_ARGUMENT"],
    ["null for other options", () => learningToReweight(null as never), "INVALID_ARGUMENT"],
    ["another loss", () => plain({ loss: "hinge" as never }), "UNKNOWN_NAME"],
    ["a text for options", () => randomWeights("x" as never), "INVALID_ARGUMENT"],
  ];
  it.each(cases)("%s", async (_, act, code) => {
    const settled = async () => act();
    await expect(settled()).rejects.toMatchObject({ name: "LilawError", code });
    expect(await leakOf(() => settled().catch(() => {}))).toBeLessThanOrEqual(tensorsOf(act));
  });

  /** Tensors and weights of models that a case itself makes. */
  function tensorsOf(act: () => unknown): number {
    const before = tf.memory().numTensors;
    void Promise.resolve(settledly(act)).catch(() => {});
    return tf.memory().numTensors - before;
  }
  const settledly = async (act: () => unknown) => act();
});

describeBackends("weightedLoss", () => {
  const logits = () => tf.tensor2d([2, 0, -1, 1], [2, 2]);
  const params = { alpha: 10, beta: 2, delta: 6 };
  const good = { labels: Int32Array.of(0, 1), params };
  const shared = new Float32Array(4);
  it.each<[string, () => unknown, string]>([
    [
      "outs that are one",
      () => weightedLoss(logits(), good, { losses: shared.subarray(0, 2), weights: shared.subarray(0, 2) }),
      "INVALID_ARGUMENT",
    ],
    [
      "outs that overlap",
      () => weightedLoss(logits(), good, { losses: shared.subarray(0, 2), weights: shared.subarray(1, 3) }),
      "INVALID_ARGUMENT",
    ],
    [
      "an out that is an input",
      () =>
        weightedLoss(
          logits(),
          { ...good, sampleWeights: shared.subarray(0, 2) },
          { losses: shared.subarray(0, 2) },
        ),
      "INVALID_ARGUMENT",
    ],
    [
      "an out that is too short",
      () => weightedLoss(logits(), good, { losses: new Float32Array(1) }),
      "LENGTH_MISMATCH",
    ],
    ["logits of rank 1", () => weightedLoss(tf.ones([4]) as never, good), "INVALID_ARGUMENT"],
    ["logits that are no tensor", () => weightedLoss(shared as never, good), "INVALID_ARGUMENT"],
    [
      "labels that are none",
      () => weightedLoss(logits(), { ...good, labels: Int32Array.of(0, 2) }),
      "LABEL_OUT_OF_RANGE",
    ],
    [
      "half a label",
      () => weightedLoss(logits(), { ...good, labels: Float32Array.of(0, 0.5) }),
      "LABEL_OUT_OF_RANGE",
    ],
    [
      "too few labels",
      () => weightedLoss(logits(), { ...good, labels: Int32Array.of(0) }),
      "LENGTH_MISMATCH",
    ],
    ["no labels", () => weightedLoss(logits(), { params } as never), "INVALID_ARGUMENT"],
    [
      "a target of NaN",
      () =>
        weightedLoss(tf.ones([2, 1]), {
          params,
          labels: Float32Array.of(0, Number.NaN),
          loss: { kind: "regression", range: 1 },
        }),
      "NON_FINITE",
    ],
    [
      "alpha of NaN",
      () => weightedLoss(logits(), { ...good, params: { ...params, alpha: Number.NaN } }),
      "INVALID_ARGUMENT",
    ],
    ["another loss", () => weightedLoss(logits(), { ...good, loss: "hinge" as never }), "UNKNOWN_NAME"],
    [
      "terms without params",
      () =>
        weightedLoss(
          logits(),
          { ...good, params: null },
          { terms: { alpha: shared, beta: shared, delta: shared } },
        ),
      "INVALID_ARGUMENT",
    ],
    [
      "too few weights",
      () => weightedLoss(logits(), { ...good, sampleWeights: new Float32Array(1) }),
      "LENGTH_MISMATCH",
    ],
  ])("refuses %s before anything is written", (_, act, code) => {
    const before = shared.slice();
    expect(act).toThrow(expect.objectContaining({ name: "LilawError", code }));
    expect(shared).toEqual(before);
  });
});

function revokedFunction(): () => void {
  const { proxy, revoke } = Proxy.revocable(() => {}, {});
  revoke();
  return proxy;
}
