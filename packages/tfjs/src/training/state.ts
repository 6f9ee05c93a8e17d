import { expected } from "@lilaw/core";
import * as tf from "@tensorflow/tfjs-core";
import type { LayersModel } from "@tensorflow/tfjs-layers";
import { leafLayers, trainableVariables } from "../model/internals.js";
import { pack, unpack } from "./state-bytes.js";

/** The position of a training when its state was saved. */
export interface TrainingPosition {
  readonly epochsDone: number;
  /** The seed of all random streams */
  readonly seed: number;
  /** Name of the weighting */
  readonly weighting: string;
  /** The state of the weighting: scalars, the position in the validation samples */
  readonly weightingState: unknown;
}

/** The settings that must be the same for a training to resume bit for bit, as JSON. */
export interface TrainingSettings {
  readonly seed: number;
  readonly weighting: string;
  /** The options of the weighting */
  readonly options: unknown;
  /** Number, order and labels of the samples */
  readonly data: unknown;
}

/** A training at the end of an epoch, without the tensors of the model and the optimizer. */
interface Header extends TrainingPosition, TrainingSettings {
  /** Classes and activations of the layers */
  layers: string;
  optimizer: string;
  /** Its options but for the learning rate */
  optimizerOptions: unknown;
  learningRate: number | undefined;
  specs: tf.io.WeightsManifestEntry[];
}

type NamedTensor = Awaited<ReturnType<tf.Optimizer["getWeights"]>>[number];

type OptimizerWithRate = tf.Optimizer & { learningRate?: number; setLearningRate?(rate: number): void };

/** The state of a training as bytes, with a checksum. */
export async function encodeTrainingState(
  model: LayersModel,
  position: Pick<TrainingPosition, "epochsDone" | "weightingState">,
  settings: TrainingSettings,
): Promise<Uint8Array> {
  const optimizer = model.optimizer as OptimizerWithRate;
  const saved = await optimizerWeights(optimizer);
  const tensors: NamedTensor[] = [
    ...model.weights.map((weight, i) => ({ name: `model/${i}`, tensor: weight.read() })),
    ...saved.map(({ tensor }, i) => ({ name: `optimizer/${i}`, tensor })),
    ...optimizerVariables(optimizer).map(([name, tensor]) => ({ name: `optimizer.${name}`, tensor })),
  ];
  try {
    const { data, specs } = await tf.io.encodeWeights(tensors);
    const { learningRate } = optimizer;
    const header: Header = { ...position, ...settings, ...shapeOf(model), learningRate, specs };
    return pack(header, data);
  } finally {
    // The first of the optimizer's weights, the iteration count, is a tensor that getWeights makes.
    saved[0]?.tensor.dispose();
  }
}

/**
 * The position of a training, from the bytes that `checkpoint` was given, without a model. A program that keeps several
 * states can find out which of them are undamaged.
 *
 * @throws LilawError `CORRUPT_FILE`; `INCOMPATIBLE_STATE` for undamaged bytes of another version
 */
export function readTrainingState(bytes: Uint8Array): TrainingPosition {
  const { epochsDone, seed, weighting, weightingState } = SavedTraining.read(bytes).header;
  return { epochsDone, seed, weighting, weightingState };
}

/** A saved training, whose bytes are undamaged. */
export class SavedTraining {
  readonly header: Header;
  readonly #tensors: ArrayBuffer;

  /** @throws LilawError `CORRUPT_FILE`, `INCOMPATIBLE_STATE` */
  static read(bytes: Uint8Array): SavedTraining {
    const { header, tensors } = unpack(bytes);
    return new SavedTraining(header as Header, tensors);
  }

  private constructor(header: Header, tensors: ArrayBuffer) {
    this.header = header;
    this.#tensors = tensors;
  }

  /** @throws LilawError `INCOMPATIBLE_STATE` unless it belongs to this model and to a training with these settings */
  check(model: LayersModel, settings: TrainingSettings): void {
    const found = { ...settings, ...shapeOf(model), weights: shapesOf(model.weights) };
    const saved = { ...this.header, weights: shapesOf(this.#specs("model/")) };
    for (const [member, name] of compared) {
      const [wanted, received] = [JSON.stringify(saved[member]), JSON.stringify(found[member])];
      if (wanted !== received) throw expected("INCOMPATIBLE_STATE", wanted, name, found[member]);
    }
    this.#checkSlots(model);
  }

  /** Checks the tensors that an optimizer keeps for its trainable weights: as many for each weight, in their order, or none. */
  #checkSlots(model: LayersModel): void {
    const shapes = trainableVariables(model).map(({ shape }) => JSON.stringify(shape));
    const slots = this.#specs("optimizer/").slice(1); // the first is the iteration count
    const fits = slots.every(({ shape }, i) => JSON.stringify(shape) === shapes[i % shapes.length]);
    if (fits && slots.length % Math.max(shapes.length, 1) === 0) return;
    throw expected(
      "INCOMPATIBLE_STATE",
      "the trainable weights of the state",
      "model",
      `${shapes.length} others`,
    );
  }

  #specs(prefix: string): tf.io.WeightsManifestEntry[] {
    return this.header.specs.filter(({ name }) => name.startsWith(prefix));
  }

  /** Restores a model that was checked, and its optimizer, bit for bit. */
  async restore(model: LayersModel): Promise<void> {
    const optimizer = model.optimizer as OptimizerWithRate;
    const tensors = tf.io.decodeWeights(this.#tensors, this.header.specs);
    try {
      const replaced = await optimizerWeights(optimizer);
      model.weights.forEach((weight, i) => {
        (weight.read() as tf.Variable).assign(tensors[`model/${i}`]!);
      });
      const saved = this.#specs("optimizer/").map(({ name }) => ({ name, tensor: tensors[name]! }));
      await optimizer.setWeights(saved);
      // After setWeights, which computes some of them again with other roundings.
      for (const [name, variable] of optimizerVariables(optimizer))
        variable.assign(tensors[`optimizer.${name}`]!);
      setLearningRate(optimizer, this.header.learningRate);
      for (const { tensor } of replaced) tensor.dispose();
    } finally {
      tf.dispose(tensors);
    }
  }
}

/** Members of a header that must equal those of the training, and their names in messages. */
const compared = [
  ["weighting", "weighting"],
  ["seed", "seed"],
  ["optimizer", "the optimizer"],
  ["optimizerOptions", "the options of the optimizer"],
  ["weights", "model"],
  ["layers", "the layers of the model"],
  ["options", "the options of the weighting"],
  ["data", "the training data"],
] as const;

/** Members of the header that describe the model. */
function shapeOf(model: LayersModel): Pick<Header, "layers" | "optimizer" | "optimizerOptions"> {
  const { learningRate: _, ...optimizerOptions } = model.optimizer.getConfig() as Record<string, unknown>;
  const layers = leafLayers(model).map((layer) => {
    const activation = layer.activation?.getClassName();
    return activation === undefined ? layer.getClassName() : `${layer.getClassName()} (${activation})`;
  });
  return {
    layers: layers.filter((name) => name !== "InputLayer").join(", "),
    optimizer: model.optimizer.getClassName(),
    optimizerOptions,
  };
}

const shapesOf = (weights: readonly { shape: readonly (number | null)[]; dtype: string }[]): string =>
  weights.map(({ shape, dtype }) => `${dtype} [${shape.join(", ")}]`).join(", ");

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

/** @throws LilawError `INVALID_ARGUMENT` for an optimizer whose state tfjs cannot save */
export async function optimizerWeights(optimizer: tf.Optimizer): Promise<NamedTensor[]> {
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
