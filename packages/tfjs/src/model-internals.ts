import type { Optimizer, Scalar, Tensor } from "@tensorflow/tfjs-core";
import type { LayersModel, LayerVariable } from "@tensorflow/tfjs-layers";

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
  optimizer: Optimizer;
}

export interface LayerInternals {
  name: string;
  getClassName(): string;
  activation?: { getClassName(): string; apply(x: Tensor): Tensor };
  softmax?: (x: Tensor) => Tensor;
  layers?: LayerInternals[];
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
}

export function internals(model: LayersModel): ModelInternals {
  return model as unknown as ModelInternals;
}

/** The model that trains: a Sequential hands compile, fit and all the rest to a model it wraps. */
export function trainedModel(model: LayersModel): LayersModel {
  return (model as unknown as { model?: LayersModel }).model ?? model;
}

/** Every layer of a model with what it wraps, in order. */
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
