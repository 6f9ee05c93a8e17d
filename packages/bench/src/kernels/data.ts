/** The inputs of the operations in a benchmark, and the bytes that the operations have to move. */
import { type LilawParams, Random } from "@lilaw/core";

/**
 * The three operations, and `lilawStep`, the work of LiLAW in a training step: the weighted loss of a training batch with
 * the gradient on its logits, then the meta-gradient of a validation batch of the same shape.
 */
export const operations = ["weightedLoss", "metaGradient", "alignmentWeights", "lilawStep"] as const;
export type Operation = (typeof operations)[number];

export type Shape = readonly [rows: number, classes: number];

export const params: LilawParams = { alpha: 10, beta: 2, delta: 6 };

export interface Batch {
  /** [rows * classes] */
  readonly logits: Float32Array;
  /** [rows] */
  readonly labels: Int32Array;
  readonly rows: number;
  readonly classes: number;
}

export interface KernelData {
  readonly operation: Operation;
  readonly shape: Shape;
  readonly batch: Batch;
  /** For `lilawStep` */
  readonly validation?: Batch;
  /** For `alignmentWeights`, [rows * classes] */
  readonly tangents?: Float32Array;
}

/** Normal numbers are drawn once and repeated; a prime length makes rows differ. */
const tileLength = 999_983;
const tiles = new Map<string, Float32Array>();

/** Logits with standard deviation 3, uniform labels, tangents with standard deviation 1; the same in every run. */
export function kernelData(operation: Operation, shape: Shape): KernelData {
  return {
    operation,
    shape,
    batch: batchOf("training", shape),
    ...(operation === "lilawStep" && { validation: batchOf("validation", shape) }),
    ...(operation === "alignmentWeights" && { tangents: normals("tangents", 1, shape[0] * shape[1]) }),
  };
}

function batchOf(name: string, [rows, classes]: Shape): Batch {
  const random = Random.from(1, "bench", name, "labels");
  return {
    logits: normals(name, 3, rows * classes),
    labels: Int32Array.from({ length: rows }, () => random.int(classes)),
    rows,
    classes,
  };
}

function normals(name: string, deviation: number, length: number): Float32Array {
  const tile = tiles.get(name) ?? newTile(name, deviation);
  tiles.set(name, tile);
  const values = new Float32Array(length);
  for (let at = 0; at < length; at += tileLength) values.set(tile.subarray(0, length - at), at);
  return values;
}

function newTile(name: string, deviation: number): Float32Array {
  const random = Random.from(1, "bench", name);
  return Float32Array.from({ length: tileLength }, () => deviation * random.normal());
}

/** The number of arrays [rows, classes] that an operation has to read or write. */
const passes: Record<Operation, number> = {
  weightedLoss: 2,
  metaGradient: 1,
  alignmentWeights: 2,
  lilawStep: 3,
};

/** The bytes that any implementation has to move: logits and tangents are read once, the gradient is written once. */
export function bytesMoved(operation: Operation, [rows, classes]: Shape): number {
  return passes[operation] * 4 * rows * classes;
}
