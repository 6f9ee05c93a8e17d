/** Functions that the scripts of this folder share: to find programs, and to run and report steps. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

const windows = process.platform === "win32";

/** The path of the first of these programs that PATH holds, or undefined. Absolute paths are returned unchanged. */
export function findProgram(...names) {
  const folders = (process.env.PATH ?? "").split(delimiter);
  const suffixes = windows ? [".exe", ".cmd", ""] : [""];
  for (const name of names.filter(Boolean)) {
    for (const folder of name.includes("/") ? [""] : folders) {
      const found = suffixes.map((suffix) => join(folder, name + suffix)).find((path) => existsSync(path));
      if (found) return found;
    }
  }
  return undefined;
}

/** The C++ compiler that builds native code here, or undefined. */
export const findCompiler = () => findProgram(process.env.CXX, "c++", "g++", "clang++");

/** A tool that the repository installed, such as `turbo`. */
export const localTool = (name) => join(root, "node_modules", ".bin", windows ? `${name}.cmd` : name);

/**
 * Runs a program without showing its output and returns what it wrote to stdout.
 * Throws an Error that ends with the last lines of its output when it fails or takes longer than `seconds`.
 */
export function run(program, args, { seconds = 900, lines = 15, ...options } = {}) {
  const child = spawnSync(program, args, {
    cwd: root,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    timeout: seconds * 1000,
    maxBuffer: 1 << 28,
    shell: windows && program.endsWith(".cmd"),
    ...options,
  });
  if (child.error?.code === "ETIMEDOUT") throw new Error(`${program} was still running after ${seconds} s`);
  if (child.error) throw child.error;
  if (child.status !== 0) {
    const output = `${child.stdout}\n${child.stderr}`.trim().split("\n").slice(-lines).join("\n");
    throw new Error(output || `${program} ended with ${child.signal ?? `status ${child.status}`}`);
  }
  return child.stdout;
}

/** Runs `work` as a step: shows its name at once, then what `work` returns, with the time on the first line. */
export async function step(name, work) {
  process.stdout.write(name.padEnd(12));
  const start = performance.now();
  try {
    const [result, ...details] = (await work()).split("\n");
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    console.log([`${result} (${seconds} s)`, ...details].join("\n"));
  } catch (error) {
    console.log("failed");
    throw error;
  }
}

/** Builds every TypeScript project that changed since the last build, in the order of their references. */
export function build() {
  run(localTool("tsc"), ["-b"], { lines: Number.POSITIVE_INFINITY });
  return "done";
}
