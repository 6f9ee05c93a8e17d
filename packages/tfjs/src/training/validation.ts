import { checks, expected, type Labels, Random, stateBytes } from "@lilaw/core";
import type * as tf from "@tensorflow/tfjs-core";
import { checkInputs, checkSamples, type LabelledTensors } from "../model/inputs.js";
import { type Targets, takeTargets } from "../model/targets.js";
import { gatherRows } from "../patches/gather-rows.js";
import { readObserved } from "./loss-and-labels.js";
import type { LogitsContext } from "./weighting.js";

export interface ValidationState {
  pass: number;
  position: number;
}

/**
 * Random validation batches: passes over the samples, each in another seeded order. All batches have the same size; the
 * samples left at the end of a pass that do not fill a batch are dropped.
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

  /**
   * @param given x and y; the caller keeps and disposes them
   * @param batchSize default: the training batch size
   * @throws LilawError `INVALID_ARGUMENT`, `LENGTH_MISMATCH`, `LABEL_OUT_OF_RANGE`, `MODEL_OUTPUT`, `NON_FINITE`
   */
  static async of(
    given: LabelledTensors,
    context: LogitsContext,
    batchSize = context.batchSize,
  ): Promise<ValidationSampler> {
    if (!checks.isObject(given) || !Array.isArray(given) || given.length !== 2) {
      throw expected("INVALID_ARGUMENT", "tensors [x, y]", "validation", given);
    }
    const [x, y] = given as unknown as LabelledTensors;
    const xs = checkInputs(context.model, x, "validation x");
    const count = checkSamples(xs, y, "validation y");
    const targets = await readObserved(y, context, "validation y");
    return new ValidationSampler(xs, targets, count, Math.min(batchSize, count), context.seed);
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

  /** Number and labels of the samples, and the batch size: a state is valid for the same only. */
  settings(): object {
    const { labels } = this.#targets;
    return { samples: this.#count, batchSize: this.batchSize, labels: stateBytes.digest(labels) };
  }

  /** @throws LilawError `INCOMPATIBLE_STATE`; nothing has changed then */
  restore(state: ValidationState): void {
    const { pass, position } = state ?? {};
    const whole = [pass, position].every((x) => Number.isSafeInteger(x) && x >= 0);
    if (!whole || position > this.#count || position % this.batchSize !== 0) {
      throw expected(
        "INCOMPATIBLE_STATE",
        `a place in ${this.#count} samples`,
        "the validation state",
        state,
      );
    }
    this.#pass = pass;
    this.#position = position;
    this.#order = this.#newOrder();
  }

  #newOrder(): Int32Array {
    return Random.from(this.#seed, "validation", this.#pass).permutation(this.#count);
  }
}
