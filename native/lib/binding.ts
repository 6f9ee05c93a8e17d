/** The addon as it exports itself. Positions, not names: reading an object would cost more than a small kernel. */

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

export interface CudaInfo {
  /** Why there is no CUDA; absent where there is */
  reason?: string;
  /** Versions as CUDA writes them: 13000 is 13.0 */
  driver?: number;
  runtime?: number;
  devices?: { name: string; computeCapability: string; multiprocessors: number; memoryBytes: number }[];
}

export interface NativeBinding {
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
