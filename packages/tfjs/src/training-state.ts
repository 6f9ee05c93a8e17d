import { expected } from "@lilaw/core";
import * as tf from "@tensorflow/tfjs-core";
import type { LayersModel } from "@tensorflow/tfjs-layers";

/**
 * A training at the end of an epoch, as bytes: model weights, optimizer, the weighting's scalars and sampler, and
 * the seed all random streams derive from. Layout: the length of a JSON header (uint32, little endian), the header
 * (UTF-8), then the tensors in the format of `tf.io.encodeWeights`.
 */
interface Header {
  format: "lilaw-training-state";
  version: 1;
  epochsDone: number;
  seed: number;
  weighting: string;
  weightingState: unknown;
  optimizer: string;
  learningRate: number | undefined;
  specs: tf.io.WeightsManifestEntry[];
}

/** Where a training stood when its state was taken. */
export type TrainingPosition = Pick<Header, "epochsDone" | "seed" | "weighting" | "weightingState">;

type NamedTensor = Awaited<ReturnType<tf.Optimizer["getWeights"]>>[number];

type OptimizerWithRate = tf.Optimizer & { learningRate?: number; setLearningRate?(rate: number): void };

export async function encodeTrainingState(
  model: LayersModel,
  position: TrainingPosition,
): Promise<Uint8Array> {
  const optimizer = model.optimizer as OptimizerWithRate;
  const saved = await optimizerWeights(optimizer);
  const tensors: NamedTensor[] = [
    ...model.weights.map((weight, i) => ({ name: `model/${i}`, tensor: weight.read() })),
    ...saved.map(({ tensor }, i) => ({ name: `optimizer/${i}`, tensor })),
    ...optimizerVariables(optimizer).map(([name, tensor]) => ({ name: `optimizer.${name}`, tensor })),
  ];
  const { data, specs } = await tf.io.encodeWeights(tensors);
  // The iteration count, first of the optimizer's weights, is a tensor made for the saving.
  saved[0]?.tensor.dispose();
  const header: Header = {
    format: "lilaw-training-state",
    version: 1,
    ...position,
    optimizer: optimizer.getClassName(),
    learningRate: optimizer.learningRate,
    specs,
  };
  return join(new TextEncoder().encode(JSON.stringify(header)), new Uint8Array(data));
}

/**
 * Where a training stood, from the bytes that `checkpoint` handed out, without a model. A program that keeps several
 * states learns in this way which of them are whole.
 *
 * @throws LilawError `CORRUPT_FILE`
 */
export function readTrainingState(bytes: Uint8Array): TrainingPosition {
  const { epochsDone, seed, weighting, weightingState } = split(bytes).header;
  return { epochsDone, seed, weighting, weightingState };
}

/**
 * Puts a model and its optimizer where they were, bit for bit.
 *
 * @throws LilawError `CORRUPT_FILE`, `INCOMPATIBLE_STATE`; the model is untouched then
 */
export async function restoreTrainingState(model: LayersModel, bytes: Uint8Array): Promise<TrainingPosition> {
  const { header, data } = split(bytes);
  const optimizer = model.optimizer as OptimizerWithRate;
  if (header.optimizer !== optimizer.getClassName()) {
    throw expected("INCOMPATIBLE_STATE", header.optimizer, "the optimizer", optimizer.getClassName());
  }
  checkShapes(model, header);
  const tensors = tf.io.decodeWeights(data, header.specs);
  model.weights.forEach((weight, i) => {
    (weight.read() as tf.Variable).assign(tensors[`model/${i}`]!);
  });
  const replaced = await optimizerWeights(optimizer);
  const saved = header.specs.filter(({ name }) => name.startsWith("optimizer/"));
  await optimizer.setWeights(saved.map(({ name }) => ({ name, tensor: tensors[name]! })));
  // After setWeights, which recomputes some of them with other roundings.
  for (const [name, variable] of optimizerVariables(optimizer))
    variable.assign(tensors[`optimizer.${name}`]!);
  setLearningRate(optimizer, header.learningRate);
  tf.dispose(tensors);
  for (const { tensor } of replaced) tensor.dispose();
  return header;
}

function setLearningRate(optimizer: OptimizerWithRate, rate: number | undefined): void {
  if (rate === undefined) return;
  if (optimizer.setLearningRate !== undefined) optimizer.setLearningRate(rate);
  else optimizer.learningRate = rate;
}

/** Variables that optimizers keep outside their weights: Adam's and Adamax's accumulated betas. */
function optimizerVariables(optimizer: tf.Optimizer): [string, tf.Variable][] {
  return Object.entries(optimizer).filter(
    (entry): entry is [string, tf.Variable] => entry[1] instanceof tf.Variable,
  );
}

async function optimizerWeights(optimizer: tf.Optimizer): Promise<NamedTensor[]> {
  try {
    return await optimizer.getWeights();
  } catch (cause) {
    const error = expected(
      "INVALID_ARGUMENT",
      "an optimizer whose state can be saved",
      "optimizer",
      optimizer.getClassName(),
    );
    error.cause = cause;
    throw error;
  }
}

function checkShapes(model: LayersModel, { specs }: Header): void {
  const saved = specs.filter(({ name }) => name.startsWith("model/"));
  const shapes = (all: readonly { shape: readonly (number | null)[] }[]) =>
    JSON.stringify(all.map(({ shape }) => shape));
  if (shapes(saved) !== shapes(model.weights)) {
    throw expected(
      "INCOMPATIBLE_STATE",
      `weights of shapes ${shapes(saved)}`,
      "model",
      shapes(model.weights),
    );
  }
}

function join(header: Uint8Array, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(4 + header.length + data.length);
  new DataView(bytes.buffer).setUint32(0, header.length, true);
  bytes.set(header, 4);
  bytes.set(data, 4 + header.length);
  return bytes;
}

function split(bytes: Uint8Array): { header: Header; data: ArrayBuffer } {
  try {
    const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length))) as Header;
    if (header.format !== "lilaw-training-state" || header.version !== 1) throw new Error("another format");
    const data = new Uint8Array(bytes.subarray(4 + length)).buffer; // a copy: Buffer's own slice would not be one
    const size = header.specs.reduce((sum, { shape }) => sum + 4 * shape.reduce((n, d) => n * d, 1), 0);
    if (data.byteLength !== size) throw new Error(`${data.byteLength} bytes of tensors in place of ${size}`);
    return { header, data };
  } catch (cause) {
    const error = expected("CORRUPT_FILE", "a training state", "resume", bytes);
    error.cause = cause;
    throw error;
  }
}
