import { Random } from "@lilaw/core";
import * as tf from "@tensorflow/tfjs-core";
import {
  model as functional,
  initializers,
  input,
  type LayersModel,
  layers,
  type SymbolicTensor,
  sequential,
} from "@tensorflow/tfjs-layers";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { StochasticLayers } from "../../src/model/stochastic-layers.js";
import { forwardWithTangents } from "../../src/model/tangents/forward.js";
import { uncoveredLayer } from "../../src/model/tangents/registry.js";
import { describeBackends } from "../backends.js";

type Layer = Parameters<ReturnType<typeof sequential>["add"]>[0];

/** Gives every weight, moving variances apart, a seeded value of order 1: zeros would hide terms. */
function randomise(model: LayersModel, random: Random): void {
  for (const weight of model.weights) {
    const variable = weight.read() as tf.Variable;
    const positive = /variance/.test(weight.name);
    const fanIn = variable.rank > 1 ? Math.max(1, variable.size / variable.shape.at(-1)!) : 1;
    const values = Float32Array.from({ length: variable.size }, () => {
      const value = random.normal() / Math.sqrt(fanIn);
      return positive ? 0.5 + Math.abs(value) : value;
    });
    variable.assign(tf.tensor(values, variable.shape));
  }
}

function normal(shape: number[], random: Random): tf.Tensor {
  const size = shape.reduce((n, d) => n * d, 1);
  return tf.tensor(
    Float32Array.from({ length: size }, () => random.normal()),
    shape,
  );
}

/** Random weights for a model, a direction for them, and its forward pass, whose dropout masks are the same each time. */
function randomPass(model: LayersModel, xs: tf.Tensor[], seed: number) {
  const random = Random.from(seed, "tangents");
  randomise(model, random);
  const variables = model.trainableWeights.map((weight) => weight.read() as tf.Variable);
  const direction = new Map(variables.map((v) => [v, normal(v.shape, random)]));
  const stochastic = new StochasticLayers(model, seed);
  const forward = () => {
    stochastic.seedStep(0, 0);
    const output = model.apply(xs.length === 1 ? xs[0]! : xs, { training: true }) as tf.Tensor;
    stochastic.restore();
    return output;
  };
  return { random, variables, direction, forward, ...forwardWithTangents(model, direction, forward) };
}

/**
 * Largest deviation, over random c, of <c, J v> in forward mode from <J^T c, v> by tfjs's own reverse mode, relative
 * to the sum of the absolute terms.
 */
function deviationFromReverseMode(model: LayersModel, xs: tf.Tensor[], seed: number): number {
  return tf.tidy(() => {
    const { random, variables, direction, forward, output, tangent } = randomPass(model, xs, seed);
    let worst = 0;
    for (let k = 0; k < 3; k++) {
      const c = normal(output.shape, random);
      const { grads } = tf.variableGrads(() => tf.sum(tf.mul(forward(), c)) as tf.Scalar, variables);
      const terms = (a: tf.Tensor, b: tf.Tensor) => [...tf.mul(a, b).dataSync()];
      const reverse = variables.flatMap((v) => terms(grads[v.name] ?? tf.zerosLike(v), direction.get(v)!));
      const forwardTerms = terms(c, tangent);
      const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);
      const scale = sum([...reverse, ...forwardTerms].map(Math.abs)) / 2;
      worst = Math.max(worst, Math.abs(sum(reverse) - sum(forwardTerms)) / scale);
    }
    return worst;
  });
}

/** Summed deviation of the tangent from a central difference of the forward pass, relative to the summed tangent. */
function deviationFromDifferences(model: LayersModel, x: tf.Tensor, seed: number): number {
  return tf.tidy(() => {
    const { variables, direction, forward, tangent } = randomPass(model, [x], seed);
    const origin = variables.map((variable) => variable.clone());
    const eps = 3e-4;
    const [up, down] = [eps, -eps].map((t) => {
      variables.forEach((v, i) => void v.assign(tf.add(origin[i]!, tf.mul(direction.get(v)!, t))));
      return forward();
    });
    const difference = tf.div(tf.sub(up!, down!), 2 * eps);
    const total = (tensor: tf.Tensor) => tf.sum(tf.abs(tensor)).dataSync()[0]!;
    return total(tf.sub(difference, tangent)) / total(tangent);
  });
}

const activations = [
  ...["relu", "relu6", "elu", "selu", "tanh", "sigmoid", "hardSigmoid", "softplus", "softsign"],
  ...["swish", "mish", "gelu", "gelu_new", "softmax", "logSoftmax", "linear"],
] as const;

