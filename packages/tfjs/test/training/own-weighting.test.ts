import { LilawError, type Loss, weightedLoss } from "@lilaw/core";
import { deviation } from "@lilaw/testing";
import * as tf from "@tensorflow/tfjs-core";
import { type LayersModel, layers, sequential } from "@tensorflow/tfjs-layers";
import { describe, expect, it } from "vitest";
import { type BatchRecord, type FitArgs, fit } from "../../src/index.js";
import {
  type LogitsWeighting,
  type ModelLossWeighting,
  rowLosses,
  ValidationSampler,
  type Weighting,
} from "../../src/weighting.js";
import { describeBackends } from "../backends.js";
import { blobModel, blobTensors, leakOf } from "../models.js";
import { describeAsyncBackends } from "../webgpu.js";

const quiet = { verbose: 0, epochs: 4, batchSize: 16 } as const;

/** Samples below a running threshold on the host. */
function smallLoss(): LogitsWeighting {
  return {
    name: "small-loss",
    loss: "auto",
    needsValidation: false,
    start({ head, loss, read, stepOnLogits }) {
      let threshold = 0.3;
      return {
        step: (batch) =>
          stepOnLogits(batch, () => {
            const logits = head.forward(batch.xs, true);
            const losses = rowLosses(logits, { labels: batch.labels, loss });
            read([losses], (values) => {
              threshold = 0.9 * threshold + 0.1 * (values.reduce((a, b) => a + b) / values.length);
            });
            return {
              logits,
              weights: tf.cast(tf.lessEqual(losses, threshold), "float32"),
            };
          }),
        logs: () => ({ threshold }),
        settings: () => ({ loss }),
        state: () => ({ threshold }),
        restore(state: { threshold: number }) {
          if (!(state.threshold > 0)) {
            throw new LilawError("INCOMPATIBLE_STATE", "Expected a threshold but received another state");
          }
          threshold = state.threshold;
        },
      };
    },
  };
}

/** The same loss for all, and a running state on the device: a weight that grows with every step. */
function growing(): ModelLossWeighting {
  return {
    name: "growing",
    loss: "model",
    needsValidation: false,
    start({ stepOnModelLoss }) {
      let factor: tf.Tensor = tf.keep(tf.scalar(0.5));
      let saved = 0.5;
      const become = (next: tf.Tensor) => {
        factor.dispose();
        factor = next;
      };
      return {
        step(batch) {
          const results = stepOnModelLoss(batch, tf.mul(tf.ones([batch.size]), factor));
          become(tf.keep(tf.mul(factor, 1.1)));
          return results;
        },
        async endEpoch() {
          saved = (await factor.data())[0]!;
        },
        state: () => saved,
        restore: (state: number) => become(tf.keep(tf.scalar(state))),
        dispose: () => factor.dispose(),
      };
    },
  };
}

async function valuesOf(model: LayersModel): Promise<number[]> {
  const values = await Promise.all(model.weights.map((weight) => weight.read().data<"float32">()));
  return values.flatMap((array) => [...array]);
}

describeAsyncBackends("a weighting of one's own", () => {
  const own = { smallLoss, growing };

  it.each(Object.entries(own))("%s resumes bit for bit", async (_, weighting) => {
    const { x, y } = blobTensors(56);
    const states: Uint8Array[] = [];
    const whole = blobModel();
    const { history } = await fit(whole, x, y, {
      ...{ ...quiet, weighting: weighting() },
      checkpoint: (state) => void states.push(state),
    });
    const resumed = blobModel();
    const rest = await fit(resumed, x, y, { ...quiet, weighting: weighting(), resume: states[1]! });
    expect(rest.epoch).toEqual([2, 3]);
    for (const [name, values] of Object.entries(history)) expect(rest.history[name]).toEqual(values.slice(2));
    expect(await valuesOf(resumed)).toEqual(await valuesOf(whole));
    // The state counts: without it, the same bytes of model and optimizer lead elsewhere.
    const forgetful = { ...weighting(), start: withoutRestore(weighting()) } as Weighting;
    const other = blobModel();
    await fit(other, x, y, { ...quiet, weighting: forgetful, resume: states[1]! });
    expect(await valuesOf(other)).not.toEqual(await valuesOf(whole));
  });

  it.each(Object.entries(own))("%s leaves no tensor behind", async (_, weighting) => {
    const { x, y } = blobTensors(40);
    const model = blobModel();
    expect(await leakOf(() => fit(model, x, y, { ...quiet, weighting: weighting() }))).toBe(0);
  });

  it("weighs what record is told, and gives its logs to the History", async () => {
    const { x, y } = blobTensors(40);
    const records: BatchRecord[] = [];
    const { history } = await fit(blobModel(), x, y, {
      ...{ ...quiet, weighting: smallLoss() },
      record: (record) => void records.push(record),
    });
    expect(history.threshold).toHaveLength(4);
    const seen = records.flatMap(({ weights, losses }) => [...losses].map((loss, i) => [loss, weights[i]!]));
    const [kept, dropped] = [1, 0].map((weight) => seen.filter(([, w]) => w === weight));
    expect(kept!.length + dropped!.length).toBe(seen.length);
    expect(dropped!.length).toBeGreaterThan(0);
    expect(Math.max(...kept!.map(([loss]) => loss!))).toBeLessThan(1);
  });

  it("reads after its step and before the next", async () => {
    const { x, y } = blobTensors(40);
    const events: string[] = [];
    const weighting: ModelLossWeighting = {
      ...plainOf("reader"),
      start: ({ read, stepOnModelLoss }) => ({
        step(batch) {
          events.push(`step ${batch.step}`);
          const results = stepOnModelLoss(batch);
          read(results, ([loss]) => void events.push(`loss ${batch.step} ${Number.isFinite(loss)}`));
          return results;
        },
      }),
    };
    await fit(blobModel(), x, y, { ...quiet, epochs: 1, weighting });
    expect(events).toEqual([0, 1, 2].flatMap((step) => [`step ${step}`, `loss ${step} true`]));
  });
});

