import { expected } from "@lilaw/core";
import * as tf from "@tensorflow/tfjs-core";
import { prepareBackend } from "../patches/prepare-backend.js";
import { composed } from "./composed/index.js";
import { type Kernels, kernelNames } from "./contract.js";
import { checkingInputs } from "./device-inputs.js";
import { findNative } from "./find-native.js";
import { onHost } from "./on-host.js";
import { onTensorFlow } from "./on-tensorflow.js";
import { onWebGpu } from "./webgpu/index.js";

const synchronous = new Set(["tensorflow", "cpu", "wasm"]);

/** Why a backend does not use its fastest kernels, for tests and reports. */
const fallbacks = new Map<string, string>();

/**
 * The kernels of a backend: native ops on TensorFlow's memory where they can be registered, WGSL on WebGPU, host arrays
 * where tensors can be read synchronously, tfjs operations elsewhere.
 */
function kernelsFor(backend: string): Kernels {
  if (backend === "tensorflow") {
    const native = findNative();
    const reason = typeof native === "string" ? native : native.registerTensorFlowOps();
    if (typeof native !== "string" && reason === undefined) return onTensorFlow(native);
    fallbacks.set(backend, reason!);
    // A warning only where the native package has its addon: its user expects faster steps.
    if (typeof native !== "string" && native.load().binding !== null) {
      console.warn(`lilaw: no native TensorFlow ops: ${reason}`);
    }
    return onHost;
  }
  if (synchronous.has(backend)) return onHost;
  return checkingInputs(backend === "webgpu" ? onWebGpu : composed);
}

/** Whether tensors of the backend in use can be read synchronously at little cost. */
export function readsSynchronously(): boolean {
  return synchronous.has(tf.getBackend());
}

/**
 * Refuses a function that reads tensors synchronously where that is impossible: webgpu may return zeros without an error.
 *
 * @throws LilawError `BACKEND_UNAVAILABLE` on webgpu
 */
export function requireSynchronousReads(reader: string): void {
  if (tf.getBackend() !== "webgpu") return;
  throw expected("BACKEND_UNAVAILABLE", "a tfjs backend that reads tensors synchronously", reader, "webgpu");
}

const registered = new Set<string>();

/** Registers the kernels of a backend with tfjs. Where several copies of this package are loaded, the first one does. */
function registerKernels(backend: string): void {
  prepareBackend();
  registered.add(backend);
  if (tf.getKernel(kernelNames.weightedLoss, backend) !== undefined) return;
  const kernels = kernelsFor(backend);
  for (const kernel of Object.keys(kernelNames) as (keyof Kernels)[]) {
    const run: (inputs: never, attributes: never) => tf.Tensor[] = kernels[kernel];
    tf.registerKernel({
      kernelName: kernelNames[kernel],
      backendName: backend,
      kernelFunc: ({ inputs, attrs }) => run(inputs as never, attrs as never),
    });
  }
  if (tf.getGradient(kernelNames.weightedLoss) === undefined) tf.registerGradient(weightedLossGradient);
}

/** The gradient on the logits times dy, the gradient on the objective. Where dy is 1 a pass over [B, C] is saved. */
export function scaledGradient(gradLogits: tf.Tensor, dy: tf.Tensor): tf.Tensor {
  const isOne = readsSynchronously() && dy.dataSync()[0] === 1;
  return isOne ? gradLogits.clone() : tf.mul(gradLogits, dy);
}

/** The gradient of the objective on the logits, for direct calls of the kernel. The other kernels have no gradient. */
const weightedLossGradient: tf.GradConfig = {
  kernelName: kernelNames.weightedLoss,
  outputsToSave: [false, true],
  gradFunc: (dys, saved) => ({ logits: () => scaledGradient(saved[0]!, (dys as tf.Tensor[])[0]!) }),
};

/** Runs a kernel on the backend in use. tfjs passes inputs, attributes and outputs on untyped: their types end here. */
export function runKernel<K extends keyof Kernels>(
  kernel: K,
  inputs: Parameters<Kernels[K]>[0],
  attributes: Parameters<Kernels[K]>[1],
): ReturnType<Kernels[K]> {
  const backend = tf.getBackend();
  if (!registered.has(backend)) registerKernels(backend);
  const [tensors, values] = [inputs as object as tf.NamedTensorMap, attributes as object as tf.NamedAttrMap];
  return tf.engine().runKernel(kernelNames[kernel], tensors, values) as object as ReturnType<Kernels[K]>;
}

/** The reason why a backend does not use its fastest kernels (native TensorFlow ops that could not be registered), if so. */
export function kernelFallback(backend: string): string | undefined {
  return fallbacks.get(backend);
}