/** Layers that tfjs cannot differentiate, or does wrongly: their tangents are held against differences only. */
const nowhere = ["conv2d dilated", "batchNormalization on axis 1", "thresholdedReLU"];
const notDifferentiable = {
  cpu: [...nowhere, "averagePooling2d", "upSampling2d"],
  wasm: [...nowhere, "depthwise", "separable", "conv3d"],
  tensorflow: nowhere,
};

const images = [6, 6, 2];
const rows = [6, 3];
const single: [string, number[], () => Layer][] = [
  ...activations.flatMap((activation): [string, number[], () => Layer][] => [
    [`dense ${activation}`, [5], () => layers.dense({ units: 4, activation: activation as "relu" })],
    [`activation ${activation}`, [5], () => layers.activation({ activation: activation as "relu" })],
  ]),
  ["dense without bias", [5], () => layers.dense({ units: 4, useBias: false })],
  ["dense on rows", rows, () => layers.dense({ units: 4, activation: "tanh" })],
  ["conv1d", rows, () => layers.conv1d({ filters: 3, kernelSize: 2, activation: "relu" })],
  ["conv2d", images, () => layers.conv2d({ filters: 3, kernelSize: 3, activation: "relu", strides: 2 })],
  ["conv2d gelu", images, () => layers.conv2d({ filters: 3, kernelSize: 3, activation: "gelu" as "relu" })],
  ["conv2d dilated", images, () => layers.conv2d({ filters: 2, kernelSize: 2, dilationRate: 2 })],
  ["conv3d", [4, 4, 4, 2], () => layers.conv3d({ filters: 2, kernelSize: 2, activation: "tanh" })],
  ["averagePooling3d", [4, 4, 4, 2], () => layers.averagePooling3d({ poolSize: 2 })],
  ["conv2dTranspose", images, () => layers.conv2dTranspose({ filters: 2, kernelSize: 3, strides: 2 })],
  [
    "depthwise",
    images,
    () => layers.depthwiseConv2d({ kernelSize: 3, depthMultiplier: 2, activation: "elu" }),
  ],
  ["separable", images, () => layers.separableConv2d({ filters: 3, kernelSize: 3, activation: "relu" })],
  ["maxPooling1d", rows, () => layers.maxPooling1d({ poolSize: 2 })],
  ["maxPooling2d", images, () => layers.maxPooling2d({ poolSize: 2 })],
  [
    "maxPooling2d overlapping",
    images,
    () => layers.maxPooling2d({ poolSize: 3, strides: 2, padding: "same" }),
  ],
  ["maxPooling2d sparse", images, () => layers.maxPooling2d({ poolSize: 2, strides: 3 })],
  ["maxPooling2d oblong", images, () => layers.maxPooling2d({ poolSize: [3, 1], strides: [1, 2] })],
  [
    "maxPooling2d channelsFirst",
    [2, 6, 6],
    () => layers.maxPooling2d({ poolSize: 2, dataFormat: "channelsFirst" }),
  ],
  ["averagePooling1d", rows, () => layers.averagePooling1d({ poolSize: 2 })],
  ["averagePooling2d", images, () => layers.averagePooling2d({ poolSize: 3, strides: 2, padding: "same" })],
  ["globalAveragePooling1d", rows, () => layers.globalAveragePooling1d()],
  ["globalAveragePooling2d", images, () => layers.globalAveragePooling2d({})],
  ["globalMaxPooling1d", rows, () => layers.globalMaxPooling1d()],
  ["globalMaxPooling2d", images, () => layers.globalMaxPooling2d({})],
  [
    "globalMaxPooling2d channelsFirst",
    [2, 6, 6],
    () => layers.globalMaxPooling2d({ dataFormat: "channelsFirst" }),
  ],
  ["batchNormalization", [5], () => layers.batchNormalization()],
  ["batchNormalization of images", images, () => layers.batchNormalization()],
  ["batchNormalization on axis 1", images, () => layers.batchNormalization({ axis: 1 })],
  ["layerNormalization", rows, () => layers.layerNormalization()],
  ["dropout", [5], () => layers.dropout({ rate: 0.4 })],
  ["spatialDropout1d", rows, () => layers.spatialDropout1d({ rate: 0.4 })],
  ["relu", [5], () => layers.reLU()],
  ["relu with a limit", [5], () => layers.reLU({ maxValue: 0.5 })],
  ["leakyReLU", [5], () => layers.leakyReLU({ alpha: 0.3 })],
  ["elu", [5], () => layers.elu()],
  ["prelu", [5], () => layers.prelu()],
  ["thresholdedReLU", [5], () => layers.thresholdedReLU({ theta: 0.2 })],
  ["softmax", [5], () => layers.softmax()],
  ["flatten", images, () => layers.flatten()],
  ["reshape", images, () => layers.reshape({ targetShape: [12, 6] })],
  ["permute", images, () => layers.permute({ dims: [3, 1, 2] })],
  ["repeatVector", [5], () => layers.repeatVector({ n: 3 })],
  ["zeroPadding2d", images, () => layers.zeroPadding2d({ padding: 1 })],
  ["cropping2D", images, () => layers.cropping2D({ cropping: [[1, 0], [2, 1]] })], // biome-ignore format: one row an axis
  ["upSampling2d", images, () => layers.upSampling2d({ size: [2, 2] })],
  ["rescaling", [5], () => layers.rescaling({ scale: 0.5, offset: 2 })],
];

