/** The addon as it exports itself. */
import type {
  AlignmentWeightsPositions,
  MetaGradientPositions,
  OnHost,
  WeightedLossPositions,
} from "./call.js";

/**
 * Objects that own a resource of the device; the classes are in device.ts. The addon refuses any other object, so these
 * types need no import of the classes, which call the addon.
 */
type DeviceBuffer = object;
type Stream = object;
type Graph = object;

/** Types of the arrays on the device, as the addon takes them. */
interface OnDevice {
  logits: { readonly length: number };
  labels: DeviceBuffer;
  floats: DeviceBuffer;
  integers: DeviceBuffer;
  params: DeviceBuffer;
  doubles: DeviceBuffer;
  bytes: DeviceBuffer;
}

export interface CudaInfo {
  /** Why CUDA is not available; absent if it is */
  reason?: string;
  /** Versions in CUDA's format: 13000 is 13.0 */
  driver?: number;
  runtime?: number;
  devices?: { name: string; computeCapability: string; multiprocessors: number; memoryBytes: number }[];
}

export interface NativeBinding {
  readonly version: string;
  /** JSON: a `Layout` without its losses */
  readonly layout: string;
  readonly layoutHash: string;
  /** JSON: the losses of a `Layout` */
  readonly losses: string;
  weightedLoss(...args: WeightedLossPositions<OnHost>): void;
  weightedLossCuda(...args: [...WeightedLossPositions<OnDevice>, stream: Stream]): void;
  metaGradient(...args: MetaGradientPositions<OnHost>): void;
  metaGradientCuda(...args: [...MetaGradientPositions<OnDevice>, stream: Stream]): void;
  metaStepCuda(
    ...args: [
      ...MetaGradientPositions<OnDevice>,
      ...learningRate: [alpha: number, beta: number, delta: number],
      ...weightDecay: [alpha: number, beta: number, delta: number],
      clamp: number,
      stream: Stream,
    ]
  ): void;
  alignmentWeights(...args: AlignmentWeightsPositions<OnHost>): void;
  alignmentWeightsCuda(...args: [...AlignmentWeightsPositions<OnDevice>, stream: Stream]): void;

  /**
   * Makes `buffer` the owner of device memory. dtype: its position in float32, float16, bfloat16, float64, int32, uint8
   */
  bufferCreate(buffer: object, dtype: number, length: number): void;
  bufferIs(value: unknown): boolean;
  /** Makes `part` a co-owner of the memory of `whole`. */
  bufferSlice(part: object, whole: DeviceBuffer, begin: number, end: number): void;
  bufferUpload(buffer: DeviceBuffer, source: ArrayBufferView, stream: Stream): void;
  bufferDownload(buffer: DeviceBuffer, out: ArrayBufferView, stream: Stream): void;
  bufferDispose(buffer: DeviceBuffer): void;
  /** Makes `stream` the owner of a new stream. */
  streamCreate(stream: object): void;
  streamSynchronize(stream: Stream): void;
  streamDispose(stream: Stream): void;
  streamBeginCapture(stream: Stream): void;
  /** Makes `graph` the owner of the captured work. */
  streamEndCapture(stream: Stream, graph: object): void;
  /** Ends a capture without a graph; does nothing if there is no capture. */
  streamAbandonCapture(stream: Stream): void;
  /** `stream` must be the one that the graph was captured on. */
  graphLaunch(graph: Graph, stream: Stream): void;
  graphDispose(graph: Graph): void;
  deviceMemory(): { freeBytes: number; totalBytes: number };

  cpuIsa(): string;
  setCpuIsa(name?: string): void;
  threads(): number;
  setThreads(count: number): void;
  cudaInfo(): CudaInfo;
  /** Registers the operations in the TensorFlow that this process has loaded; "" or the reason why not. */
  registerTensorFlowOps(): string;
  /**
   * Calls `act`. Meanwhile, lines that contain one of the texts and are written through C's `stderr` are kept off
   * standard error. With the GNU C library only.
   */
  withoutLines<T>(texts: readonly string[], act: () => T): T;
}
