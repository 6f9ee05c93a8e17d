import { deviation } from "@lilaw/testing";
import * as tf from "@tensorflow/tfjs-core";
import { expect, it } from "vitest";
import { applyGradientsOf } from "../../src/patches/apply-gradients.js";
import { describeBackends } from "../backends.js";

const shapes = [[7, 5], [], [3], [2, 2, 2, 2]];
const valuesOf = (tensors: tf.Tensor[]) => tensors.flatMap((tensor) => [...tensor.dataSync()]);

/** Ten steps with gradients of many sizes and a learning rate that changes; the third variable has gradients late. */
function train(
  optimizer: tf.AdamOptimizer,
  step: (gradients: { name: string; tensor: tf.Tensor }[]) => void,
) {
  const variables = shapes.map((shape, i) => tf.variable(tf.randomNormal(shape, 0, 1, "float32", i + 1)));
  for (let k = 0; k < 10; k++) {
    if (k === 5) (optimizer as unknown as { learningRate: number }).learningRate = 0.003;
    const gradients = variables.map(({ name, shape }, i) => ({
      name,
      tensor: (i === 2 && k < 4
        ? undefined
        : tf.mul(tf.randomNormal(shape, 0, 1, "float32", 100 * k + i + 1), 10 ** -i)) as tf.Tensor,
    }));
    step(gradients);
    tf.dispose(gradients.map(({ tensor }) => tensor));
  }
  return variables;
}

describeBackends("applyGradientsOf", () => {
  it("takes Adam's steps and leaves tfjs's optimizer in the state it would have", async () => {
    const [theirs, ours] = [tf.train.adam(0.01), tf.train.adam(0.01)];
    const steps = applyGradientsOf(ours);
    const expected = train(theirs, (gradients) => theirs.applyGradients(gradients));
    const actual = train(ours, (gradients) => steps.apply(gradients));
    steps.dispose();
    expect(deviation(valuesOf(actual), valuesOf(expected))).toBeLessThan(1e-6);
    const state = async (optimizer: tf.Optimizer) => {
      const weights = await optimizer.getWeights();
      return {
        names: weights.map(({ name }) => name.split("/").at(-1)),
        tensors: weights.map((w) => w.tensor),
      };
    };
    const [a, b] = [await state(ours), await state(theirs)];
    expect(a.names).toEqual(b.names);
    expect(deviation(valuesOf(a.tensors), valuesOf(b.tensors))).toBeLessThan(1e-6);
  });

  it("touches no tensor that shares memory with a variable, and leaves none behind", () => {
    const run = () => {
      const optimizer = tf.train.adam(0.1);
      const steps = applyGradientsOf(optimizer);
      const variable = tf.tidy(() => tf.variable(tf.zeros([4])));
      const before = variable.clone();
      const view = tf.reshape(variable, [2, 2]);
      for (let k = 0; k < 2; k++) {
        tf.tidy(() => steps.apply([{ name: variable.name, tensor: tf.ones([4]) }]));
      }
      expect([...before.dataSync(), ...view.dataSync()]).toEqual(new Array(8).fill(0));
      expect(deviation(valuesOf([variable]), new Array(4).fill(-0.2))).toBeLessThan(1e-5);
      steps.dispose();
      optimizer.dispose();
      tf.dispose([before, view, variable]);
    };
    run();
    const { numTensors, numBytes } = tf.memory();
    run();
    expect(tf.memory()).toMatchObject({ numTensors, numBytes });
  });

  it("touches no array that values came from or were read to", () => {
    const steps = applyGradientsOf(tf.train.adam(0.1));
    const source = Float32Array.of(1, 2, 3, 4);
    const variable = tf.tidy(() => tf.variable(tf.tensor1d(source)));
    for (let k = 0; k < 3; k++) {
      const read = variable.dataSync();
      const values = [...read];
      tf.tidy(() => steps.apply([{ name: variable.name, tensor: tf.ones([4]) }]));
      expect([...read]).toEqual(values);
      expect([...variable.dataSync()]).not.toEqual(values);
    }
    expect([...source]).toEqual([1, 2, 3, 4]);
    steps.dispose();
  });

  it("leaves the weights as they are where a step fails", () => {
    const steps = applyGradientsOf(tf.train.adam(0.1));
    const variable = tf.tidy(() => tf.variable(tf.tensor1d([1, 2, 3, 4])));
    const step = (size: number) =>
      tf.tidy(() => steps.apply([{ name: variable.name, tensor: tf.ones([size]) }]));
    expect(() => step(3)).toThrow();
    expect([...variable.dataSync()]).toEqual([1, 2, 3, 4]);
    step(4);
    expect(deviation(valuesOf([variable]), [0.9, 1.9, 2.9, 3.9])).toBeLessThan(1e-5);
    steps.dispose();
  });
});
