import type { Samples } from "@lilaw/datasets";
import { useBackend } from "@lilaw/tfjs/node";
import * as tf from "@tensorflow/tfjs-core";
import { type LayersModel, model as modelBetween, type SymbolicTensor } from "@tensorflow/tfjs-layers";
import type { Unit } from "../documents.js";
import { loadModel } from "../load-model.js";
import type { RunFolder } from "../run-folder.js";
import type { Settings } from "../settings.js";
import type { Place } from "./source-samples.js";

/** Where samples are, in numbers by which they are near or far. */
export interface Space {
  /** How many numbers. */
  readonly width: number;
  /** The numbers of samples, in their order. */
  vectorsOf(places: readonly Place[]): Promise<Float32Array[]>;
  dispose(): void;
}

/** Samples that go through the model at once. */
const batchSize = 1024;

/**
 * The space in which the model of a unit tells classes apart: what its last layer with weights is given. Samples that are near
 * there are alike for the model. A model of one such layer has the features alone.
 *
 * @throws the errors of `loadModel`
 */
export async function spaceOf(folder: RunFolder, unit: Unit, shape: readonly number[]): Promise<Space> {
  const { backend } = folder.config.backend;
  // The backend of the run may not be there on another machine.
  await useBackend(backend as Settings["backend"]).catch(() => useBackend("auto"));
  const { model } = await loadModel(folder, unit, "best");
  const inner = beforeLastWeights(model);
  if (inner === undefined) {
    model.dispose();
    return featureSpace(shape);
  }
  const embedder = modelBetween({ inputs: model.inputs, outputs: inner });
  return {
    width: sizeOf(inner.shape.slice(1) as number[]),
    async vectorsOf(places) {
      const vectors: Float32Array[] = [];
      for (let start = 0; start < places.length; start += batchSize) {
        vectors.push(...(await embed(embedder, places.slice(start, start + batchSize), shape)));
      }
      return vectors;
    },
    dispose: () => model.dispose(),
  };
}

function featureSpace(shape: readonly number[]): Space {
  return {
    width: sizeOf(shape),
    vectorsOf: async (places) => places.map(({ samples, index }) => featuresOf(samples, index)),
    dispose() {},
  };
}

/** The features of a sample, without a copy. */
export function featuresOf({ features, shape }: Samples, index: number): Float32Array {
  const width = sizeOf(shape);
  return features.subarray(index * width, (index + 1) * width);
}

/** The input of the last layer with weights; undefined where that is the input of the model, or is called more than once. */
function beforeLastWeights({ layers, inputs }: LayersModel): SymbolicTensor | undefined {
  const last = layers.findLast(({ weights }) => weights.length > 0);
  if (last === undefined || last.inboundNodes.length !== 1) return undefined;
  const { input } = last;
  return Array.isArray(input) || inputs.includes(input) || input.shape.slice(1).includes(null)
    ? undefined
    : input;
}

async function embed(
  model: LayersModel,
  places: readonly Place[],
  shape: readonly number[],
): Promise<Float32Array[]> {
  const width = sizeOf(shape);
  const features = new Float32Array(places.length * width);
  places.forEach(({ samples, index }, i) => {
    features.set(featuresOf(samples, index), i * width);
  });
  const output = tf.tidy(() => model.predict(tf.tensor(features, [places.length, ...shape])) as tf.Tensor);
  const values = (await output.data()) as Float32Array;
  output.dispose();
  const size = values.length / places.length;
  return places.map((_, i) => values.slice(i * size, (i + 1) * size));
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((a, b) => a * b, 1);
}
