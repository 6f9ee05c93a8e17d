import type { LayersModel } from "@tensorflow/tfjs-layers";
import { allLayers, type LayerInternals } from "../internals.js";
import { activation, elu, leakyRelu, prelu, relu, softmax, thresholdedRelu } from "./activations.js";
import { linear, rescaling } from "./linear.js";
import { merges } from "./merge.js";
import { multilinear } from "./multilinear.js";
import { batchNormalization, layerNormalization } from "./normalization.js";
import { globalMaxPooling, maxPooling } from "./pooling.js";
import type { TangentRule } from "./rule.js";

/** The forward-mode derivatives, by the class name of the layer. */
const rules: { readonly [className: string]: TangentRule } = {
  Dense: multilinear("kernel"),
  Conv1D: multilinear("kernel"),
  Conv2D: multilinear("kernel"),
  Conv3D: multilinear("kernel"),
  Conv2DTranspose: multilinear("kernel"),
  DepthwiseConv2D: multilinear("depthwiseKernel"),
  SeparableConv2D: multilinear("depthwiseKernel", "pointwiseKernel"),
  // Masks reach later layers, for which there are no rules with masks.
  Embedding: { ...multilinear("embeddings"), covers: ({ maskZero }) => maskZero !== true },

  Activation: activation,
  ReLU: relu,
  LeakyReLU: leakyRelu,
  ELU: elu,
  PReLU: prelu,
  ThresholdedReLU: thresholdedRelu,
  Softmax: softmax,

  BatchNormalization: batchNormalization,
  LayerNormalization: layerNormalization,

  MaxPooling1D: maxPooling,
  MaxPooling2D: maxPooling,
  GlobalMaxPooling1D: globalMaxPooling,
  GlobalMaxPooling2D: globalMaxPooling,
  AveragePooling1D: linear,
  AveragePooling2D: linear,
  AveragePooling3D: linear,
  GlobalAveragePooling1D: linear,
  GlobalAveragePooling2D: linear,

  ...merges,
  Dropout: linear,
  SpatialDropout1D: linear,
  Flatten: linear,
  Reshape: linear,
  Permute: linear,
  RepeatVector: linear,
  ZeroPadding2D: linear,
  Cropping2D: linear,
  UpSampling2D: linear,
  Rescaling: rescaling,
};

export function ruleOf(layer: LayerInternals): TangentRule | undefined {
  const rule = rules[layer.getClassName()];
  return rule?.covers?.(layer) === false ? undefined : rule;
}

/** The first layer of a model that no rule covers, as `name (ClassName)`. */
export function uncoveredLayer(model: LayersModel): string | undefined {
  const covered = (layer: LayerInternals): boolean =>
    layer.layers === undefined
      ? layer.getClassName() === "InputLayer" || ruleOf(layer) !== undefined
      : // The output of an inner model that returns an input unchanged cannot be told from that input.
        !layer.outputs!.some((output) => layer.inputs!.includes(output));
  const uncovered = allLayers(model).find((layer) => !covered(layer));
  return uncovered && `${uncovered.name} (${uncovered.getClassName()})`;
}
