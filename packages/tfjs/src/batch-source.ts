import { expected, type Labels, Random } from "@lilaw/core";
import * as tf from "@tensorflow/tfjs-core";
import { gatherRows } from "./gather-rows.js";
import { type Targets, takeTargets } from "./targets.js";

/** What the training step needs of a batch beside the tensors that travel through tfjs. */
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
  /** Batches an epoch; infinite where unknown */
  readonly size: number;
  /** The batch delivered last */
  readonly current: BatchInfo;
  /** True when the epoch's last batch was delivered */
  readonly epochComplete: boolean;
  beginEpoch(epoch: number): void;
  iterator(): Promise<{ next(): Promise<{ value: BatchValue | null; done: boolean }> }>;
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

  constructor(options: TensorBatchOptions) {
    this.#options = options;
    this.size = Math.ceil(options.rows.length / options.batchSize);
  }

  get epochComplete(): boolean {
    return this.#position >= this.#options.rows.length;
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
    return tf.tidy(() => {
      const taken = gatherRows([...xs, y], rows);
      const ys = modelTargets(taken.pop()!);
      return { xs: taken, ys } as unknown as tf.TensorContainer;
    }) as unknown as BatchValue;
  }
}

/** The part of a tf.data dataset that training uses; its elements may carry `sampleWeight` [B]. */
export interface DatasetLike {
  iterator(): Promise<{ next(): Promise<{ value: unknown; done?: boolean }> }>;
  readonly size?: number;
}

export interface DatasetBatchOptions {
  readonly dataset: DatasetLike;
  readonly readTargets: ((y: tf.Tensor) => Promise<Targets>) | undefined;
  readonly modelTargets: (y: tf.Tensor) => tf.Tensor;
}

/** Batches of a tf.data dataset, in the dataset's own order. */
export class DatasetBatches implements BatchSource {
  readonly size: number;
  current: BatchInfo = noBatch;
  epochComplete = false;
  readonly #options: DatasetBatchOptions;

  constructor(options: DatasetBatchOptions) {
    this.#options = options;
    this.size = options.dataset.size ?? Number.POSITIVE_INFINITY;
  }

  beginEpoch(): void {}

  async iterator() {
    const source = await this.#options.dataset.iterator();
    let position = 0;
    this.epochComplete = false;
    return {
      next: async () => {
        const { value, done } = await source.next();
        this.epochComplete = done === true;
        if (value == null) return { value: null, done: true };
        const batch = await this.#deliver(
          value as Partial<BatchValue> & { sampleWeight?: tf.Tensor },
          position,
        );
        position += this.current.rows.length;
        return { value: batch, done: false };
      },
    };
  }

  async #deliver(
    value: Partial<BatchValue> & { sampleWeight?: tf.Tensor },
    position: number,
  ): Promise<BatchValue> {
    const { readTargets, modelTargets } = this.#options;
    const { xs, ys, sampleWeight } = value;
    if (xs === undefined || !(ys instanceof tf.Tensor)) {
      throw expected(
        "INVALID_ARGUMENT",
        "elements { xs, ys } with one tensor ys",
        "dataset",
        Object.keys(value),
      );
    }
    const size = ys.shape[0]!;
    if (sampleWeight !== undefined && sampleWeight.size !== size) {
      throw expected("LENGTH_MISMATCH", `${size}`, "sampleWeight.length", sampleWeight.size);
    }
    this.current = {
      rows: Int32Array.from({ length: size }, (_, i) => position + i),
      labels: (await readTargets?.(ys))?.labels,
      sampleWeights: (await sampleWeight?.data<"float32">())?.slice(),
    };
    sampleWeight?.dispose();
    const targets = modelTargets(ys);
    if (targets !== ys) ys.dispose();
    return { xs, ys: targets };
  }
}
