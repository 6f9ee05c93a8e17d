import { LiLAW, Random } from "@lilaw/core";
import { deviation, isNetworkCase, type ReweightNetworkCase, readGolden } from "@lilaw/testing";
import * as tf from "@tensorflow/tfjs-core";
import { type LayersModel, layers, sequential } from "@tensorflow/tfjs-layers";
import { describe, expect, it } from "vitest";
import {
  type BatchRecord,
  fit,
  learningToReweight,
  lilaw,
  plain,
  type RouteName,
  type Weighting,
} from "../../src/index.js";
import { describeBackends } from "../backends.js";
import { blobModel, blobTensors, weightsOf } from "../models.js";

const networks = readGolden().l2rw_cases.filter(isNetworkCase);

/** How far, summed over the batch, each route may be from the float64 weights. */
const routes: [RouteName, number][] = [
  ["auto", 5e-6],
  ["tangent", 5e-6],
  ["central-difference", 5e-3],
];

describeBackends("learningToReweight", () => {
  describe.each(networks)("golden $name", (c) => {
    it.for(routes)("%s gives the float64 weights and the same step", async ([route, bar], { annotate }) => {
      const model = build(c);
      const sgd = tf.train.sgd(c.lr);
      model.compile({ optimizer: sgd, loss: "meanSquaredError" });
      const before = weightsOf(model);
      expect(deviation(toGolden(model, c), c.theta)).toBeLessThan(1e-6);
      const { losses, weights } = await oneStep(model, c, route);
      expect(deviation(losses, c.train_loss)).toBeLessThan(2e-5);
      const distance = weights.reduce((sum, w, i) => sum + Math.abs(w - c.weights[i]!), 0);
      await annotate(`L1 distance of the weights from float64: ${distance.toExponential(1)}`);
      expect(distance).toBeLessThan(bar);
      // No gradient of a row is larger than 3 here, so theta is as exact as the weights.
      expect(deviation(toGolden(model, c), c.theta_after_sgd)).toBeLessThan(3 * distance * c.lr + 1e-6);
      expect(weightsOf(model)).not.toEqual(before);
    });
  });

  const mlp = networks.find(({ kind }) => kind === "mlp")!;
  it("last-layer gives the weights of the last layer's gradient alone", async () => {
    const model = build(mlp);
    model.compile({ optimizer: tf.train.sgd(mlp.lr), loss: "meanSquaredError" });
    const { weights } = await oneStep(model, mlp, "last-layer");
    expect(deviation(weights, lastLayerWeights(mlp))).toBeLessThan(1e-5);
    expect(deviation(weights, mlp.weights)).toBeGreaterThan(1e-3);
  });

  const train = (model: LayersModel, route: RouteName) => {
    const { x, y } = blobTensors(8);
    model.compile({ optimizer: tf.train.sgd(0.1), loss: "meanSquaredError" });
    const weighting = learningToReweight({ validation: [x, y], route });
    return fit(model, x, y, { verbose: 0, weighting });
  };
  const recurrent = () =>
    sequential({
      layers: [
        layers.reshape({ targetShape: [2, 2], inputShape: [4] }),
        // tfjs's default, orthogonal, works with tfjs-node only.
        layers.gru({ units: 2, recurrentInitializer: "glorotUniform", name: "recurrent" }),
      ],
    });

  it("takes a model with layers without a rule by auto, and refuses the route that cannot", async () => {
    await expect(train(recurrent(), "auto")).resolves.toBeDefined();
    await expect(train(recurrent(), "tangent")).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining("recurrent (GRU)"),
    });
    await expect(train(recurrent(), "last-layer")).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining("recurrent (GRU)"),
    });
    await expect(train(recurrent(), "exact" as RouteName)).rejects.toMatchObject({ code: "UNKNOWN_NAME" });
  });

  it.each(["tangent", "central-difference", "last-layer"] as const)(
    "%s: moves batch statistics as one training pass does",
    async (route) => {
      const statistics = async (weighting: Weighting) => {
        const model = blobModel("logits", { extra: [layers.batchNormalization()] });
        const { x, y } = blobTensors(16);
        await fit(model, x, y, { verbose: 0, batchSize: 16, shuffle: false, weighting });
        return model.nonTrainableWeights.flatMap((weight) => [...weight.read().dataSync()]);
      };
      const valid = blobTensors(16, 2);
      const reweighted = await statistics(learningToReweight({ validation: [valid.x, valid.y], route }));
      expect(reweighted).toEqual(await statistics(plain({ loss: "cross-entropy" })));
    },
  );
});

