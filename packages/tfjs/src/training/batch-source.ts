import { expected, type Labels, Random, stateBytes } from "@lilaw/core";
import * as tf from "@tensorflow/tfjs-core";
import { checkSamples } from "../model/inputs.js";
import { type Targets, takeTargets } from "../model/targets.js";
import { gatherRows } from "../patches/gather-rows.js";
import { readWeights, timesWeights } from "./sample-weights.js";

/** The values of a batch that the training step needs beside the tensors, which pass through tfjs. */
export interface BatchInfo {
  readonly rows: Int32Array;
  readonly labels: Labels | undefined;
  readonly sampleWeights: Float32Array | undefined;
}

interface BatchValue {
  xs: tf.TensorContainer;
  ys: tf.Tensor;
}

/** Batches in the shape of a tf.data dataset, for `model.fitDataset`. */
export interface BatchSource {
  /** Number of batches in an epoch; Infinity where unknown */
  readonly size: number;
  /** The batch delivered last */
  readonly current: BatchInfo;
  /** True when the epoch's last batch was delivered */
  readonly epochComplete: boolean;
  /** The settings that must be the same for a training to resume with these batches, as JSON */
  settings(): unknown;
  beginEpoch(epoch: number): void;
  iterator(): Promise<{ next(): Promise<{ value: BatchValue | null; done: boolean }> }>;
  /** Disposes the batch delivered last, unless it is disposed already */
  dispose(): void;
}

const noBatch: BatchInfo = { rows: new Int32Array(0), labels: undefined, sampleWeights: undefined };

export interface TensorBatchOptions {
  readonly xs: tf.Tensor[];
  readonly y: tf.Tensor;
  readonly targets: Targets | undefined;
  /** Samples to train on, as indices into xs */
  readonly rows: Int32Array;
  readonly sampleWeights: Float32Array | undefined;
  readonly batchSize: number;
  readonly shuffle: boolean;
  readonly seed: number;
  /** Turns a batch of y into what the model's own loss and metrics take */
  readonly modelTargets: (y: tf.Tensor) => tf.Tensor;
}

/** Batches of tensors in memory; the order of an epoch depends on the seed and the epoch only. */
export class TensorBatches implements BatchSource {
  readonly size: number;
  current: BatchInfo = noBatch;
  readonly #options: TensorBatchOptions;
  #epoch = 0;
  #position = 0;
  #delivered: BatchValue | undefined;

  constructor(options: TensorBatchOptions) {
    this.#options = options;
    this.size = Math.ceil(options.rows.length / options.batchSize);
  }

  get epochComplete(): boolean {
    return this.#position >= this.#options.rows.length;
  }

  async settings(): Promise<object> {
    const { y, rows, batchSize, shuffle } = this.#options;
    return {
      samples: rows.length,
      batchSize,
      shuffle,
      labels: stateBytes.digest(rows, await y.data<"float32">()),
    };
  }

  beginEpoch(epoch: number): void {
    this.#epoch = epoch;
  }

  async iterator() {
    const { rows, shuffle, seed, batchSize } = this.#options;
    const order = shuffle ? Random.from(seed, "shuffle", this.#epoch).shuffle(rows.slice()) : rows;
    this.#position = 0;
    return {
      next: async () => {
        if (this.epochComplete) return { value: null, done: true };
        const batch = order.subarray(this.#position, this.#position + batchSize);
        this.#position += batch.length;
        return { value: this.#deliver(batch), done: false };
      },
    };
  }

  #deliver(rows: Int32Array): BatchValue {
    const { xs, y, targets, sampleWeights, modelTargets } = this.#options;
    this.current = {
      rows,
      labels: targets && takeTargets(targets, rows),
      sampleWeights: sampleWeights && Float32Array.from(rows, (row) => sampleWeights[row]!),
    };
    this.#delivered = tf.tidy(() => {
      const taken = gatherRows([...xs, y], rows);
      const ys = modelTargets(taken.pop()!);
      return { xs: taken, ys } as unknown as tf.TensorContainer;
    }) as unknown as BatchValue;
    return this.#delivered;
  }