const plainOf = (name: string) => ({ name, loss: "model", needsValidation: false }) as const;

/** A start whose run takes no state over. */
const withoutRestore = (weighting: Weighting) => async (context: never) => {
  const run = await weighting.start(context);
  return { ...run, restore() {} };
};

describeAsyncBackends("rowLosses", () => {
  const losses: [Loss, number, () => Int32Array | Float32Array][] = [
    ["cross-entropy", 3, () => Int32Array.of(0, 2)],
    [{ kind: "focal", gamma: 2 }, 3, () => Int32Array.of(0, 2)],
    ["multi-label", 3, () => Float32Array.of(0, 1, 1, 0, 0, 1)],
    ["binary", 1, () => Int32Array.of(1, 0)],
    [{ kind: "regression", range: 4 }, 1, () => Float32Array.of(0.5, -1)],
  ];

  it.each(losses)("%j equals those of @lilaw/core", async (loss, classes, labelsOf) => {
    const values = Float32Array.of(0.5, -1, 2, 30, -2, 1).subarray(0, 2 * classes);
    const labels = labelsOf();
    const wanted = { losses: new Float64Array(2) };
    weightedLoss({ logits: Float64Array.from(values), labels, classes, loss, params: null }, wanted);
    const found = rowLosses(tf.tensor2d(values, [2, classes]), { labels, loss });
    expect(found.shape).toEqual([2]);
    expect(deviation([...(await found.data())], [...wanted.losses])).toBeLessThan(1e-6);
  });

  it("makes one tensor", () => {
    const logits = tf.ones<tf.Rank.R2>([2, 3]);
    const compute = () => rowLosses(logits, { labels: Int32Array.of(0, 1) });
    compute(); // a backend may keep constants
    const before = tf.memory().numTensors;
    compute();
    expect(tf.memory().numTensors - before).toBe(1);
  });
});

