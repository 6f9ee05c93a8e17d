/** The checks of a state read from JSON, for all methods. */
import { expected, LilawError } from "../errors.js";

/** @throws LilawError `INCOMPATIBLE_STATE` unless it is one of this method and version */
export function checkState(state: { method: string; version: number }, method: string): void {
  try {
    if (state?.method === method && state.version === 1) return;
  } catch {
    // An object that cannot be read is not a state.
  }
  throw expected("INCOMPATIBLE_STATE", `a state of method "${method}", version 1`, "state", state);
}

/** Reads a state. Errors about a value in it become errors about the state. */
export function ofState<T>(state: object, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (!(cause instanceof LilawError)) throw cause;
    const error = expected("INCOMPATIBLE_STATE", `whole values (${cause.message})`, "state", state);
    error.cause = cause;
    throw error;
  }
}

/** Refuses a state whose members differ from those that were read. */
export function sameMembers(given: object, read: object): void {
  const names = (object: object) => Object.keys(object).sort().join(", ");
  if (names(given) !== names(read)) {
    throw expected("INCOMPATIBLE_STATE", `the members ${names(read)}`, "state", names(given));
  }
}
