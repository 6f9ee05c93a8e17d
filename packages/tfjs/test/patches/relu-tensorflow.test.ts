import * as tf from "@tensorflow/tfjs-core";
import { expect, it } from "vitest";
import { withFastRelu } from "../../src/patches/relu-tensorflow.js";
import { describeBackends } from "../backends.js";

const elements = [-1, 0, -0, 2, 1e-30, -1e-30, 1e30, Infinity, -Infinity];

describeBackends("withFastRelu", () => {
  it("gives tfjs's own steps", () => {
    const x = tf.tensor1d([...elements, Number.NaN]);
    for (const alpha of [0, 0.5]) {
      const own = [...tf.step(x, alpha).dataSync()];
      expect(withFastRelu(() => [...tf.step(x, alpha).dataSync()])).toEqual(own);
    }
  });

  it("gives tfjs's own gradients, also of gradients", () => {
    const x = tf.tensor1d(elements);
    const dy = tf.tensor1d(elements.map((_, i) => i - 3.5));
    const gradient = (x: tf.Tensor) => tf.grad((x) => tf.mul(tf.relu(x), dy))(x);
    const ofSquare = (w: tf.Tensor) => tf.grad((x) => tf.square(tf.relu(tf.mul(w, x))))(dy);
    const second = tf.grad((w) => tf.sum(tf.square(ofSquare(w))));
    const w = tf.tensor1d([-2, -1, 0, 1, 2, -0.5, 0.5, 3, -3]);
    for (const compute of [() => gradient(x), () => second(w)]) {
      const own = [...compute().dataSync()];
      expect(withFastRelu(() => [...compute().dataSync()])).toEqual(own);
      expect(own.some((value) => value !== 0)).toBe(true);
    }
  });

  it("has the derivative 0 where an activation is NaN", () => {
    const x = tf.tensor1d([Number.NaN, 1]);
    const gradient = withFastRelu(() => [
      ...tf
        .grad((x) => tf.relu(x))(x)
        .dataSync(),
    ]);
    expect(gradient).toEqual(tf.getBackend() === "tensorflow" ? [0, 1] : [Number.NaN, 1]);
  });

  it("leaves tfjs as it was, also after an error", () => {
    const kernel = tf.getKernel(tf.Step, tf.getBackend());
    const gradient = tf.getGradient(tf.Relu);
    expect(() =>
      withFastRelu(() => {
        throw new Error("stop");
      }),
    ).toThrow("stop");
    expect(tf.getKernel(tf.Step, tf.getBackend())).toBe(kernel);
    expect(tf.getGradient(tf.Relu)).toBe(gradient);
  });
});
