import { composed } from "./composed/index.js";
import type { Kernels } from "./contract.js";
import { kernelFallback, runKernel } from "./register.js";

/** The kernels that tfjs runs on the backend in use. */
const registered: Kernels = {
  weightedLoss: (inputs, attributes) => runKernel("weightedLoss", inputs, attributes),
  metaGradient: (inputs, attributes) => runKernel("metaGradient", inputs, attributes),
  alignmentWeights: (inputs, attributes) => runKernel("alignmentWeights", inputs, attributes),
};

/**
 * The operations as kernels, for comparisons: those of the backend in use, and those composed of tfjs operations, which
 * every backend can run. `fallback(backend)` is the reason why a backend does not use its fastest kernels, if so.
 */
export const kernels = { registered, composed, fallback: kernelFallback };
export type { Kernels } from "./contract.js";
