/**
 * The operations as WGSL programs of tfjs-backend-webgpu: logits stay on the device, nothing waits for the host. A
 * program of tfjs has one output, so an operation is one program that reduces every row in a workgroup and one for
 * each output. All sums are taken in a fixed order: same input, same device, same bits.
 *
 * This is for the losses on a softmax: cross-entropy, focal loss and label smoothing. The others (binary, multi-label,
 * regression) are composed of tfjs operations.
 */
import * as tf from "@tensorflow/tfjs-core";
import { composed } from "../composed/index.js";
import type { Kernels } from "../contract.js";
import { alignmentWeights } from "./alignment-weights.js";
import { metaGradient } from "./meta-gradient.js";
import { softmaxLoss } from "./row-stats.js";
import { weightedLoss } from "./weighted-loss.js";

export const onWebGpu: Kernels = {
  weightedLoss(inputs, attributes) {
    const loss = softmaxLoss(attributes.loss);
    if (loss === undefined) return composed.weightedLoss(inputs, attributes);
    return tf.tidy(() => weightedLoss(inputs, attributes, loss));
  },

  metaGradient(inputs, attributes) {
    const loss = softmaxLoss(attributes.loss);
    if (loss === undefined) return composed.metaGradient(inputs, attributes);
    return tf.tidy(() => metaGradient(inputs, attributes, loss));
  },

  alignmentWeights(inputs, attributes) {
    const loss = softmaxLoss(attributes.loss);
    if (loss === undefined) return composed.alignmentWeights(inputs, attributes);
    return tf.tidy(() => alignmentWeights(inputs, loss));
  },
};
