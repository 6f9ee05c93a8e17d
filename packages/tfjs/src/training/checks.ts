import { expected } from "@lilaw/core";

export function checkCount(name: string, value: number, least: number): number {
  if (!Number.isSafeInteger(value) || value < least) {
    throw expected("INVALID_ARGUMENT", `an integer of at least ${least}`, name, value);
  }
  return value;
}

/** {@link checkCount} of what may be left out. */
export function checkOptionalCount(name: string, value: number | null | undefined, least: number): void {
  if (value != null) checkCount(name, value, least);
}

export function checkFunction(name: string, value: unknown): void {
  if (value !== undefined && !(typeof value === "function" && isCallable(value))) {
    throw expected("INVALID_ARGUMENT", "a function that is called without new", name, value);
  }
}

/** Classes are functions too, but calling one throws. Their `prototype` cannot be replaced, that of functions can. */
function isCallable(value: object): boolean {
  try {
    return Object.getOwnPropertyDescriptor(value, "prototype")?.writable !== false;
  } catch {
    return false; // a revoked proxy
  }
}
