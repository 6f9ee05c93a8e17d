import { alignmentWeights, LiLAW, type Loss, Random, TransitionMatrix, weightedLoss } from "@lilaw/core";
import { deviation } from "@lilaw/testing";
import * as tf from "@tensorflow/tfjs-core";
import type { LayersModel } from "@tensorflow/tfjs-layers";
import { describe, expect, it } from "vitest";
import {
  type BatchRecord,
  type FitArgs,
  fit,
  fitDataset,
  type LogitsWeighting,
  learningToReweight,
  lilaw,
  plain,
  predictLogits,
  randomWeights,
  type Weighting,
} from "../../src/index.js";
import { rowLosses } from "../../src/weighting.js";
import { describeBackends } from "../backends.js";
import { blobModel, blobTensors, leakOf, weightsOf } from "../models.js";

const transition = [
  [0.7, 0.3],
  [0.1, 0.9],
];
const matrix = new TransitionMatrix(transition);
const { x, y, labels } = blobTensors(32);
const valid = blobTensors(16, 2);
const quiet = { verbose: 0, batchSize: 32, shuffle: false } as const;
const rate = 0.1;

function newModel(): LayersModel {
  const model = blobModel("softmax");
  model.compile({ optimizer: tf.train.sgd(rate), loss: "categoricalCrossentropy" });
  return model;
}

/** One step of gradient descent on the weighted loss, whose gradient @lilaw/core computes. */
function stepByHand(
  model: LayersModel,
  options: { loss?: Loss; sampleWeights?: Float32Array; params?: LiLAW["params"] },
): void {
  const logits = predictLogits(model, x);
  const { loss = "cross-entropy", params = null, ...rest } = options;
  const batch = { logits, labels, classes: 2, transition: matrix };
  const { gradLogits } = weightedLoss({ ...batch, ...rest, loss, params, gradient: "full" });
  const softmax = blobModel("logits");
  softmax.setWeights(model.getWeights());
  tf.tidy(() => {
    const { grads } = tf.variableGrads(
      () => tf.sum(tf.mul(softmax.apply(x) as tf.Tensor, tf.tensor2d(gradLogits, [32, 2]))) as tf.Scalar,
    );
    tf.train.sgd(rate).applyGradients(grads as never);
  });
  model.setWeights(softmax.getWeights());
}