/** One step on the whole batch: the row losses, and the weights with sum 1. */
async function oneStep(model: LayersModel, c: ReweightNetworkCase, route: RouteName) {
  const records: BatchRecord[] = [];
  const validation = [samples(c, c.x_val), tf.tensor1d(c.y_val, "int32")] as const;
  await fit(model, samples(c, c.x), tf.tensor1d(c.y, "int32"), {
    verbose: 0,
    shuffle: false,
    batchSize: c.y.length,
    weighting: learningToReweight({ validation, route }),
    record: (r) => void records.push(r),
  });
  const { losses, weights } = records[0]!;
  return { losses, weights: [...weights].map((w) => w / c.y.length) };
}

/** In float64 by hand: alignments <g_i, V_W h_i + V_b> with the last layer's part V of the golden gradient. */
function lastLayerWeights(c: ReweightNetworkCase): number[] {
  const split = (values: number[]) => {
    const sizes = c.shapes.map((shape) => shape.reduce((n, d) => n * d, 1));
    const ends = sizes.map((_, i) => sizes.slice(0, i + 1).reduce((sum, size) => sum + size, 0));
    return ends.map((end, i) => values.slice(end - sizes[i]!, end));
  };
  const affine = (weights: number[], bias: number[], x: number[]) =>
    bias.map((b, o) => x.reduce((sum, value, i) => sum + weights[o * x.length + i]! * value, b));
  const [w1, b1, w2, b2] = split(c.theta);
  const [, , v2, vb2] = split(c.grad_val);
  const alignments = c.x.map((x, row) => {
    const hidden = affine(w1!, b1!, x as number[]).map(Math.tanh);
    const exps = affine(w2!, b2!, hidden).map(Math.exp);
    const total = exps.reduce((sum, e) => sum + e, 0);
    const change = affine(v2!, vb2!, hidden);
    return change.reduce((sum, z, k) => sum + (exps[k]! / total - (k === c.y[row] ? 1 : 0)) * z, 0);
  });
  const positive = alignments.map((a) => Math.max(0, a));
  const sum = positive.reduce((total, a) => total + a, 0);
  return positive.map((a) => a / sum);
}

/** [out, in] rows of the vectors against tfjs's [in, out]; channel-major filters against [h, w, in, out]. */
function build(c: ReweightNetworkCase): LayersModel {
  const hidden =
    c.kind === "conv"
      ? [
          layers.conv2d({
            filters: 3,
            kernelSize: 3,
            padding: "same",
            activation: "tanh",
            inputShape: [4, 4, 2],
          }),
          layers.flatten(),
        ]
      : c.kind === "bn"
        ? [
            layers.dense({ units: 5, inputShape: [4] }),
            layers.batchNormalization({ epsilon: 1e-3, trainable: false }), // frozen scale 1 and shift 0
            layers.activation({ activation: "tanh" }),
          ]
        : [layers.dense({ units: 5, inputShape: [4], activation: "tanh" })];
  const model = sequential({ layers: [...hidden, layers.dense({ units: 3 })] });
  const trainable = model.layers.filter((layer) => layer.trainableWeights.length > 0);
  const [w1, b1, w2, b2] = parts(c);
  trainable[0]!.setWeights([c.kind === "conv" ? filters(w1!) : tf.transpose(w1!), b1!]);
  trainable[1]!.setWeights([tf.transpose(w2!), b2!]);
  return model;
}

