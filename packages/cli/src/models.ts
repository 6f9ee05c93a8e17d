import { readFile } from "node:fs/promises";
import { expected, LilawError, Random } from "@lilaw/core";
import * as tf from "@tensorflow/tfjs-core";
import * as layers from "@tensorflow/tfjs-layers";

/** A model's layers as TensorFlow.js writes them, without weights. */
export type Topology = Parameters<typeof layers.models.modelFromJSON>[0];

type SampleShape = readonly number[];

const hidden = { activation: "relu", kernelInitializer: "heNormal" } as const;

const builders: Record<string, (shape: SampleShape, classes: number) => layers.Sequential> = {
  mlp: (shape, classes) =>
    layers.sequential({
      layers: [
        flatInput(shape),
        layers.layers.dense({ units: 256, ...hidden }),
        layers.layers.dense({ units: 256, ...hidden }),
        layers.layers.dense({ units: classes }),
      ],
    }),
  cnn: (shape, classes) =>
    shape.length === 3 ? imageNetwork(shape, classes) : seriesNetwork(shape, classes),
  linear: (shape, classes) =>
    layers.sequential({
      layers: [flatInput(shape), layers.layers.dense({ units: classes })],
    }),
};

export const modelNames: readonly string[] = Object.keys(builders);

/** Whether `--model` names a file rather than a built-in model. */
export function isModelFile(model: unknown): model is string {
  return typeof model === "string" && model.endsWith(".json");
}

/**
 * The layers of a built-in model for these samples, or those of a `model.json`, checked against the samples.
 * Saved weights are not used: every run starts from its own seed.
 *
 * @throws MODEL_OUTPUT, CORRUPT_FILE, INVALID_ARGUMENT
 */
export async function loadTopology(model: string, shape: SampleShape, classes: number): Promise<Topology> {
  if (isModelFile(model)) {
    const topology = await readTopology(model);
    await checkTopology(topology, `--model ${model}`, shape, classes);
    return topology;
  }
  const built = builders[model]!(shape, classes);
  try {
    return namedByPlace(JSON.parse(JSON.stringify(built.toJSON(null, false))));
  } finally {
    built.dispose();
  }
}

/** Layers named by their place: TensorFlow.js counts those that the process has made, so that a second run would have others. */
function namedByPlace(topology: { config: { name: string; layers: BuiltLayer[] } }): Topology {
  const { config } = topology;
  const layers = config.layers.map(({ class_name, config }, i) => ({
    class_name,
    config: { ...config, name: `${class_name.toLowerCase()}_${i + 1}` },
  }));
  return { ...topology, config: { ...config, name: "model", layers } } as unknown as Topology;
}

interface BuiltLayer {
  readonly class_name: string;
  readonly config: object;
}

/** A fresh model whose initial weights depend on `seed` alone. */
export async function buildModel(topology: Topology, seed: number): Promise<layers.LayersModel> {
  const random = Random.from(seed, "initial-weights");
  return layers.models.modelFromJSON(seedInitializers(topology, random) as Topology);
}

/** Flattens samples of any shape. A flatten layer would refuse flat samples. */
function flatInput(shape: SampleShape): ReturnType<typeof layers.layers.reshape> {
  return layers.layers.reshape({ inputShape: [...shape], targetShape: [sizeOf(shape)] });
}

function sizeOf(shape: SampleShape): number {
  return shape.reduce((a, b) => a * b, 1);
}

function imageNetwork(shape: SampleShape, classes: number): layers.Sequential {
  const { conv2d, maxPooling2d, flatten, dense } = layers.layers;
  return layers.sequential({
    layers: [
      conv2d({ inputShape: [...shape], filters: 16, kernelSize: 3, padding: "same", ...hidden }),
      maxPooling2d({ poolSize: 2 }),
      conv2d({ filters: 32, kernelSize: 3, padding: "same", ...hidden }),
      maxPooling2d({ poolSize: 2 }),
      flatten(),
      dense({ units: classes }),
    ],
  });
}

