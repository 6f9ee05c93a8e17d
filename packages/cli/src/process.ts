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

/**
 * The command that finishes a run, as it works where this program was started: npm and its like put the command `lilaw`
 * on the path of what they start only.
 */
export function resumeCommand(folder: string): string {
  const lilaw = process.env.npm_config_user_agent ? "npx @lilaw/cli" : "lilaw";
  return `${lilaw} train --resume ${/[^\w@%+=:,./\\-]/.test(folder) ? quoted(folder) : folder}`;
}

/** As one word for a shell. */
function quoted(text: string): string {
  return process.platform === "win32" ? `"${text}"` : `'${text.replaceAll("'", "'\\''")}'`;
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
