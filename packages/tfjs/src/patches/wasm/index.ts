import * as tf from "@tensorflow/tfjs-core";
import { conv2dBackpropFilter } from "./conv2d-backprop-filter.js";
import { withExplicitPadding } from "./explicit-padding.js";
import { avgPoolGrad, maxPoolGrad } from "./pooling-gradients.js";

/** Replacements for kernels of tfjs's wasm backend that are wrong. */
const replacements: [kernelName: string, mended: (own: tf.KernelConfig) => tf.KernelConfig][] = [
  [tf.Conv2D, (own) => withExplicitPadding(own, false)],
  [tf.FusedConv2D, (own) => withExplicitPadding(own, false)],
  [tf.DepthwiseConv2dNative, (own) => withExplicitPadding(own, true)],
  [tf.FusedDepthwiseConv2D, (own) => withExplicitPadding(own, true)],
  [tf.MaxPoolGrad, () => maxPoolGrad],
  [tf.AvgPoolGrad, () => avgPoolGrad],
];

const ours = new WeakSet<tf.KernelConfig>();

/**
 * Gives tfjs's wasm backend the kernel that it lacks for training convolutions, and mends those that are wrong. They
 * stay until the program ends.
 */
export function mendWasm(): void {
  // A later tfjs may bring a filter gradient, in C++.
  if (tf.getKernel(tf.Conv2DBackpropFilter, "wasm") === undefined) tf.registerKernel(conv2dBackpropFilter);
  for (const [kernelName, mended] of replacements) {
    const own = tf.getKernel(kernelName, "wasm");
    if (own === undefined || ours.has(own)) continue;
    const config = mended(own);
    tf.unregisterKernel(kernelName, "wasm"); // tfjs warns of a second registration
    tf.registerKernel(config);
    ours.add(config);
  }
}
