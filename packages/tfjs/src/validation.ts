import { expected, type Labels, Random } from "@lilaw/core";
import type * as tf from "@tensorflow/tfjs-core";
import { gatherRows } from "./gather-rows.js";
import { readTargets, type Targets, takeTargets } from "./targets.js";
import type { TrainingContext } from "./weighting.js";

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
  /** Rows of every batch */
  readonly batchSize: number;
  readonly #xs: tf.Tensor[];
  readonly #targets: Targets;
  readonly #count: number;
  readonly #seed: number;
  #pass = 0;
  #position = 0;
  #order: Int32Array;

  /** @param batchSize default: the training batch size */
  static async of(
    [x, y]: LabelledTensors,
    { head, loss, seed, ...context }: TrainingContext,
    batchSize = context.batchSize,
  ): Promise<ValidationSampler> {
    const xs = Array.isArray(x) ? x : [x];
    const count = y.shape[0]!;
    for (const tensor of xs) {
      if (tensor.shape[0] !== count) {
        throw expected("LENGTH_MISMATCH", `${count} samples`, "validation x", tensor.shape[0]);
      }
    }
    const targets = await readTargets(y, head!.units, loss!, "validation y");
    return new ValidationSampler(xs, targets, count, Math.min(batchSize, count), seed);
  }

  private constructor(xs: tf.Tensor[], targets: Targets, count: number, batchSize: number, seed: number) {
    this.#xs = xs;
    this.#targets = targets;
    this.#count = count;
    this.batchSize = batchSize;
    this.#seed = seed;
    this.#order = this.#newOrder();
  }

  /** The next batch; the caller disposes `xs` (or tidies). */
  next(): { xs: tf.Tensor[]; labels: Labels } {
    if (this.#position + this.batchSize > this.#count) {
      this.#pass++;
      this.#position = 0;
      this.#order = this.#newOrder();
    }
    const rows = this.#order.subarray(this.#position, this.#position + this.batchSize);
    this.#position += this.batchSize;
    return { xs: gatherRows(this.#xs, rows), labels: takeTargets(this.#targets, rows) };
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