/** A convolution along the features of flat samples, for time series. */
function seriesNetwork(shape: SampleShape, classes: number): layers.Sequential {
  const { conv1d, maxPooling1d, reshape, flatten, dense } = layers.layers;
  const length = sizeOf(shape);
  if (length < 4) throw expected("INVALID_ARGUMENT", "samples of at least 4 features", "--model cnn", length);
  return layers.sequential({
    layers: [
      reshape({ inputShape: [...shape], targetShape: [length, 1] }),
      conv1d({ filters: 16, kernelSize: 3, padding: "same", ...hidden }),
      maxPooling1d({ poolSize: 2 }),
      conv1d({ filters: 32, kernelSize: 3, padding: "same", ...hidden }),
      maxPooling1d({ poolSize: 2 }),
      flatten(),
      dense({ units: classes }),
    ],
  });
}

async function readTopology(path: string): Promise<Topology> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    throw expected("INVALID_ARGUMENT", "a readable file", "--model", `${path} (${(error as Error).message})`);
  }
  try {
    const json = JSON.parse(text);
    return json.modelTopology ?? json;
  } catch (error) {
    throw new LilawError(
      "CORRUPT_FILE",
      `Expected JSON for --model but received ${path}: ${(error as Error).message}`,
    );
  }
}

/**
 * Checks that the layers can be built, fit the samples and run.
 *
 * @param name name of the source of the layers, for errors
 * @throws MODEL_OUTPUT, CORRUPT_FILE
 */
export async function checkTopology(
  topology: Topology,
  name: string,
  shape: SampleShape,
  classes: number,
): Promise<void> {
  let model: layers.LayersModel;
  try {
    model = await buildModel(topology, 0);
  } catch (error) {
    const reason = (error as Error).message.split("\n")[0];
    throw new LilawError(
      "CORRUPT_FILE",
      `Expected a TensorFlow.js layers model for ${name} but received one that cannot be built: ${reason}`,
    );
  }
  try {
    checkShape(model.inputs, [...shape], "input");
    checkShape(model.outputs, [classes], "output");
    checkRuns(model, name, shape);
  } finally {
    model.dispose();
  }
}

/** Runs the model once: a layer may state an output shape that is not the true one. */
function checkRuns(model: layers.LayersModel, name: string, shape: SampleShape): void {
  try {
    tf.tidy(() => void model.predict(tf.zeros([1, ...shape])));
  } catch (error) {
    const reason = (error as Error).message.split("\n")[0];
    throw new LilawError(
      "MODEL_OUTPUT",
      `Expected a TensorFlow.js layers model for ${name} but received one that does not run: ${reason}`,
    );
  }
}

function checkShape(
  tensors: readonly layers.SymbolicTensor[],
  wanted: readonly number[],
  side: string,
): void {
  const found = tensors.map((tensor) => `[${tensor.shape.slice(1).join(", ")}]`).join(" and ");
  const right = `[${wanted.join(", ")}]`;
  if (found !== right)
    throw new LilawError(
      "MODEL_OUTPUT",
      `Expected shape ${right} per sample for the model's ${side} but received ${found}`,
    );
}

const randomInitializer =
  /^(VarianceScaling|Random(Normal|Uniform)|TruncatedNormal|Orthogonal|(Glorot|He|LeCun)(Normal|Uniform))$/;

/** A copy of `node` in which every random initialiser has its own seed, never 0, which TensorFlow.js treats as no seed. */
function seedInitializers(node: unknown, random: Random): unknown {
  if (Array.isArray(node)) return node.map((entry) => seedInitializers(entry, random));
  if (typeof node !== "object" || node === null) return node;
  const copy = Object.fromEntries(
    Object.entries(node).map(([key, value]) => [key, seedInitializers(value, random)]),
  );
  if (typeof copy.class_name === "string" && randomInitializer.test(copy.class_name)) {
    copy.config = { ...(copy.config as object), seed: 1 + random.int(0x7ffffffe) };
  }
  return copy;
}
