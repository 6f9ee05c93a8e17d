import type { Optimizer, Scalar, Tensor, Tensor4D, Variable } from "@tensorflow/tfjs-core";
import { type LayersModel, type LayerVariable, layers } from "@tensorflow/tfjs-layers";

/**
 * The members of a LayersModel that its types hide and training needs. All of them exist in tfjs-layers 4.x; this
 * is the one place that relies on them.
 */
export interface ModelInternals {
  makeTrainFunction(): (data: Tensor[]) => Scalar[];
  collectedTrainableWeights: LayerVariable[];
  lossFunctions: ((yTrue: Tensor, yPred: Tensor) => Tensor)[];
  metricsTensors: [(yTrue: Tensor, yPred: Tensor) => Tensor, number][];
  outputLayers: LayerInternals[];
  stopTraining_: boolean;
  isTraining: boolean;
  metricsNames: string[];
  optimizer: Optimizer;
}

export interface ActivationInternals {
  getClassName(): string;
  apply(x: Tensor): Tensor;
}

/** A layer's handle on one of its weights. */
export interface WeightRef {
  read(): Tensor;
}

/** The weights of the layers that are linear in them. */
export type WeightName = "kernel" | "depthwiseKernel" | "pointwiseKernel" | "embeddings";

export interface LayerInternals extends Partial<Record<WeightName, WeightRef | null>> {
  name: string;
  weights: WeightRef[];
  trainableWeights: WeightRef[];
  /** One for each call in a model */
  inboundNodes: { outputShapes: (number | null)[][] }[];
  getClassName(): string;
  apply(inputs: Tensor | Tensor[], kwargs?: object): Tensor | Tensor[];
  call(inputs: Tensor | Tensor[], kwargs: object): Tensor | Tensor[];
  activation?: ActivationInternals | null;
  softmax?: (x: Tensor) => Tensor;
  layers?: LayerInternals[];
  /** Of models: symbolic tensors */
  inputs?: object[];
  outputs?: object[];
  /** Wrapped layers: TimeDistributed, Bidirectional */
  layer?: LayerInternals;
  forwardLayer?: LayerInternals;
  backwardLayer?: LayerInternals;
  /** Recurrent cells */
  cell?: LayerInternals;
  cells?: LayerInternals[];
  outputLayers?: LayerInternals[];
  rate?: number;
  seed?: number | undefined;
  dropout?: number;
  recurrentDropout?: number;
  dropoutFunc?: ((x: Tensor, rate: number) => Tensor) | undefined;
  bias?: WeightRef | null;
  useBias?: boolean;
  maskZero?: boolean;
  /** Activation layers; PReLU's alpha is a weight */
  alpha?: number | WeightRef;
  theta?: number;
  maxValue?: number | null;
  /** Normalisation and softmax */
  axis?: number | number[];
  epsilon?: number;
  gamma?: WeightRef | null;
  beta?: WeightRef | null;
  movingMean?: WeightRef;
  movingVariance?: WeightRef;
  /** Dot */
  normalize?: boolean;
  /** Rescaling: a number; normalisation: whether there is a gamma */
  scale?: number | boolean;
  dataFormat?: string;
  poolingFunction?: (
    x: Tensor4D,
    size: [number, number],
    strides: [number, number],
    padding: string,
    dataFormat: string,
  ) => Tensor;
}

/** Whether a model was disposed, which tfjs does not tell. */
export const isDisposed = (model: LayersModel): boolean =>
  model.weights.some((weight) => (weight as unknown as { val: Tensor }).val.isDisposed);

export function internals(model: LayersModel): ModelInternals {
  return model as unknown as ModelInternals;
}

/** The model that trains: a Sequential delegates compile, fit and everything else to a model inside it. */
export function trainedModel(model: LayersModel): LayersModel {
  return (model as unknown as { model?: LayersModel }).model ?? model;
}

/** The optimizer's variables. */
export function trainableVariables(model: LayersModel): Variable[] {
  return internals(model).collectedTrainableWeights.map((weight) => weight.read() as Variable);
}

/** Every layer of a model, followed by the layers inside it. */
export function allLayers(model: LayersModel): LayerInternals[] {
  const found: LayerInternals[] = [];
  const visit = (layer: LayerInternals | undefined): void => {
    if (layer === undefined || found.includes(layer)) return;
    found.push(layer);
    for (const inner of [
      ...(layer.layers ?? []),
      ...(layer.cells ?? []),
      layer.layer,
      layer.forwardLayer,
      layer.backwardLayer,
      layer.cell,
    ]) {
      visit(inner);
    }
  };
  for (const layer of model.layers) visit(layer as unknown as LayerInternals);
  return found;
}

/** The layers of a model that compute, those of models inside it included. */
export function leafLayers(model: LayersModel): LayerInternals[] {
  const inside = (layer: LayerInternals): LayerInternals[] =>
    layer.layers === undefined ? [layer] : layer.layers.flatMap(inside);
  return [...new Set(inside(model as unknown as LayerInternals))];
}

let linear: ActivationInternals | undefined;

/** tfjs exports no activation classes, so this one comes from a layer. */
export function linearActivation(): ActivationInternals {
  linear ??= (layers.activation({ activation: "linear" }) as unknown as LayerInternals).activation!;
  return linear;
}
