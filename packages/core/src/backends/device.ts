/** The kernels of `@lilaw/native` on arrays of the device. */
import type { DeviceArray } from "../device.js";
import { expected } from "../errors.js";
import { findNative } from "./find-native.js";
import type { NativeModule } from "./native-arrays.js";
import { type BackendChoice, getBackend } from "./select.js";

export function isDeviceArray(value: unknown): value is DeviceArray {
  const native = findNative();
  return typeof native !== "string" && native.isDeviceBuffer(value);
}

/** @throws LilawError `INVALID_ARGUMENT` for a backend that computes elsewhere, `BACKEND_UNAVAILABLE` */
export function deviceKernels(choice: BackendChoice = "auto"): NativeModule {
  if (choice !== "auto" && choice !== "cuda") {
    throw expected("INVALID_ARGUMENT", '"auto" or "cuda" (the arrays are on the device)', "backend", choice);
  }
  getBackend("cuda");
  return findNative() as NativeModule;
}
