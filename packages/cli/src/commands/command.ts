import type { Command } from "commander";

/**
 * Adds a command to `lilaw`: its name, its options, and the function that runs it, which throws a LilawError for bad input.
 *
 * @param stop aborted when the command should stop at its next step
 */
export type AddCommand = (program: Command, stop: AbortSignal) => void;
