import { expected, Random } from "@lilaw/core";
import * as tf from "@tensorflow/tfjs-core";
import type { LayersModel } from "@tensorflow/tfjs-layers";
import { allLayers, type LayerInternals } from "./internals.js";

const seedable = ["Dropout", "SpatialDropout1D"];
const unseedable = ["GaussianNoise", "GaussianDropout", "AlphaDropout"];

/**
 * The layers of a model that draw random numbers in training. tfjs draws either from Math.random or, where a layer
 * has a seed, the same mask at every step; here each step gets masks of its own that depend on the seed and the step
 * only, so that training is repeatable and several forward passes of one step can share their masks.
 */
export class StochasticLayers {
  readonly #seed: number;
  readonly #dropouts: { layer: LayerInternals; seed: number | undefined }[];
  readonly #cells: { cell: LayerInternals; dropoutFunc: LayerInternals["dropoutFunc"] }[];
  readonly #unseedable: string | undefined;

  constructor(model: LayersModel, seed: number) {
    const layers = allLayers(model);
    this.#seed = seed;
    this.#dropouts = layers
      .filter((layer) => seedable.includes(layer.getClassName()))
      .map((layer) => ({ layer, seed: layer.seed }));
    this.#cells = layers
      .filter((layer) => (layer.dropout ?? 0) > 0 || (layer.recurrentDropout ?? 0) > 0)
      .map((cell) => ({ cell, dropoutFunc: cell.dropoutFunc }));
    this.#unseedable = layers.find((layer) => unseedable.includes(layer.getClassName()))?.name;
  }

  /** @throws LilawError `INVALID_ARGUMENT` if a layer draws from an unseeded generator */
  requireSeedable(purpose: string): void {
    if (this.#unseedable === undefined) return;
    throw expected(
      "INVALID_ARGUMENT",
      `layers with seeded noise (for ${purpose})`,
      "model",
      this.#unseedable,
    );
  }

  /** Seeds the masks of one step of one epoch: the same masks each time it is called with them. */
  seedStep(epoch: number, step: number): void {
    const random = Random.from(this.#seed, "dropout", epoch, step);
    for (const { layer } of this.#dropouts) layer.seed = random.int(2 ** 31);
    for (const { cell } of this.#cells) {
      cell.dropoutFunc = (x, rate) => tf.dropout(x, rate, undefined, random.int(2 ** 31));
    }
  }

  /** Restores the seeds that the layers had before the training. */
  restore(): void {
    for (const { layer, seed } of this.#dropouts) layer.seed = seed;
    for (const { cell, dropoutFunc } of this.#cells) cell.dropoutFunc = dropoutFunc;
  }
}