  dispose(): void {
    tf.dispose(this.#delivered as unknown as tf.TensorContainer);
  }
}

/** The part of a tf.data dataset that training uses; its elements may carry `sampleWeight` [B]. */
export interface DatasetLike {
  iterator(): Promise<{ next(): Promise<{ value: unknown; done?: boolean }> }>;
  readonly size?: number;
}

export interface DatasetBatchOptions {
  readonly dataset: DatasetLike;
  /** The tensors of the features, one for each input of the model */
  readonly readInputs: (x: unknown) => tf.Tensor[];
  readonly readTargets: (y: tf.Tensor) => Promise<Targets | undefined>;
  readonly modelTargets: (y: tf.Tensor) => tf.Tensor;
  readonly classWeights: ((y: tf.Tensor) => Promise<Float32Array>) | undefined;
  readonly epochs: number;
  /** Where given, all epochs use one iterator */
  readonly batchesPerEpoch: number | undefined;
}

type DatasetIterator = Awaited<ReturnType<DatasetLike["iterator"]>>;

type Element = Partial<BatchValue> & { sampleWeight?: tf.Tensor };

/** A batch without its position in the epoch. */
interface PreparedBatch {
  readonly value: BatchValue;
  readonly size: number;
  readonly info: Omit<BatchInfo, "rows">;
}

/** The answer of a dataset: a batch, if there is one, and whether it was the last. */
interface Answer {
  readonly batch: PreparedBatch | null;
  readonly done: boolean;
}

/**
 * Batches of a tf.data dataset, in the order of the dataset. Each is requested before the step on the batch before it, so that
 * the work of the dataset (files, decoding, a network) goes on during that step.
 */
export class DatasetBatches implements BatchSource {
  readonly size: number;
  current: BatchInfo = noBatch;
  epochComplete = false;
  readonly #options: DatasetBatchOptions;
  #ahead: Promise<Answer> | undefined;
  #epoch = 0;
  #count = 0;
  #delivered: BatchValue | undefined;

  constructor(options: DatasetBatchOptions) {
    this.#options = options;
    this.size = options.dataset.size ?? Number.POSITIVE_INFINITY;
  }

  beginEpoch(epoch: number): void {
    this.#epoch = epoch;
    this.#count = 0;
  }

  settings(): object {
    return { batchesPerEpoch: this.#options.batchesPerEpoch ?? null };
  }

  dispose(): void {
    tf.dispose(this.#delivered as unknown as tf.TensorContainer);
  }

  async iterator() {
    await this.close(); // a callback may have ended the epoch before early
    const source = await this.#options.dataset.iterator();
    let position = 0;
    this.epochComplete = false;
    return {
      next: async () => {
        const asked = this.#ahead ?? this.#ask(source);
        this.#ahead = undefined;
        const { batch, done } = await asked;
        this.epochComplete = done;
        if (batch === null) return { value: null, done: true };
        const { value, size, info } = batch;
        this.current = { rows: Int32Array.from({ length: size }, (_, i) => position + i), ...info };
        position += size;
        this.#count++;
        this.#delivered = value;
        if (!done && !this.#wasLast) this.#askAhead(source);
        return { value, done: false };
      },
    };
  }

  /** Waits for the batch that was requested and not taken, as when training stops early, and disposes it. */
  async close(): Promise<void> {
    const asked = this.#ahead;
    this.#ahead = undefined;
    const answer = await asked?.catch(() => undefined);
    tf.dispose(answer?.batch?.value as unknown as tf.TensorContainer);
  }

  /** Whether training takes no batch after the one delivered, though the dataset may have more. */
  get #wasLast(): boolean {
    const { epochs, batchesPerEpoch } = this.#options;
    return this.#epoch === epochs - 1 && this.#count === batchesPerEpoch;
  }

  #askAhead(source: DatasetIterator): void {
    this.#ahead = this.#ask(source);
    this.#ahead.catch(() => {}); // the error is thrown where the batch is taken
  }

  async #ask(source: DatasetIterator): Promise<Answer> {
    const { value, done = false } = await source.next();
    if (value == null) return { batch: null, done };
    try {
      return { batch: await this.#prepare(value), done };
    } catch (error) {
      tf.dispose(value as tf.TensorContainer);
      throw error;
    }
  }

  async #prepare(element: Element): Promise<PreparedBatch> {
    const { readInputs, readTargets, modelTargets, classWeights } = this.#options;
    const { xs, ys, sampleWeight } = element;
    if (xs == null || !(ys instanceof tf.Tensor)) {
      throw expected(
        "INVALID_ARGUMENT",
        "elements { xs, ys } with one tensor ys",
        "dataset",
        Object.keys(element),
      );
    }
    const inputs = readInputs(xs);
    const size = checkSamples(inputs, ys, "ys");
    const given = sampleWeight && (await readWeights("sampleWeight", sampleWeight, size));
    const factors = await classWeights?.(ys);
    const info = {
      labels: (await readTargets(ys))?.labels,
      sampleWeights: timesWeights(factors, given),
    };
    sampleWeight?.dispose();
    const targets = modelTargets(ys);
    if (targets !== ys) ys.dispose();
    return { value: { xs: inputs as unknown as tf.TensorContainer, ys: targets }, size, info };
  }
}
