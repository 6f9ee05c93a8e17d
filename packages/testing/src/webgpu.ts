import { existsSync } from "node:fs";

/** The software driver that comes with Chromium. */
const swiftShader = "/usr/lib/chromium/vk_swiftshader_icd.json";

/**
 * Provides WebGPU under the names that browsers use, by Dawn: on a GPU, or on a Vulkan driver that computes on the
 * CPU.
 *
 * @returns the device that it computes on
 * @throws where there is neither
 */
export async function provideWebGpu(): Promise<string> {
  const { create, globals } = await import("webgpu");
  let gpu = create([]);
  if ((await gpu.requestAdapter()) === null && existsSync(swiftShader)) {
    process.env.VK_ADD_DRIVER_FILES ??= swiftShader;
    gpu = create([]);
  }
  const adapter = await gpu.requestAdapter();
  if (adapter === null) throw new Error("neither a GPU nor a Vulkan driver");
  Object.assign(globalThis, globals);
  const scope = globalThis as { navigator?: object };
  scope.navigator ??= {}; // missing in Node before 21
  Object.defineProperty(scope.navigator, "gpu", { value: gpu });
  return adapter.info.description || adapter.info.device;
}
