/**
 * The operations as WGSL programs of tfjs-backend-webgpu: logits stay on the device, nothing waits for the host. An
 * operation is one program, dispatched once: workgroups reduce rows, and the one that comes last sums over the batch. All
 * sums are taken in a fixed order: same input, same device, same bits.
 *
 * This is for the losses on a softmax. The others (binary, multi-label, regression), and all with a transition matrix, are
 * composed of tfjs operations.
 */
import { losses } from "@lilaw/core";
import * as tf from "@tensorflow/tfjs-core";
import { composed } from "../composed/index.js";
import type { AlignmentWeightsAttributes, Kernels } from "../contract.js";
import { alignmentWeights } from "./alignment-weights.js";
import { metaGradient } from "./meta-gradient.js";
import { weightedLoss } from "./weighted-loss.js";

/** Whether the programs know the loss. With a transition matrix they would have more bindings than every device offers. */
const isProgrammed = ({ loss, transition }: AlignmentWeightsAttributes): boolean =>
  losses.labelTypeOf(loss) === "class" && transition == null;

export const onWebGpu: Kernels = {
  weightedLoss(inputs, attributes) {
    if (!isProgrammed(attributes)) return composed.weightedLoss(inputs, attributes);
    return tf.tidy(() => weightedLoss(inputs, attributes, attributes.loss));
  },

  metaGradient(inputs, attributes) {
    if (!isProgrammed(attributes)) return composed.metaGradient(inputs, attributes);
    return metaGradient(inputs, attributes, attributes.loss);
  },

  alignmentWeights(inputs, attributes) {
    if (!isProgrammed(attributes)) return composed.alignmentWeights(inputs, attributes);
    return alignmentWeights(inputs, attributes.loss);
  },
};
