import { Random } from "@lilaw/core";
import * as tf from "@tensorflow/tfjs-core";
import {
  initializers,
  input,
  type LayersModel,
  layers,
  model,
  type SymbolicTensor,
} from "@tensorflow/tfjs-layers";

export const modelNames = ["mlp", "cnn", "resnet8"] as const;
export type ModelName = (typeof modelNames)[number];

/** Shape of the inputs and number of classes; by default 784-256-10, 28x28x1 and 32x32x3. */
export interface ModelOptions {
  readonly inputShape: readonly number[];
  readonly classes: number;
  /** Units of the hidden layer of the MLP */
  readonly units: number;
}

const inputShapes: Record<ModelName, readonly number[]> = {
  mlp: [784],
  cnn: [28, 28, 1],
  resnet8: [32, 32, 3],
};

export function optionsOf(name: ModelName, options: Partial<ModelOptions> = {}): ModelOptions {
  return { inputShape: inputShapes[name], classes: 10, units: 256, ...options };
}

/**
 * One of three networks with a softmax at the end, compiled with Adam 1e-3, with the same initial weights every time.
 * Layers have names, so that the same network in PyTorch can get the same weights.
 *
 * - mlp: one hidden layer
 * - cnn: conv 3x3x16, pool, conv 3x3x32, pool, dense
 * - resnet8: conv 3x3x16, three residual blocks of two convolutions (16, 32 and 64 filters, the last two with stride 2
 *   and a 1x1 convolution as shortcut), batch normalisation after every 3x3 convolution, average pooling, dense
 */
export function buildModel(name: ModelName, options: Partial<ModelOptions> = {}): LayersModel {
  const { inputShape, classes, units } = optionsOf(name, options);
  const { conv, dense } = seededLayers();
  const hidden = {
    mlp: (x: SymbolicTensor) => dense("hidden", units, "relu")(x),
    cnn(x: SymbolicTensor) {
      const relu = { activation: "relu", useBias: true } as const;
      const pooled = halve(conv("conv1", 16, relu)(x));
      return apply(layers.flatten(), halve(conv("conv2", 32, relu)(pooled)));
    },
    resnet8(x: SymbolicTensor) {
      const stem = rectify(normalize("stem_bn", conv("stem", 16)(x)));
      const blocks = [16, 32, 64].reduce((out, filters, i) => block(`block${i + 1}`, filters, out), stem);
      return apply(layers.globalAveragePooling2d({}), blocks);
    },
  }[name];

  function block(prefix: string, filters: number, x: SymbolicTensor): SymbolicTensor {
    const strides = filters === x.shape.at(-1) ? 1 : 2;
    const first = normalize(`${prefix}_bn1`, conv(`${prefix}_conv1`, filters, { strides })(x));
    const second = normalize(`${prefix}_bn2`, conv(`${prefix}_conv2`, filters)(rectify(first)));
    const shortcut = strides === 1 ? x : conv(`${prefix}_shortcut`, filters, { kernelSize: 1, strides })(x);
    return rectify(layers.add().apply([second, shortcut]) as SymbolicTensor);
  }

  const start = input({ shape: [...inputShape] });
  const built = model({ inputs: start, outputs: dense("output", classes, "softmax")(hidden(start)) });
  built.compile({ optimizer: tf.train.adam(1e-3), loss: "categoricalCrossentropy" });
  return built;
}

const apply = (layer: { apply(x: SymbolicTensor): unknown }, x: SymbolicTensor) =>
  layer.apply(x) as SymbolicTensor;
const rectify = (x: SymbolicTensor) => apply(layers.reLU(), x);
const halve = (x: SymbolicTensor) => apply(layers.maxPooling2d({ poolSize: 2 }), x);
const normalize = (name: string, x: SymbolicTensor) => apply(layers.batchNormalization({ name }), x);

/** The number of layers with weights; each layer has its own seed. */
function seededLayers() {
  let made = 0;
  const kernelInitializer = () => initializers.glorotUniform({ seed: ++made });
  return {
    conv:
      (name: string, filters: number, options: Partial<Parameters<typeof layers.conv2d>[0]> = {}) =>
      (x: SymbolicTensor) =>
        apply(
          layers.conv2d({
            ...{ name, filters, kernelSize: 3, padding: "same", useBias: false },
            kernelInitializer: kernelInitializer(),
            ...options,
          }),
          x,
        ),
    dense: (name: string, units: number, activation: "relu" | "softmax") => (x: SymbolicTensor) =>
      apply(layers.dense({ name, units, activation, kernelInitializer: kernelInitializer() }), x),
  };
}

export interface Samples {
  /** [N, …inputShape] */
  readonly x: tf.Tensor;
  /** One-hot [N, C] */
  readonly y: tf.Tensor;
}

/** Uniform noise with random labels: the cost of a step does not depend on the data. */
export function randomSamples({ inputShape, classes }: ModelOptions, count: number, seed = 1): Samples {
  const random = Random.from(seed, "samples");
  const size = inputShape.reduce((n, d) => n * d, count);
  const x = tf.tensor(
    Float32Array.from({ length: size }, () => random.uniform()),
    [count, ...inputShape],
  );
  const labels = Int32Array.from({ length: count }, () => random.int(classes));
  const y = tf.tidy(() => tf.cast(tf.oneHot(tf.tensor1d(labels, "int32"), classes), "float32"));
  return { x, y };
}