function parts(c: ReweightNetworkCase): tf.Tensor[] {
  let at = 0;
  return c.shapes.map((shape) => {
    const size = shape.reduce((n, d) => n * d, 1);
    at += size;
    return tf.tensor(c.theta.slice(at - size, at), shape);
  });
}

const filters = (flat: tf.Tensor): tf.Tensor => tf.transpose(tf.reshape(flat, [3, 2, 3, 3]), [2, 3, 1, 0]);

function toGolden(model: LayersModel, c: ReweightNetworkCase): number[] {
  const [w1, b1, w2, b2] = model.trainableWeights.map((w) => w.read());
  const first = c.kind === "conv" ? tf.transpose(w1!, [3, 2, 0, 1]) : tf.transpose(w1!);
  return [first, b1!, tf.transpose(w2!), b2!].flatMap((t) => [...t.dataSync()]);
}

function samples(c: ReweightNetworkCase, x: unknown[]): tf.Tensor {
  const tensor = tf.tensor(x as number[][]);
  return c.kind === "conv" ? tf.transpose(tensor, [0, 2, 3, 1]) : tensor;
}

describeBackends("lilaw", () => {
  it("follows the paper's order: step on theta, then the scalars at the updated theta", async () => {
    const { x, y, labels } = blobTensors(32);
    const valid = blobTensors(16, 2);
    const options = { warmupEpochs: 0, learningRate: 0.5, validation: [valid.x, valid.y] as const };
    const trained = blobModel();
    const weighting = lilaw(options);
    await fit(trained, x, y, { verbose: 0, batchSize: 16, shuffle: false, weighting });

    // The same by hand, with the optimizer stepping on gradients that @lilaw/core computed.
    const byHand = blobModel();
    const method = new LiLAW({ learningRate: 0.5 });
    const optimizer = tf.train.adam(0.01);
    const forward = (input: tf.Tensor) => byHand.apply(input) as tf.Tensor2D;
    const order = Random.from(0, "validation", 0).permutation(16);
    for (const start of [0, 16]) {
      const batch = tf.slice(x, [start, 0], [16, 4]);
      const logits = forward(batch).dataSync<"float32">();
      const rows = labels.slice(start, start + 16);
      const { gradLogits } = method.weigh({ logits, labels: rows, classes: 2 });
      const { grads } = tf.variableGrads(
        () => tf.sum(tf.mul(forward(batch), tf.tensor2d(gradLogits, [16, 2]))) as tf.Scalar,
      );
      optimizer.applyGradients(grads as never);
      const shuffled = tf.gather(valid.x, tf.tensor1d(order, "int32"));
      const shuffledLabels = order.map((row) => valid.labels[row]!);
      const meta = { logits: forward(shuffled).dataSync<"float32">(), labels: shuffledLabels, classes: 2 };
      if (start === 0) method.metaStep(meta);
      else {
        const second = Random.from(0, "validation", 1).permutation(16);
        const again = tf.gather(valid.x, tf.tensor1d(second, "int32"));
        method.metaStep({
          logits: forward(again).dataSync<"float32">(),
          labels: second.map((row) => valid.labels[row]!),
          classes: 2,
        });
      }
    }
    expect(deviation(weightsOf(trained), weightsOf(byHand))).toBeLessThan(1e-6);
    expect(deviation(Object.values(weighting.method.params), Object.values(method.params))).toBeLessThan(
      1e-6,
    );
  });

  it("neither weighs nor moves the scalars during warm-up", async () => {
    const { x, y } = blobTensors(40);
    const { history } = await fit(blobModel(), x, y, {
      verbose: 0,
      epochs: 3,
      batchSize: 16,
      weighting: lilaw({ warmupEpochs: 2 }),
    });
    expect(history.alpha!.slice(0, 2)).toEqual([10, 10]);
    expect(history.alpha![2]).not.toBe(10);
  });
});
