/**
 * One forward pass for a training batch and the validation batch before it. Both are computed at the same weights, and the
 * pass does not depend on alpha, beta and delta. So a single pass over both gives the same numbers, provided that the logits
 * of a row depend on that row alone and not on the mode, training or inference.
 */
import { expected } from "@lilaw/core";
import * as tf from "@tensorflow/tfjs-core";
import type { LayersModel } from "@tensorflow/tfjs-layers";
import { allLayers, type LayerInternals, leafLayers } from "../../model/internals.js";
import { uncoveredLayer } from "../../model/tangents/registry.js";

/** Layers with a tangent rule that in training couple the rows of a batch or draw random numbers. */
const modal = ["BatchNormalization", "Dropout", "SpatialDropout1D"];

/**
 * The first layer that prevents a model from sharing passes, or an input whose samples may differ in shape; undefined where
 * the rows are known to be independent. Of layers without a tangent rule this is not known.
 */
export function rowsNotIndependent(model: LayersModel): string | undefined {
  const open = model.inputs.find(({ shape }) => shape.slice(1).includes(null));
  if (open !== undefined) return `input ${open.name} of shape ${JSON.stringify(open.shape)}`;
  const layer = allLayers(model).find((layer) => modal.includes(layer.getClassName()));
  return layer === undefined ? uncoveredLayer(model) : `${layer.name} (${layer.getClassName()})`;
}

/**
 * The largest number of multiply-adds of a validation batch for which one pass costs less than two. A shared pass saves the
 * calls of a pass and adds the validation rows to the backward pass. On tensorflow, where calls are expensive, this is
 * faster for small models; on wasm and cpu it never is (benchmarks/training/results/shared-forward.csv).
 */
const worthwhile = 4e6;

/**
 * Whether to share, by the option of the user. `"auto"` decides by the size of the model and not by measured times: the two
 * forms round differently, and the same training must give the same bits.
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

/** The approximate number of multiply-adds of a row: for each output of a layer, the size of its kernel for one channel. */
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
