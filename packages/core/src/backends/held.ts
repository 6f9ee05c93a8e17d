import type * as Native from "@lilaw/native";
import { type ErrorCode, errorCodes, LilawError } from "../errors.js";
import type { NativeModule } from "./native-arrays.js";

/** Disposable objects on the device that a call created. */
export class Held {
  readonly native: NativeModule;
  readonly #things: { dispose(): void }[] = [];

  constructor(native: NativeModule) {
    this.native = native;
  }

  hold<T extends { dispose(): void }>(thing: T): T {
    this.#things.push(thing);
    return thing;
  }

  allocate<D extends Native.DeviceDtype>(dtype: D, length: number): Native.DeviceBuffer<D> {
    return this.hold(this.native.DeviceBuffer.create(dtype, length));
  }

  dispose(): void {
    for (const thing of this.#things) thing.dispose();
  }
}

/** Converts an error of the kernels to a LilawError. */
export function asLilawError(error: unknown): unknown {
  if (error instanceof LilawError || !(error instanceof Error)) return error;
  const { code } = error as { code?: unknown };
  const known = errorCodes.includes(code as ErrorCode);
  return known ? new LilawError(code as ErrorCode, error.message, { cause: error }) : error;
}
