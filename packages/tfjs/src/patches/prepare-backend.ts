import { expected } from "@lilaw/core";
import * as tf from "@tensorflow/tfjs-core";
import { mendWasm } from "./wasm/index.js";

/**
 * Registers kernels that training needs and that the backend in use lacks or computes wrongly.
 *
 * @throws LilawError `BACKEND_UNAVAILABLE` for webgl on a device that has no textures of 32-bit floats: class indices
 *   above 2048 and steps of LiLAW's scalars would be lost in 16 bits
 */
export function prepareBackend(): void {
  const backend = tf.getBackend();
  if (backend === "wasm") mendWasm();
  if (backend === "webgl" && !tf.env().getBool("WEBGL_RENDER_FLOAT32_ENABLED")) {
    throw expected("BACKEND_UNAVAILABLE", "32-bit floats", "the tfjs backend", "webgl with 16-bit floats");
  }
}
