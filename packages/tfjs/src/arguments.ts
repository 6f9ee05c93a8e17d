import { expected } from "@lilaw/core";

export function checkCount(name: string, value: number, least: number): number {
  if (!Number.isSafeInteger(value) || value < least) {
    throw expected("INVALID_ARGUMENT", `an integer of at least ${least}`, name, value);
  }
  return value;
}
