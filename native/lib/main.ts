#!/usr/bin/env node
/** The command `lilaw-native`. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { describe, diagnose } from "./doctor.js";
import { version } from "./load.js";

const usage = `lilaw-native doctor [--json]   what this machine has for the native kernels, and what was loaded
lilaw-native build             compiles the addon from its sources (a C++ compiler and CMake; nvcc for CUDA)`;

function doctor(json: boolean): number {
  const diagnosis = diagnose();
  console.log(json ? JSON.stringify(diagnosis, null, 2) : describe(diagnosis));
  return 0;
}

function build(): number {
  const script = fileURLToPath(new URL("../scripts/build.mjs", import.meta.url));
  return spawnSync(process.execPath, [script, "--require"], { stdio: "inherit" }).status ?? 1;
}

function main(): number {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { json: { type: "boolean" }, help: { type: "boolean" }, version: { type: "boolean" } },
  });
  const [command, ...rest] = positionals;
  if (values.version) {
    console.log(version);
    return 0;
  }
  if (values.help) {
    console.log(usage);
    return 0;
  }
  if (command === "doctor" && rest.length === 0) return doctor(values.json ?? false);
  if (command === "build" && rest.length === 0 && !values.json) return build();
  throw new Error(
    `Expected doctor or build for the command but received ${positionals.join(" ") || "nothing"}`,
  );
}

try {
  process.exitCode = main();
} catch (error) {
  console.error(`${(error as Error).message}\n\n${usage}`);
  process.exitCode = 2;
}
