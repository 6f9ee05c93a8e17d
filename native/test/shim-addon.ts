/**
 * To be imported before @lilaw/native: builds the addon with the CUDA kernels compiled for the host (test/shim), and
 * has this process load that one.
 */
import { join } from "node:path";
import { nodeIncludes } from "../scripts/build.mjs";
import { build, missing, native } from "./cmake.js";

const folder = join(native, "build", "cuda-shim");

export const noShimAddon = missing.length > 0 ? `missing: ${missing.join(", ")}` : "";

process.env.LILAW_NATIVE_PATH = join(folder, "Release", "lilaw.node");
if (!noShimAddon) {
  const includes = nodeIncludes().join(";");
  build(".", folder, "lilaw_addon", "-DLILAW_CUDA_SHIM=ON", `-DLILAW_NODE_INCLUDE=${includes}`);
}
