/**
 * To be imported before anything that loads the addon: builds it with the CUDA kernels compiled for the host
 * (test/shim), and has this process load that one.
 */
import { join } from "node:path";
import { nodeIncludes } from "../scripts/build.mjs";
import { build, missing, native } from "./cmake.js";

const folder = join(native, "build", "cuda-shim");
/** scripts/sanitize.mjs brings one, with sanitizers. */
const { LILAW_SHIM_ADDON } = process.env;

export const noShimAddon = !LILAW_SHIM_ADDON && missing.length > 0 ? `missing: ${missing.join(", ")}` : "";

process.env.LILAW_NATIVE_PATH = LILAW_SHIM_ADDON ?? join(folder, "Release", "lilaw.node");
if (!noShimAddon && !LILAW_SHIM_ADDON) {
  const includes = nodeIncludes().join(";");
  build(".", folder, "lilaw_addon", "-DLILAW_CUDA_SHIM=ON", `-DLILAW_NODE_INCLUDE=${includes}`);
}
