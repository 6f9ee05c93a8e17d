import { LilawError } from "@lilaw/core";

/** An error of a library whose message calls things as the command line does; any other error as it is. */
export function rephrased(error: unknown, rephrase: (message: string) => string): unknown {
  if (!(error instanceof LilawError)) return error;
  return new LilawError(error.code, rephrase(error.message), { cause: error });
}
