/** The addon as it exports itself. Positions, not names: reading an object would cost more than a small kernel. */

type HostArray = Float32Array | Float64Array | Uint8Array | Uint16Array | Int32Array;
type Maybe<T> = T | null | undefined;

type BatchArguments = [
  rows: number,
  classes: number,
  lossKind: number,
  lossParameter: number,
  logits: Float32Array,
  labels: Int32Array | Uint8Array | Float32Array,
];

export type WeightedLossArguments = [
  ...BatchArguments,
  params: Maybe<Float64Array>,
  gradient: number,
  normalize: number,
  sampleWeights: Maybe<Float32Array>,
  losses: Maybe<Float32Array>,
  weights: Maybe<Float32Array>,
  labelProbs: Maybe<Float32Array>,
  maxProbs: Maybe<Float32Array>,
  predictions: Maybe<Int32Array>,
  termAlpha: Maybe<Float32Array>,
  termBeta: Maybe<Float32Array>,
  termDelta: Maybe<Float32Array>,
  gradLogits: Maybe<Float32Array>,
  results: Float64Array,
];

export type MetaGradientArguments = [
  ...BatchArguments,
  params: Float64Array,
  coefficients: Maybe<Float32Array>,
  results: Float64Array,
];

export type AlignmentWeightsArguments = [
  ...BatchArguments,
  tangents: Float32Array,
  alignments: Maybe<Float32Array>,
  weights: Maybe<Float32Array>,
  results: Float64Array,
];

/** What the addon knows a buffer or a stream by. */
export type BufferHandle = { readonly kind: "buffer" };
export type StreamHandle = { readonly kind: "stream" };

type DeviceBatchArguments = [
  rows: number,
  classes: number,
  lossKind: number,
  lossParameter: number,
  logits: BufferHandle,
  labels: BufferHandle,
];
type DeviceMetaArguments = [
  ...DeviceBatchArguments,
  params: BufferHandle,
  coefficients: Maybe<BufferHandle>,
  result: BufferHandle,
];

export interface DeviceBinding {
  /** dtype: its position in float32, float16, bfloat16, float64, int32, uint8 */
  bufferCreate(dtype: number, length: number): BufferHandle;
  bufferSlice(buffer: BufferHandle, begin: number, end: number): BufferHandle;
  bufferUpload(buffer: BufferHandle, source: HostArray, stream: StreamHandle): void;
  bufferDownload(buffer: BufferHandle, out: HostArray, stream: StreamHandle): void;
  bufferDispose(buffer: BufferHandle): void;
  streamCreate(): StreamHandle;
  streamSynchronize(stream: StreamHandle): void;
  streamDispose(stream: StreamHandle): void;
  deviceMemory(): { freeBytes: number; totalBytes: number };
  weightedLossCuda(
    ...args: [
      ...DeviceBatchArguments,
      params: Maybe<BufferHandle>,
      gradient: number,
      normalize: number,
      sampleWeights: Maybe<BufferHandle>,
      losses: Maybe<BufferHandle>,
      weights: Maybe<BufferHandle>,
      labelProbs: Maybe<BufferHandle>,
      maxProbs: Maybe<BufferHandle>,
      predictions: Maybe<BufferHandle>,
      termAlpha: Maybe<BufferHandle>,
      termBeta: Maybe<BufferHandle>,
      termDelta: Maybe<BufferHandle>,
      gradLogits: Maybe<BufferHandle>,
      result: BufferHandle,
      stream: StreamHandle,
    ]
  ): void;
  metaGradientCuda(...args: [...DeviceMetaArguments, stream: StreamHandle]): void;
  metaStepCuda(
    ...args: [
      ...DeviceMetaArguments,
      ...learningRate: [alpha: number, beta: number, delta: number],
      ...weightDecay: [alpha: number, beta: number, delta: number],
      clamp: number,
      stream: StreamHandle,
    ]
  ): void;
  alignmentWeightsCuda(
    ...args: [
      ...DeviceBatchArguments,
      tangents: BufferHandle,
      alignments: Maybe<BufferHandle>,
      weights: Maybe<BufferHandle>,
      result: BufferHandle,
      stream: StreamHandle,
    ]
  ): void;
}

export interface CudaInfo {
  /** Why there is no CUDA; absent where there is */
  reason?: string;
  /** Versions as CUDA writes them: 13000 is 13.0 */
  driver?: number;
  runtime?: number;
  devices?: { name: string; computeCapability: string; multiprocessors: number; memoryBytes: number }[];
}

export interface NativeBinding extends DeviceBinding {
  readonly version: string;
  weightedLoss(...args: WeightedLossArguments): void;
  weightedLossAsync(...args: WeightedLossArguments): Promise<void>;
  metaGradient(...args: MetaGradientArguments): void;
  metaGradientAsync(...args: MetaGradientArguments): Promise<void>;
  alignmentWeights(...args: AlignmentWeightsArguments): void;
  alignmentWeightsAsync(...args: AlignmentWeightsArguments): Promise<void>;
  cpuIsa(): string;
  setCpuIsa(name?: string): void;
  threads(): number;
  setThreads(count: number): void;
  cudaInfo(): CudaInfo;
  /** Registers the operations in the TensorFlow that this process has loaded; "" or the reason why not. */
  registerTensorFlowOps(): string;
}
