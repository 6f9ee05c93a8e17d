/** The ways in which a program ends early: stopped, failed, or refused because of bad input. */
import { expected, LilawError } from "@lilaw/core";
import { CommanderError } from "commander";
import { exitStatus } from "./exit-status.js";
import { fitted } from "./terminal.js";

/**
 * Listens to the process and returns a signal that is aborted when work should stop at its next step: by the first
 * Ctrl-C, SIGTERM or SIGHUP, or because an output can no longer be written. A second Ctrl-C, SIGTERM or SIGHUP ends the
 * process at once. Call it once, at the start of the program.
 */
export function stopSignal(): AbortSignal {
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      // The second one does not wait for the step to end: files are replaced as a whole, so none is half written.
      if (stop.signal.aborted) process.exit(exitStatus.stopped);
      stop.abort(new Stopped(exitStatus.stopped));
    });
  }
  for (const name of ["stdout", "stderr"] as const) {
    process[name].on("error", (error: NodeJS.ErrnoException) => {
      const status = lossOf(name, error);
      // The status is set here too, for the case that the work is done and only its result cannot be written.
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

/** Reports a full disk as an error. A reader that has ended, such as `head`, or a closed terminal is not reported. */
function lossOf(output: "stdout" | "stderr", { code, message }: NodeJS.ErrnoException): number {
  if (code === "EPIPE" || code === "EIO") return exitStatus.unread;
  if (output === "stdout") {
    fail(expected("NOT_WRITABLE", "an output that can be written", "standard output", message));
  }
  return exitStatus.refused;
}

/**
 * Writes an error to standard error and sets the exit status. `--help` and `--version` of commander, which are thrown
 * too, end with status 0.
 */
export function fail(thrown: unknown): void {
  const error = thrown instanceof CommanderError ? parserError(thrown) : thrown;
  if (error === undefined) return;
  if (error instanceof LilawError) {
    // The code goes behind the first line; further lines list places that were tried or commands that help.
    tell(`error: ${error.message.replace(/$|(?=\n)/, ` (${error.code})`)}`);
    process.exitCode = exitStatus.refused;
    return;
  }
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  const detail = process.env.LILAW_DEBUG ? stack : `${message} (set LILAW_DEBUG=1 for the stack)`;
  tell(`unexpected error: ${detail}`);
  process.exitCode = exitStatus.unexpected;
}

/** The error for arguments that commander refuses, in the form of all other errors; undefined for `--help` and `--version`. */
export function parserError(error: CommanderError): Error | undefined {
  if (error.exitCode === 0) return undefined;
  const what = error.message.replace(/^error: /, "").replaceAll(/\s+/g, " ");
  return expected("INVALID_ARGUMENT", "what --help lists", "the arguments", what);
}

/** Writes a line to standard error, broken between words where it is wider than the terminal. */
export function tell(text: string): void {
  process.stderr.write(`${fitted(text, process.stderr)}\n`);
}