describeBackends("tangents", (backend) => {
  const withWeightsBefore = (shape: number[], layer: () => Layer) =>
    sequential({ layers: [layers.dense({ units: shape.at(-1)!, inputShape: shape }), layer()] });

  const comparable = single.filter(([name]) => !notDifferentiable[backend].includes(name));
  it.each(comparable)("%s: forward mode equals reverse mode", (_, shape, layer) => {
    const model = withWeightsBefore(shape, layer);
    expect(uncoveredLayer(model)).toBeUndefined();
    const x = normal([4, ...shape], Random.from(1, "x"));
    expect(deviationFromReverseMode(model, [x], 2)).toBeLessThan(1e-5);
  });

  // tfjs's own forward pass is wrong there on cpu and wasm.
  const right = single.filter(([name]) => backend === "tensorflow" || !name.includes("on axis 1"));
  it.each(right)("%s: forward mode equals finite differences", (_, shape, layer) => {
    const model = withWeightsBefore(shape, layer);
    const x = normal([4, ...shape], Random.from(1, "x"));
    expect(deviationFromDifferences(model, x, 2)).toBeLessThan(1e-2);
  });

  it.skipIf(backend === "wasm")("embedding (wasm cannot train it): forward mode equals reverse mode", () => {
    const model = sequential({
      layers: [
        layers.embedding({ inputDim: 7, outputDim: 3, inputLength: 4 }),
        layers.flatten(),
        layers.dense({ units: 2 }),
      ],
    });
    const x = tf.tensor2d([0, 1, 2, 3, 3, 3, 6, 5], [2, 4]);
    expect(deviationFromReverseMode(model, [x], 3)).toBeLessThan(1e-5);
  });

  it.each<[string, (a: SymbolicTensor, b: SymbolicTensor) => SymbolicTensor]>([
    ["add", (a, b) => layers.add().apply([a, b]) as SymbolicTensor],
    ["average", (a, b) => layers.average().apply([a, b]) as SymbolicTensor],
    ["multiply", (a, b) => layers.multiply().apply([a, b]) as SymbolicTensor],
    ["maximum", (a, b) => layers.maximum().apply([a, b]) as SymbolicTensor],
    ["minimum", (a, b) => layers.minimum().apply([a, b]) as SymbolicTensor],
    ["concatenate", (a, b) => layers.concatenate().apply([a, b]) as SymbolicTensor],
    ["dot", (a, b) => layers.dot({ axes: 1 }).apply([a, b]) as SymbolicTensor],
  ])("%s: forward mode equals reverse mode, whichever inputs move", (_, merge) => {
    for (const moving of [2, 1]) {
      const [a, b] = [input({ shape: [5] }), input({ shape: [5] })];
      const left = layers.dense({ units: 5, activation: "tanh" }).apply(a) as SymbolicTensor;
      const right = moving === 2 ? (layers.dense({ units: 5 }).apply(b) as SymbolicTensor) : b;
      const model = functional({ inputs: [a, b], outputs: merge(left, right) });
      const xs = ["a", "b"].map((name) => normal([4, 5], Random.from(1, name)));
      expect(deviationFromReverseMode(model, xs, 4)).toBeLessThan(1e-5);
    }
  });

  it.each<[string, () => Layer]>([
    ["side by side", () => layers.maxPooling1d({ poolSize: 3 })],
    ["overlapping", () => layers.maxPooling1d({ poolSize: 2, strides: 1 })],
    ["global", () => layers.globalMaxPooling1d()],
  ])("max pooling, %s, takes equal elements once", (_, pooling) => {
    const model = sequential({
      layers: [layers.dense({ units: 4, inputShape: [3] }), layers.repeatVector({ n: 3 }), pooling()],
    });
    expect(deviationFromDifferences(model, normal([4, 3], Random.from(1, "x")), 6)).toBeLessThan(1e-2);
  });

  it("maximum takes equal inputs once", () => {
    const x = input({ shape: [3] });
    const hidden = layers.dense({ units: 4 }).apply(x) as SymbolicTensor;
    const model = functional({
      inputs: x,
      outputs: layers.maximum().apply([hidden, hidden]) as SymbolicTensor,
    });
    expect(deviationFromDifferences(model, normal([4, 3], Random.from(1, "x")), 7)).toBeLessThan(1e-2);
  });

  it("goes through shared layers, skips and models inside models", () => {
    const shared = layers.dense({ units: 6, activation: "tanh" });
    const inner = sequential({
      layers: [
        layers.dense({ units: 6, activation: "relu", inputShape: [6] }),
        layers.dropout({ rate: 0.3 }),
        layers.batchNormalization(),
      ],
    });
    const x = input({ shape: [6] });
    const once = shared.apply(x);
    const twice = shared.apply(inner.apply(once)) as SymbolicTensor;
    const model = functional({
      inputs: x,
      outputs: layers.dense({ units: 3 }).apply(layers.add().apply([twice, x])) as SymbolicTensor,
    });
    expect(uncoveredLayer(model)).toBeUndefined();
    expect(deviationFromReverseMode(model, [normal([5, 6], Random.from(1, "x"))], 5)).toBeLessThan(1e-5);
  });

  it("random architectures: forward mode equals reverse mode", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 2 ** 30 }),
        fc.array(fc.constantFrom("conv", "pool", "norm", "average", "act", "drop", "pad"), { maxLength: 5 }),
        fc.array(fc.constantFrom(...activations), { minLength: 1, maxLength: 2 }),
        fc.integer({ min: 2, max: 5 }),
        (seed, blocks, dense, batch) => {
          const model = sequential({ layers: [layers.inputLayer({ inputShape: [8, 8, 2] })] });
          const random = Random.from(seed, "architecture");
          for (const block of blocks) model.add(imageBlock(block, random));
          model.add(layers.flatten());
          for (const activation of dense) {
            model.add(layers.dense({ units: 2 + random.int(5), activation: activation as "relu" }));
          }
          const x = normal([batch, 8, 8, 2], random);
          expect(deviationFromReverseMode(model, [x], seed)).toBeLessThan(1e-4);
        },
      ),
      { numRuns: backend === "cpu" ? 15 : 40 },
    );
  });

  it("leaks no tensors", () => {
    const model = sequential({
      layers: [
        layers.dense({ units: 4, activation: "relu", inputShape: [3] }),
        layers.batchNormalization(),
        layers.dense({ units: 2 }),
      ],
    });
    const x = tf.ones([5, 3]);
    const direction = new Map(
      model.trainableWeights.map((w) => [w.read() as tf.Variable, tf.onesLike(w.read())]),
    );
    const pass = () =>
      forwardWithTangents(model, direction, () => model.apply(x, { training: true }) as tf.Tensor);
    tf.dispose(pass() as never);
    const before = tf.memory().numTensors;
    tf.dispose(pass() as never);
    expect(tf.memory().numTensors).toBe(before);
  });
});

