/** How a program of this package ends: stopped, failed or with bad input. */
import { expected, LilawError } from "@lilaw/core";
import { CommanderError } from "commander";
import { exitStatus } from "./exit-status.js";
import { parserError } from "./options.js";
import { fitted } from "./terminal.js";

export const interrupted = exitStatus.stopped;

/**
 * Aborted when work has to stop at its next step: by the first Ctrl-C, SIGTERM or SIGHUP, or because an output cannot be
 * written any more. The second signal ends the process.
 */
export function stopSignal(): AbortSignal {
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      // A second request does not wait for the step: what is on disk is whole at any moment.
      if (stop.signal.aborted) process.exit(exitStatus.stopped);
      stop.abort(new Stopped(exitStatus.stopped));
    });
  }
  for (const name of ["stdout", "stderr"] as const) {
    process[name].on("error", (error: NodeJS.ErrnoException) => {
      const status = lossOf(name, error);
      // Also where all work is done, and its result does not arrive.
      process.exitCode ??= status;
      if (!stop.signal.aborted) stop.abort(new Stopped(status));
    });
  }
  return stop.signal;
}

/** The exit status of a program whose {@link stopSignal} was aborted. */
export function statusOf(stop: AbortSignal): number {
  return stop.reason instanceof Stopped ? stop.reason.status : exitStatus.stopped;
}

class Stopped extends Error {
  readonly status: number;

  constructor(status: number) {
    super("stopped");
    this.status = status;
  }
}

/** A reader that went away, as `head` does, or a terminal that was closed is no error to tell; a full disk is one. */
function lossOf(output: "stdout" | "stderr", { code, message }: NodeJS.ErrnoException): number {
  if (code === "EPIPE" || code === "EIO") return exitStatus.unread;
  if (output === "stdout") {
    fail(expected("NOT_WRITABLE", "an output that can be written", "standard output", message));
  }
  return exitStatus.refused;
}

/** Says on standard error what was thrown, and sets the exit status. */
export function fail(thrown: unknown): void {
  const error = thrown instanceof CommanderError ? parserError(thrown) : thrown;
  if (error === undefined) return;
  if (error instanceof LilawError) {
    // The code goes behind the sentence; what follows it (places tried, commands that help) has lines of its own.
    tell(`error: ${error.message.replace(/$|(?=\n)/, ` (${error.code})`)}`);
    process.exitCode = exitStatus.refused;
    return;
  }
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  const detail = process.env.LILAW_DEBUG ? stack : `${message} (set LILAW_DEBUG=1 for the stack)`;
  tell(`unexpected error: ${detail}`);
  process.exitCode = exitStatus.unexpected;
}

/** Says something on standard error. */
export function tell(text: string): void {
  process.stderr.write(`${fitted(text, process.stderr)}\n`);
}