describeBackends("a weighting that does not keep to the interface", () => {
  const { x, y } = blobTensors(40);
  const onLogits = (step: (...args: Parameters<LogitsWeighting["start"]>) => unknown) =>
    ({ name: "own", loss: "auto", needsValidation: false, start: step }) as never as Weighting;
  const weighing = (weights: () => tf.Tensor): Weighting =>
    onLogits(({ head, stepOnLogits }) => ({
      step: (batch: never) =>
        stepOnLogits(batch, () => ({
          logits: head.forward((batch as { xs: tf.Tensor[] }).xs, true),
          weights: weights() as tf.Tensor1D,
        })),
    }));
  const withState = (state: unknown): Weighting =>
    onLogits(({ stepOnLogits }) => ({
      step: (batch: never) => stepOnLogits(batch),
      state: () => state,
      restore() {},
    }));

  const cases: [string, Weighting, string][] = [
    ["no name", { ...onLogits(() => {}), name: "" }, 'Expected a name for weighting.name but received ""'],
    ["no loss", { ...onLogits(() => {}), loss: undefined } as never, " for loss but received undefined"],
    [
      "needsValidation left out",
      { ...onLogits(() => {}), needsValidation: undefined } as never,
      "Expected a boolean for needsValidation of the weighting own but received undefined",
    ],
    [
      "a start without a run",
      onLogits(() => undefined),
      "an object with a step for start of the weighting own",
    ],
    [
      "a state that nothing restores",
      onLogits(() => ({ step() {}, state() {} })),
      'Expected state and restore, or neither for the weighting own but received "state alone"',
    ],
    [
      "a step that returns nothing",
      onLogits(({ stepOnLogits }) => ({ step: (batch: never) => void stepOnLogits(batch) })),
      "Expected 2 scalars (what stepOnLogits or stepOnModelLoss returns) for step of the weighting own",
    ],
    [
      "weights of another length",
      weighing(() => tf.ones([3])),
      'Expected a float32 tensor [16] for weights but received "float32 [3]"',
    ],
    [
      "weights that are a column",
      weighing(() => tf.ones([16, 1])),
      'Expected a float32 tensor [16] for weights but received "float32 [16, 1]"',
    ],
    [
      "weights that are conditions",
      weighing(() => tf.ones([16], "bool")),
      'Expected a float32 tensor [16] for weights but received "bool [16]"',
    ],
    [
      "logits of another model",
      onLogits(({ stepOnLogits }) => ({
        step: (batch: never) => stepOnLogits(batch, () => ({ logits: tf.ones([16, 3]) })),
      })),
      'Expected a float32 tensor [16, 2] for logits but received "float32 [16, 3]"',
    ],
  ];

  it.each(cases)("%s", async (_, weighting, message) => {
    const model = blobModel();
    const before = await valuesOf(model);
    const act = () => fit(model, x, y, { ...quiet, weighting });
    const fails = () =>
      expect(act()).rejects.toThrow(
        expect.objectContaining({ code: expect.any(String), message: expect.stringContaining(message) }),
      );
    await fails();
    if (!message.includes("2 scalars")) expect(await valuesOf(model)).toEqual(before); // there a step was taken
    expect(await leakOf(fails)).toBe(0);
  });

  const states: [string, unknown, string][] = [
    ["infinity", { best: Number.POSITIVE_INFINITY }, "the state of the weighting own.best"],
    ["NaN in a list", { means: [1, Number.NaN] }, "the state of the weighting own.means.1"],
    ["a typed array", { means: Float32Array.of(1) }, "the state of the weighting own.means"],
    ["a map", new Map(), "the state of the weighting own"],
    ["undefined", { best: undefined }, "the state of the weighting own.best"],
  ];

  it.each(states)("%s in its state, where a checkpoint would lose it", async (_, state, name) => {
    const args: FitArgs = { ...quiet, weighting: withState(state) };
    let saved = 0;
    await expect(fit(blobModel(), x, y, { ...args, checkpoint: () => void saved++ })).rejects.toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT", message: expect.stringContaining(`for ${name} `) }),
    );
    expect(saved).toBe(0);
    await fit(blobModel(), x, y, args); // without checkpoints there is nothing to lose
  });

  it("settings that a checkpoint would not tell apart", async () => {
    const weighting = onLogits(({ stepOnLogits }) => ({
      step: (batch: never) => stepOnLogits(batch),
      settings: () => ({ limit: Number.POSITIVE_INFINITY }),
    }));
    await expect(fit(blobModel(), x, y, { ...quiet, weighting, checkpoint() {} })).rejects.toThrow(
      expect.objectContaining({
        code: "INVALID_ARGUMENT",
        message: expect.stringContaining("for the settings of the weighting own.limit "),
      }),
    );
  });

  it("an error after its step leaves no tensor behind", async () => {
    const problem = new Error("after the step");
    const weighting = onLogits(({ stepOnLogits }) => ({
      step(batch: never) {
        stepOnLogits(batch);
        throw problem;
      },
    }));
    const model = blobModel();
    const fails = () => expect(fit(model, x, y, { ...quiet, weighting })).rejects.toBe(problem);
    expect(await leakOf(fails)).toBe(0);
  });

  it("its own error is thrown as it is, from start and from a step", async () => {
    const problem = new Error("no such sample");
    const fails = () => {
      throw problem;
    };
    for (const weighting of [onLogits(fails), onLogits(() => ({ step: fails }))]) {
      await expect(fit(blobModel(), x, y, { ...quiet, weighting })).rejects.toBe(problem);
    }
  });
});

describeBackends("a weighting of one's own with validation samples", () => {
  it("gets those of the user, or held-out ones, through a sampler whose place is its state", async () => {
    const { x, y } = blobTensors(56);
    const seen: number[][] = [];
    const weighting: LogitsWeighting = {
      ...{ name: "sampling", loss: "auto", needsValidation: true },
      async start(context) {
        const samples = await ValidationSampler.of(context.validation!, context, 4);
        return {
          step(batch) {
            seen.push([...samples.next().labels]);
            return context.stepOnLogits(batch);
          },
          settings: () => samples.settings(),
          state: () => samples.state,
          restore: (state: never) => samples.restore(state),
        };
      },
    };
    const states: Uint8Array[] = [];
    const args: FitArgs = { ...quiet, weighting };
    await fit(blobModel(), x, y, { ...args, checkpoint: (state) => void states.push(state) });
    const whole = seen.splice(0);
    expect(whole).toHaveLength(12); // 48 of 56 samples are trained on
    await fit(blobModel(), x, y, { ...args, resume: states[1]! });
    expect(seen).toEqual(whole.slice(6));
  });
});

describe("a weighting on the model's own loss", () => {
  it("trains models that are no classifiers", async () => {
    await tf.setBackend("cpu");
    const model = sequential({ layers: [layers.dense({ units: 3, inputShape: [4] })] });
    model.compile({ optimizer: "sgd", loss: "meanSquaredError" });
    const [x, y] = [tf.ones([8, 4]), tf.ones([8, 3])];
    const loss = () => (model.evaluate(x, y) as tf.Scalar).dataSync()[0]!;
    const before = loss();
    await fit(model, x, y, { ...quiet, weighting: growing() });
    expect(loss()).toBeLessThan(before);
  });
});
