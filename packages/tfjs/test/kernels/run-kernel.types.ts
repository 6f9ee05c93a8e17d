/**
 * Calls of kernels that do not compile. Nothing here runs: `npm run check` fails on each call that compiles after all.
 */
import type * as tf from "@tensorflow/tfjs-core";
import { runKernel } from "../../src/kernels/register.js";

declare const logits: tf.Tensor2D;
declare const labels: tf.Tensor1D;
const params = { alpha: 10, beta: 2, delta: 6 };

export const calls = [
  // @ts-expect-error there is no such kernel
  () => runKernel("metaGradients", { logits, labels }, { loss: "binary", params }),
  // @ts-expect-error the labels are missing
  () => runKernel("metaGradient", { logits }, { loss: "binary", params }),
  // @ts-expect-error these are the inputs of another kernel
  () => runKernel("alignmentWeights", { logits, labels, sampleWeights: labels }, { loss: "binary" }),
  // @ts-expect-error there is no such loss
  () => runKernel("metaGradient", { logits, labels }, { loss: "hinge", params }),
  // @ts-expect-error a meta-gradient without scalars means nothing
  () => runKernel("metaGradient", { logits, labels }, { loss: "binary", params: null }),
  // @ts-expect-error there is one output
  () => runKernel("metaGradient", { logits, labels }, { loss: "binary", params })[1].dispose(),
];
