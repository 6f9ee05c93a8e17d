/**
 * Runs the benchmarks of a folder of `benchmarks/`, after setting everything up:
 * `npm run bench -- kernels --quick` (see docs/benchmarking.md). Only results go to standard output.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { root } from "./steps.mjs";

const [name = "", ...rest] = process.argv.slice(2);
const sources = (folder) => join(root, "benchmarks", folder, "src", "main.ts");
const names = readdirSync(join(root, "benchmarks")).filter((folder) => existsSync(sources(folder)));
if (!names.includes(name)) {
  console.error(`Expected one of ${names.join(", ")} for the benchmark but received ${JSON.stringify(name)}`);
  process.exit(2);
}

const standardError = 2;
const bootstrap = join(root, "scripts", "bootstrap.mjs");
const { status } = spawnSync(process.execPath, [bootstrap], {
  stdio: ["ignore", standardError, standardError],
});
if (status !== 0) process.exit(status ?? 1);

// Runs in this process, so that only one process receives Ctrl-C.
const program = join(root, "benchmarks", name, "dist", "main.js");
process.argv = [process.execPath, program, ...rest];
await import(pathToFileURL(program));
