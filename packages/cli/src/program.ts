import { Command } from "commander";
import type { AddCommand } from "./commands/command.js";

/**
 * The command line of `lilaw`.
 *
 * @param version the version that `lilaw --version` prints
 * @param stop aborted when the command that runs should stop at its next step
 * @returns a program whose `parseAsync` throws a LilawError for every mistake in the arguments
 */
export function createProgram(version: string, commands: readonly AddCommand[], stop: AbortSignal): Command {
  const program = new Command("lilaw")
    .description("Train robust classifiers on labels that are partly wrong")
    .version(version)
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
    .configureHelp({ minWidthToWrap: 20 })
    .action(() => program.outputHelp());
  for (const add of commands) add(program, stop);
  return program;
}
