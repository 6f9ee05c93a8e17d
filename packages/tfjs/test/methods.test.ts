import { LiLAW, Random } from "@lilaw/core";
import { deviation, isNetworkCase, type ReweightNetworkCase, readGolden } from "@lilaw/testing";
import * as tf from "@tensorflow/tfjs-core";
import { type LayersModel, layers, sequential } from "@tensorflow/tfjs-layers";
import { describe, expect, it } from "vitest";
import { type BatchRecord, fit, learningToReweight, lilaw } from "../src/index.js";
import { describeBackends } from "./backends.js";
import { blobModel, blobTensors, weightsOf } from "./models.js";

const networks = readGolden().l2rw_cases.filter(isNetworkCase);

describeBackends("learningToReweight", () => {
  describe.each(networks)("golden $name", (c) => {
    it("gives the float64 weights and the same step", async () => {
      const model = build(c);
      const sgd = tf.train.sgd(c.lr);
      model.compile({ optimizer: sgd, loss: "meanSquaredError" });
      const before = weightsOf(model);
      expect(deviation(toGolden(model, c), c.theta)).toBeLessThan(1e-6);
      const records: BatchRecord[] = [];
      await fit(model, samples(c, c.x), tf.tensor1d(c.y, "int32"), {
        verbose: 0,
        shuffle: false,
        batchSize: c.y.length,
        weighting: learningToReweight({ validation: [samples(c, c.x_val), tf.tensor1d(c.y_val, "int32")] }),
        record: (r) => void records.push(r),
      });
      const weights = [...records[0]!.weights].map((w) => w / c.y.length);
      expect(deviation(records[0]!.losses, c.train_loss)).toBeLessThan(2e-5);
      const distance = weights.reduce((sum, w, i) => sum + Math.abs(w - c.weights[i]!), 0);
      expect(distance).toBeLessThan(5e-3);
      // No gradient of a row is larger than 3 here, so theta is as exact as the weights.
      expect(deviation(toGolden(model, c), c.theta_after_sgd)).toBeLessThan(3 * distance * c.lr + 1e-6);
      expect(weightsOf(model)).not.toEqual(before);
    });
  });
});

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
