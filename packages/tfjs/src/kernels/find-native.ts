/**
 * `@lilaw/native` is optional. It is found at run time, through Node's own `require`, so that browsers and bundlers never
 * see it; and only when it is first asked for.
 */
import type * as Native from "@lilaw/native";

export type NativeModule = typeof Native;

/** `@lilaw/native`, or the reason why it cannot be had. */
export function findNative(): NativeModule | string {
  const { createRequire } = globalThis.process?.getBuiltinModule?.("node:module") ?? {};
  if (!createRequire) return "@lilaw/native needs Node";
  try {
    return createRequire(import.meta.url)("@lilaw/native");
  } catch (error) {
    return `@lilaw/native cannot be loaded (${(error as Error).message.split("\n")[0]})`;
  }
}
