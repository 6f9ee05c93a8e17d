/**
 * One forward pass for a training batch and the validation batch before it. Both are taken at the same weights, and
 * alpha, beta and delta do not enter the pass: where each row's logits depend on that row alone, and not on whether
 * the pass is one of training, a single pass over both gives the same numbers.
 */
import { expected } from "@lilaw/core";
import * as tf from "@tensorflow/tfjs-core";
import type { LayersModel } from "@tensorflow/tfjs-layers";
import { allLayers, type LayerInternals, leafLayers } from "../../model/internals.js";
import { uncoveredLayer } from "../../model/tangents/registry.js";

/** Layers with a tangent rule that couple the rows of a batch, or draw random numbers, in training. */
const modal = ["BatchNormalization", "Dropout", "SpatialDropout1D"];

/**
 * The first layer that keeps a model from sharing passes, or an input whose samples may differ in shape; nothing
 * where rows are known to be independent. Layers without a tangent rule are not known.
 */
export function rowsNotIndependent(model: LayersModel): string | undefined {
  const open = model.inputs.find(({ shape }) => shape.slice(1).includes(null));
  if (open !== undefined) return `input ${open.name} of shape ${JSON.stringify(open.shape)}`;
  const layer = allLayers(model).find((layer) => modal.includes(layer.getClassName()));
  return layer === undefined ? uncoveredLayer(model) : `${layer.name} (${layer.getClassName()})`;
}

/**
 * The most multiply-adds of a validation batch for which one pass costs less than two. It saves the calls of a pass
 * and adds the validation rows to the backward pass: on tensorflow, where calls are dear, that pays for small models; on
 * wasm and cpu it pays nowhere (benchmarks/training/results/shared-forward.csv).
 */
const worthwhile = 4e6;

/**
 * Whether to share, from what the user said. `"auto"` decides by what is known before training, not by the clock: the
 * two forms round differently, and the same training has to give the same bits.
 *
 * @throws LilawError `INVALID_ARGUMENT` for `true` with a model that does not allow it
 */
export function sharesForward(option: boolean | "auto", model: LayersModel, validationRows: number): boolean {
  if (option === false) return false;
  const obstacle = rowsNotIndependent(model);
  if (option === "auto") {
    const pays = tf.getBackend() === "tensorflow" && validationRows * multiplyAdds(model) <= worthwhile;
    return pays && obstacle === undefined;
  }
  if (option !== true) throw expected("INVALID_ARGUMENT", 'true, false or "auto"', "sharedForward", option);
  if (obstacle === undefined) return true;
  throw expected(
    "INVALID_ARGUMENT",
    "layers whose rows are independent in training (for sharedForward)",
    "model",
    obstacle,
  );
}

/** About the multiply-adds of a row: of each layer, for each output, as many as the kernel has for a channel. */
function multiplyAdds(model: LayersModel): number {
  const sizeOf = (shape: readonly (number | null)[]) => shape.reduce<number>((n, d) => n * (d ?? 1), 1);
  const ofLayer = ({ weights, inboundNodes }: LayerInternals): number => {
    const kernels = weights.map((weight) => weight.read().shape).filter((shape) => shape.length > 1);
    const perOutput = kernels.reduce((sum, shape) => sum + sizeOf(shape.slice(0, -1)), 0);
    const outputs = inboundNodes.flatMap((node) => node.outputShapes).map(sizeOf);
    return perOutput * outputs.reduce((sum, size) => sum + size, 0);
  };
  return leafLayers(model).reduce((sum, layer) => sum + ofLayer(layer), 0);
}
