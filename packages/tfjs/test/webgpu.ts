import { existsSync } from "node:fs";
import type { NodeBackend } from "../src/node.js";
import { describeBackend, describeBackends, reasonAgainst } from "./backends.js";

/** The software driver that comes with Chromium. */
const swiftShader = "/usr/lib/chromium/vk_swiftshader_icd.json";

/** WebGPU as a browser has it, by Dawn: on a GPU, or on a Vulkan driver that computes on the CPU. */
async function useWebGpu(): Promise<void> {
  const { create, globals } = await import("webgpu");
  let gpu = create([]);
  if ((await gpu.requestAdapter()) === null && existsSync(swiftShader)) {
    process.env.VK_ADD_DRIVER_FILES ??= swiftShader;
    gpu = create([]);
  }
  if ((await gpu.requestAdapter()) === null) throw new Error("neither a GPU nor a Vulkan driver");
  Object.assign(globalThis, globals);
  const scope = globalThis as { navigator?: object };
  scope.navigator ??= {}; // Node has none before 21
  Object.defineProperty(scope.navigator, "gpu", { value: gpu });
  await import("@tensorflow/tfjs-backend-webgpu");
}

const reasonAgainstWebGpu = await reasonAgainst(useWebGpu);

export function describeWebGpu(title: string, suite: () => void): void {
  describeBackend(title, "webgpu", reasonAgainstWebGpu, suite);
}

/** As `describeBackends`, and on webgpu: for suites that never read a tensor synchronously. */
export function describeAsyncBackends(title: string, suite: (backend: NodeBackend | "webgpu") => void): void {
  describeBackends(title, suite);
  describeWebGpu(title, () => suite("webgpu"));
}
