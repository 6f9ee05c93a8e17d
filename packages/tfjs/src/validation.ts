import { expected, type Labels, type Loss, Random } from "@lilaw/core";
import * as tf from "@tensorflow/tfjs-core";
import type { Head } from "./head.js";
import { readTargets, type Targets, takeTargets } from "./targets.js";

/** Features and targets, as tfjs takes them. */
export type LabelledTensors = readonly [x: tf.Tensor | tf.Tensor[], y: tf.Tensor];

export interface ValidationState {
  pass: number;
  position: number;
}

/**
 * Random validation batches: the samples in seeded order, in another order each time they are used up. Every batch
 * has the same size; what is left of a pass that is not enough for one is dropped.
 */
export class ValidationSampler {
  readonly #xs: tf.Tensor[];
  readonly #targets: Targets;
  readonly #count: number;
  readonly #batchSize: number;
  readonly #seed: number;
  #pass = 0;
  #position = 0;
  #order: Int32Array;

  constructor(data: LabelledTensors, head: Head, loss: Loss, batchSize: number, seed: number) {
    const [x, y] = data;
    this.#xs = Array.isArray(x) ? x : [x];
    this.#count = y.shape[0]!;
    for (const tensor of this.#xs) {
      if (tensor.shape[0] !== this.#count) {
        throw expected("LENGTH_MISMATCH", `${this.#count} samples`, "validation x", tensor.shape[0]);
      }
    }
    this.#targets = readTargets(y, head.units, loss, "validation y");
    this.#batchSize = Math.min(batchSize, this.#count);
    this.#seed = seed;
    this.#order = this.#newOrder();
  }

  /** The next batch; the caller disposes `xs` (or tidies). */
  next(): { xs: tf.Tensor[]; labels: Labels } {
    if (this.#position + this.#batchSize > this.#count) {
      this.#pass++;
      this.#position = 0;
      this.#order = this.#newOrder();
    }
    const rows = this.#order.subarray(this.#position, this.#position + this.#batchSize);
    this.#position += this.#batchSize;
    const indices = tf.tensor1d(rows, "int32");
    const xs = this.#xs.map((tensor) => tf.gather(tensor, indices));
    indices.dispose();
    return { xs, labels: takeTargets(this.#targets, rows) };
  }

  get state(): ValidationState {
    return { pass: this.#pass, position: this.#position };
  }

  restore({ pass, position }: ValidationState): void {
    this.#pass = pass;
    this.#position = position;
    this.#order = this.#newOrder();
  }

  #newOrder(): Int32Array {
    return Random.from(this.#seed, "validation", this.#pass).permutation(this.#count);
  }
}
