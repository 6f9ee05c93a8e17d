/**
 * The operations as WGSL programs of tfjs-backend-webgpu: logits stay on the device, nothing waits for the host. An
 * operation is one program, dispatched once: workgroups reduce rows, and the one that comes last sums over the batch. All
 * sums are taken in a fixed order: same input, same device, same bits.
 *
 * This is for the losses on a softmax: cross-entropy, focal loss and label smoothing. The others (binary, multi-label,
 * regression) are composed of tfjs operations.
 */
import * as tf from "@tensorflow/tfjs-core";
import { composed } from "../composed/index.js";
import type { Kernels } from "../contract.js";
import { alignmentWeights } from "./alignment-weights.js";
import { metaGradient } from "./meta-gradient.js";
import { softmaxLoss } from "./rows.js";
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
    return metaGradient(inputs, attributes, loss);
  },

  alignmentWeights(inputs, attributes) {
    const loss = softmaxLoss(attributes.loss);
    if (loss === undefined) return composed.alignmentWeights(inputs, attributes);
    return alignmentWeights(inputs, loss);
  },
};
