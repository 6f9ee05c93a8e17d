/** Programs that tests run, and what CMake builds for them. */
import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

export const native = fileURLToPath(new URL("..", import.meta.url));

// Sanitizers that are loaded into Node (scripts/sanitize.mjs) are not for other programs.
const { LD_PRELOAD: _, ...ownEnv } = process.env;

export function run(program: string, args: readonly string[], env: Record<string, string> = {}) {
  return spawnSync(program, args, { encoding: "utf8", cwd: native, env: { ...ownEnv, ...env } });
}

export const outputOf = ({ stdout, stderr, error }: SpawnSyncReturns<string>) =>
  `${stdout}${stderr}${error ?? ""}`;

/** Tools for a build that this machine lacks. */
export const missing = ["cmake", "c++"].filter((program) => run(program, ["--version"]).status !== 0);

/** Builds a target of the project in `source`; throws what was printed if that fails. */
export function build(source: string, folder: string, target: string, ...options: string[]): void {
  const steps = [
    ["-S", source, "-B", folder, ...options],
    ["--build", folder, "--parallel", "2", "--target", target],
  ];
  for (const args of steps) {
    const step = run("cmake", args);
    if (step.status !== 0) throw new Error(outputOf(step));
  }
}
