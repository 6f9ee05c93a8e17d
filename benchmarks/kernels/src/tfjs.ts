/**
 * Three rivals in tfjs operations: `composed` treats non-finite rows, ties and confident rows as our kernels do;
 * `autodiff` is what most users would write, without that care, and `shortest` is the fewest operations possible.
 * TensorFlow comes through @tensorflow/tfjs-node-gpu, which computes on
 * the CPU where its TensorFlow library has no CUDA; WebGPU through Dawn, on a software driver where there is no GPU.
 */
import { quick, type Suite, thorough } from "@lilaw/bench";
import {
  Forecast,
  type KernelPlan,
  kernelCase,
  memoryCopyPlan,
  tensorPlan,
  type Way,
} from "@lilaw/bench/kernels";
import { provideWebGpu } from "@lilaw/testing";
import { useBackend } from "@lilaw/tfjs/node";
import * as tf from "@tensorflow/tfjs-core";
import { operationsAt, shapes } from "./settings.js";

const ways: readonly Way[] = ["kernels", "composed", "autodiff", "shortest"];
const backends = ["tensorflow", "wasm", "cpu", "webgpu"] as const;
type TfjsBackend = (typeof backends)[number];

/** The memory of a WebAssembly module ends at 4 GiB; half of it is for the inputs. */
const wasmBytes = 2 ** 31;

export const tfjs: Suite = {
  name: "tfjs",
  question: "How much faster are the kernels of @lilaw/tfjs than TensorFlow.js operations?",
  async cases(isQuick) {
    const plans = new Map<TfjsBackend, KernelPlan[]>();
    for (const backend of backends) plans.set(backend, await plansOn(backend));
    const forecast = new Forecast();
    // JavaScript takes seconds where the kernels take milliseconds; a longer limit lets them be measured.
    const effort = isQuick ? quick : { ...thorough, callSecondsLimit: 8 };
    return backends.flatMap((backend) =>
      shapes(isQuick).flatMap((shape) =>
        operationsAt(shape, isQuick).map((operation) =>
          kernelCase({
            operation,
            shape,
            labels: { backend },
            plans: plans.get(backend)!,
            baseline: `${backend} kernels`,
            effort,
            forecast,
          }),
        ),
      ),
    );
  },
};

async function plansOn(backend: TfjsBackend): Promise<KernelPlan[]> {
  const bytesLimit = backend === "wasm" ? { bytesLimit: wasmBytes } : {};
  const found = await find(backend);
  const plans = ways.map((way) => tensorPlan({ backend, way, ...found, ...bytesLimit }));
  return backend === "webgpu" ? plans : [...plans, memoryCopyPlan];
}

/** The device that a backend computes on, or the reason why it does not run. */
async function find(backend: TfjsBackend): Promise<{ where: string } | { skipped: string }> {
  try {
    return { where: await load[backend]() };
  } catch (error) {
    return { skipped: (error as Error).message };
  }
}

const load: Record<TfjsBackend, () => Promise<string>> = {
  async tensorflow() {
    await useBackend("tensorflow", ["@tensorflow/tfjs-node-gpu"]);
    const { isUsingGpuDevice, binding } = tf.backend() as unknown as {
      isUsingGpuDevice: boolean;
      binding: { TF_Version: string };
    };
    const device = isUsingGpuDevice ? "GPU" : "CPU";
    return `tfjs-node-gpu on the ${device}, TensorFlow ${binding.TF_Version}`;
  },
  async wasm() {
    await useBackend("wasm");
    return "SIMD, 1 thread";
  },
  async cpu() {
    await useBackend("cpu");
    return "JavaScript";
  },
  async webgpu() {
    const adapter = await provideWebGpu();
    await import("@tensorflow/tfjs-backend-webgpu");
    await tf.setBackend("webgpu");
    await tf.ready();
    return adapter;
  },
};
