/**
 * Runs the tests of this package on an addon that is built with AddressSanitizer and UndefinedBehaviorSanitizer:
 * `node scripts/sanitize.mjs [arguments for vitest]`. Needs GCC on Linux. Also sees reads beyond JavaScript's arrays
 * and, as it has the CUDA kernels compiled for the host, beyond those in device memory.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { nodeIncludes } from "./build.mjs";
import { findProgram, giveUp, native, run } from "./programs.mjs";

const gcc = findProgram("g++");
if (process.platform !== "linux" || !gcc) giveUp("Expected g++ on Linux for the sanitizers but found none");

const folder = join(native, "build", "sanitize");
run("cmake", [
  ...[
    "-S",
    native,
    "-B",
    folder,
    `-DCMAKE_CXX_COMPILER=${gcc}`,
    "-DCMAKE_BUILD_TYPE=Release",
    "-DLILAW_CUDA_SHIM=ON",
  ],
  ...["-DLILAW_SANITIZE=address,undefined", `-DLILAW_NODE_INCLUDE=${nodeIncludes().join(";")}`],
]);
run("cmake", ["--build", folder, "--parallel", "2"]);

const addon = join(folder, "Release", "lilaw.node");

/** Node itself has no sanitizers in it, so theirs have to be loaded before it starts. */
const library = (name) => spawnSync(gcc, [`-print-file-name=${name}`], { encoding: "utf8" }).stdout.trim();
const env = {
  ...process.env,
  LILAW_NATIVE_PATH: addon,
  LILAW_SHIM_ADDON: addon,
  LD_PRELOAD: [library("libasan.so"), library("libubsan.so")].join(":"),
  // Node does not free what it holds until its end.
  ASAN_OPTIONS: "detect_leaks=0:abort_on_error=1",
  UBSAN_OPTIONS: "print_stacktrace=1:halt_on_error=1",
};
const vitest = join(native, "..", "node_modules", "vitest", "vitest.mjs");
run(
  process.execPath,
  [vitest, "run", "--root", join(native, ".."), "--project", "@lilaw/native", ...process.argv.slice(2)],
  { env },
);
