/**
 * `@lilaw/native` is optional. It is loaded at run time, on first use, through Node's own `require`, so that browsers and
 * bundlers never see it. Public types of this package do not import its types.
 */
import type { NativeModule } from "./native-arrays.js";

let found: NativeModule | string | undefined;

/** `@lilaw/native`, or the reason why it is not available. */
export function findNative(): NativeModule | string {
  found ??= importNative();
  return found;
}

function importNative(): NativeModule | string {
  const { createRequire } = globalThis.process?.getBuiltinModule?.("node:module") ?? {};
  if (!createRequire) return "native kernels need Node";
  try {
    return createRequire(import.meta.url)("@lilaw/native");
  } catch (error) {
    return `@lilaw/native cannot be loaded (${(error as Error).message.split("\n")[0]})`;
  }
}