describeBackends("with a transition matrix", () => {
  it.each<[string, Weighting, Loss]>([
    ["the loss of the model's head", plain({ transition }), "cross-entropy"],
    [
      "a named loss",
      plain({ loss: { kind: "focal", gamma: 2 }, transition: matrix }),
      { kind: "focal", gamma: 2 },
    ],
    [
      "a loss of the label probability",
      plain({
        loss: { kind: "generalized-cross-entropy", q: 0.7 },
        transition: Float64Array.from(transition.flat()),
      }),
      { kind: "generalized-cross-entropy", q: 0.7 },
    ],
  ])("plain steps on %s, corrected", async (_, weighting, loss) => {
    const [trained, byHand] = [newModel(), newModel()];
    await fit(trained, x, y, { ...quiet, weighting });
    stepByHand(byHand, { loss });
    expect(deviation(weightsOf(trained), weightsOf(byHand))).toBeLessThan(1e-6);
  });

  it("randomWeights weighs the corrected losses", async () => {
    const records: BatchRecord[] = [];
    const [trained, byHand] = [newModel(), newModel()];
    const weighting = randomWeights({ transition });
    await fit(trained, x, y, { ...quiet, weighting, record: (record) => void records.push(record) });
    stepByHand(byHand, { sampleWeights: records[0]!.weights });
    expect(deviation(weightsOf(trained), weightsOf(byHand))).toBeLessThan(1e-6);
  });

  it("lilaw weighs and moves its scalars by the corrected probabilities", async () => {
    const [trained, byHand] = [newModel(), newModel()];
    const weighting = lilaw({
      transition,
      warmupEpochs: 0,
      learningRate: 0.5,
      validation: [valid.x, valid.y],
    });
    await fit(trained, x, y, { ...quiet, weighting });
    const method = new LiLAW({ learningRate: 0.5 });
    stepByHand(byHand, { params: method.params });
    const order = Random.from(0, "validation", 0).permutation(16);
    const shuffled = tf.gather(valid.x, tf.tensor1d(order, "int32"));
    method.metaStep({
      logits: predictLogits(byHand, shuffled),
      labels: order.map((row) => valid.labels[row]!),
      classes: 2,
      transition: matrix,
    });
    expect(deviation(weightsOf(trained), weightsOf(byHand))).toBeLessThan(1e-6);
    expect(deviation(Object.values(weighting.method.params), Object.values(method.params))).toBeLessThan(
      1e-6,
    );
  });

  it("learningToReweight corrects the training labels only", async () => {
    const records: BatchRecord[] = [];
    const [trained, byHand] = [newModel(), newModel()];
    const weighting = learningToReweight({
      transition,
      validation: [valid.x, valid.y],
      validationBatchSize: 16,
    });
    await fit(trained, x, y, { ...quiet, weighting, record: (record) => void records.push(record) });
    const logits = predictLogits(byHand, x);
    const expected = alignmentWeights({
      logits,
      labels,
      classes: 2,
      transition,
      tangents: tangentsOf(byHand),
    });
    const weights = Float32Array.from(expected.weights, (weight) => 32 * weight);
    expect(deviation(records[0]!.weights, weights)).toBeLessThan(2e-2); // tangents by differences
    stepByHand(byHand, { sampleWeights: records[0]!.weights });
    expect(deviation(weightsOf(trained), weightsOf(byHand))).toBeLessThan(1e-6);
  });

  it("record tells the losses and probabilities of the observed labels", async () => {
    const records: BatchRecord[] = [];
    const model = newModel();
    const count = 32;
    const floats = () => new Float64Array(count);
    const expected = weightedLoss(
      { logits: predictLogits(model, x), labels, classes: 2, transition, params: null },
      { losses: floats(), labelProbs: floats(), maxProbs: floats() },
    );
    const weighting = plain({ transition });
    await fit(model, x, y, { ...quiet, weighting, record: (record) => void records.push(record) });
    for (const name of ["losses", "labelProbs", "maxProbs"] as const)
      expect(deviation(records[0]![name], expected[name]!)).toBeLessThan(1e-6);
  });

  it.each<[string, () => Weighting]>([
    ["plain", () => plain({ transition })],
    ["lilaw", () => lilaw({ transition, warmupEpochs: 0 })],
    ["learningToReweight", () => learningToReweight({ transition, validation: [valid.x, valid.y] })],
  ])("%s leaks no tensors", async (_, weighting) => {
    const model = newModel();
    expect(await leakOf(() => fit(model, x, y, { ...quiet, weighting: weighting() }))).toBe(0);
  });
});

/** The change of the logits of x along the gradient of the mean loss of the validation samples, whose labels are right. */
function tangentsOf(model: LayersModel): Float64Array {
  const network = blobModel("logits");
  network.setWeights(model.getWeights());
  const gradLogits = weightedLoss({
    logits: predictLogits(network, valid.x),
    labels: valid.labels,
    classes: 2,
    params: null,
  }).gradLogits;
  const eps = 1e-3;
  const { grads } = tf.variableGrads(
    () => tf.sum(tf.mul(network.apply(valid.x) as tf.Tensor, tf.tensor2d(gradLogits, [16, 2]))) as tf.Scalar,
  );
  const logitsAt = (step: number) => {
    const moved = network.trainableWeights.map((weight) => {
      const variable = weight.read() as tf.Variable;
      return tf.add(variable, tf.mul(step, grads[variable.name]!));
    });
    const other = blobModel("logits");
    other.setWeights(moved);
    return predictLogits(other, x);
  };
  const [up, down] = [logitsAt(eps), logitsAt(-eps)];
  return Float64Array.from(up, (value, i) => (value - down[i]!) / (2 * eps));
}