function imageBlock(name: string, random: Random): Layer {
  const kernel = { kernelInitializer: initializers.glorotUniform({ seed: 1 }) };
  const pick = <T>(...items: T[]): T => items[random.int(items.length)]!;
  const padding = "same" as const;
  switch (name) {
    case "conv":
      return layers.conv2d({
        filters: 1 + random.int(4),
        kernelSize: pick(1, 2, 3),
        strides: pick(1, 2),
        activation: pick("relu", "tanh", "linear", "elu"),
        padding,
        ...kernel,
      });
    case "pool":
      return layers.maxPooling2d({ poolSize: pick(2, 3), strides: pick(1, 2), padding });
    case "average":
      return layers.averagePooling2d({ poolSize: pick(2, 3), strides: pick(1, 2), padding });
    case "norm":
      return layers.batchNormalization();
    case "act":
      return pick<Layer>(layers.leakyReLU(), layers.prelu(), layers.activation({ activation: "sigmoid" }));
    case "drop":
      return layers.dropout({ rate: 0.3 });
    default:
      return layers.zeroPadding2d({ padding: 1 });
  }
}

describe("uncoveredLayer", () => {
  it.each<[string, Layer]>([
    [
      "GRU",
      layers.gru({
        units: 2,
        recurrentInitializer: "glorotUniform",
        name: "recurrent",
        inputShape: [3, 2],
        returnSequences: true,
      }),
    ],
    ["GaussianNoise", layers.gaussianNoise({ stddev: 1, name: "recurrent", inputShape: [3, 2] })],
  ])("names a layer without a rule: %s", (className, layer) => {
    expect(uncoveredLayer(sequential({ layers: [layer, layers.flatten()] }))).toBe(
      `recurrent (${className})`,
    );
  });

  it("names a model that hands its input on", () => {
    const x = input({ shape: [2] });
    const passing = functional({ inputs: x, outputs: x, name: "passing" });
    const model = sequential({ layers: [layers.dense({ units: 2, inputShape: [2] }), passing] });
    expect(uncoveredLayer(model)).toMatch(/^passing /);
  });
});
