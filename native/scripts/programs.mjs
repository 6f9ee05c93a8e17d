/** Functions shared by the scripts for tests of the native code. */
import { spawnSync } from "node:child_process";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

export const native = dirname(dirname(fileURLToPath(import.meta.url)));

/** The first of these programs that can be run, or undefined. */
export const findProgram = (...names) =>
  names.filter(Boolean).find((name) => spawnSync(name, ["--version"]).status === 0);

/** Runs a program with its output shown; ends this one with its status if it fails. */
export function run(program, args, options = {}) {
  const { status, signal, error } = spawnSync(program, args, { cwd: native, stdio: "inherit", ...options });
  if (error) throw error;
  if (status !== 0) {
    console.error(`${program} ended with ${signal ?? `status ${status}`}`);
    process.exit(status ?? 1);
  }
}

/** Ends this program, since something that it needs is missing. */
export function giveUp(reason) {
  console.error(reason);
  process.exit(1);
}