describe("a transition matrix that does not fit", () => {
  const three = [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ];
  const onlyZeros = [
    [1, 0],
    [1, 0],
  ];
  const makers: [string, (transition: number[][]) => Weighting][] = [
    ["plain", (transition) => plain({ transition })],
    ["randomWeights", (transition) => randomWeights({ transition })],
    ["lilaw", (transition) => lilaw({ transition })],
    [
      "learningToReweight",
      (transition) => learningToReweight({ transition, validation: [valid.x, valid.y] }),
    ],
  ];

  it.each(makers)("is refused before %s trains", async (_, weighting) => {
    const cases: [number[][], string, string][] = [
      [three, "LENGTH_MISMATCH", 'Expected 2 classes for transition but received "3 classes"'],
      [
        onlyZeros,
        "LABEL_OUT_OF_RANGE",
        `Expected a label that has a probability above 0 in the transition matrix for y[${labels.indexOf(1)}] but received 1`,
      ],
    ];
    for (const [transition, code, message] of cases) {
      const model = newModel();
      const before = weightsOf(model);
      const act = fit(model, x, y, { ...quiet, weighting: weighting(transition) });
      await expect(act).rejects.toThrow(expect.objectContaining({ code, message }));
      expect(weightsOf(model)).toEqual(before);
    }
    expect(() => weighting([[1, 1]] as never)).toThrow(expect.objectContaining({ code: "LENGTH_MISMATCH" }));
    expect(() =>
      weighting([
        [0.5, 0.4],
        [0, 1],
      ]),
    ).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
  });

  it("is refused for labels of a dataset and of a validation set that it rules out", async () => {
    const dataset = {
      iterator: async () => {
        let done = false;
        return {
          next: async () => {
            const first = !done;
            done = true;
            return first
              ? { value: { xs: x.clone(), ys: y.clone() }, done: false }
              : { value: null, done: true };
          },
        };
      },
    };
    const weighting = plain({ transition: onlyZeros });
    await expect(
      fitDataset(newModel(), dataset as never, { epochs: 1, verbose: 0, weighting }),
    ).rejects.toMatchObject({ message: expect.stringContaining("for ys[") });
    const zeros = tf.zeros([32], "int32");
    const own = lilaw({ transition: onlyZeros, validation: [valid.x, valid.y] });
    await expect(fit(newModel(), x, zeros, { ...quiet, weighting: own })).rejects.toMatchObject({
      message: expect.stringContaining("for validation y["),
    });
  });

  it("is refused with a loss that is not one of u", async () => {
    const weighting = plain({ loss: { kind: "label-smoothing", smoothing: 0.1 }, transition });
    await expect(fit(newModel(), x, y, { ...quiet, weighting })).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining("(there is a transition matrix) for loss"),
    });
  });

  it("is refused with the model's own loss", async () => {
    const weighting = { ...plain(), transition: matrix } as never;
    await expect(fit(newModel(), x, y, { ...quiet, weighting })).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message:
        'Expected a loss on the logits (there is a transition matrix) for loss of the weighting plain but received "model"',
    });
  });

  it("is refused by the operations for labels that it rules out", () => {
    const logits = tf.ones<tf.Rank.R2>([2, 2]);
    expect(() => rowLosses(logits, { labels: Int32Array.of(0, 1), transition: onlyZeros })).toThrow(
      expect.objectContaining({ code: "LABEL_OUT_OF_RANGE" }),
    );
  });
});

describeBackends("a weighting of one's own", () => {
  const own = (member: object, options?: (batch: { step: number }) => object): LogitsWeighting => ({
    name: "own",
    loss: "auto",
    needsValidation: false,
    ...member,
    start: ({ stepOnLogits }) => ({ step: (batch) => stepOnLogits(batch, undefined, options?.(batch)) }),
  });
  const trained = async (weighting: Weighting, args: FitArgs = {}) => {
    const model = newModel();
    await fit(model, x, y, { ...quiet, batchSize: 16, ...args, weighting });
    return weightsOf(model);
  };

  it("has the matrix of the weighting, or one for a step", async () => {
    const corrected = await trained(plain({ transition }));
    const uncorrected = await trained(plain({ loss: "cross-entropy" }));
    expect(corrected).not.toEqual(uncorrected);
    expect(await trained(own({ transition: matrix }))).toEqual(corrected);
    expect(await trained(own({}, () => ({ transition: matrix })))).toEqual(corrected);
    expect(await trained(own({ transition: matrix }, () => ({ transition: null })))).toEqual(uncorrected);
    const mixed = await trained(own({}, ({ step }) => (step === 0 ? {} : { transition: matrix })));
    expect(mixed).not.toEqual(corrected);
    expect(mixed).not.toEqual(uncorrected);
  });

  it("is told of a matrix for a step that does not fit", async () => {
    const three = new TransitionMatrix(Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1));
    const act = trained(own({}, () => ({ transition: three })));
    await expect(act).rejects.toMatchObject({ code: "LENGTH_MISMATCH" });
  });
});
