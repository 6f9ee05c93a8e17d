/** How a program of this package ends: stopped, failed or with bad input. */
import { LilawError } from "@lilaw/core";
import { CommanderError } from "commander";
import { parserError } from "./options.js";

const badInput = 2;
export const interrupted = 130;

/** Aborted by the first Ctrl-C or SIGTERM, for work to stop at its next step. The second one ends the process. */
export function stopSignal(): AbortSignal {
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      // A second request does not wait for the step: what is on disk is whole at any moment.
      if (stop.signal.aborted) process.exit(interrupted);
      stop.abort();
    });
  }
  return stop.signal;
}

/** Says on standard error what was thrown, and sets the exit status. */
export function fail(thrown: unknown): void {
  const error = thrown instanceof CommanderError ? parserError(thrown) : thrown;
  if (error === undefined) return;
  if (error instanceof LilawError) {
    // The code goes behind the sentence; what follows it (places tried, commands that help) has lines of its own.
    process.stderr.write(`error: ${error.message.replace(/$|(?=\n)/, ` (${error.code})`)}\n`);
    process.exitCode = badInput;
    return;
  }
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  const detail = process.env.LILAW_DEBUG ? stack : `${message} (set LILAW_DEBUG=1 for the stack)`;
  process.stderr.write(`unexpected error: ${detail}\n`);
  process.exitCode = 1;
}
