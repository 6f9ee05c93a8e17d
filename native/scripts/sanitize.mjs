/**
 * Runs the tests of this package with sanitizers. Needs GCC on Linux, and doctest.
 *
 * - `node scripts/sanitize.mjs [arguments for vitest]`: AddressSanitizer and UndefinedBehaviorSanitizer, on the programs in
 *   C++ and on the tests in TypeScript with an addon that is built with them. Also sees reads beyond JavaScript's arrays and,
 *   as the addon has the CUDA kernels compiled for the host, beyond those in device memory.
 * - `node scripts/sanitize.mjs --threads`: ThreadSanitizer, on the programs in C++; one of them races on shared labels.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { nodeIncludes } from "./build.mjs";
import { findProgram, giveUp, native, run } from "./programs.mjs";

const gcc = findProgram("g++");
if (process.platform !== "linux" || !gcc) giveUp("Expected g++ on Linux for the sanitizers but found none");

/** Builds with sanitizers, and runs programs of test/cpp. */
function buildAndRun(folder, sanitizers, programs, ...options) {
  const compiler = [`-DCMAKE_CXX_COMPILER=${gcc}`, "-DCMAKE_BUILD_TYPE=Release", "-DLILAW_TESTS=ON"];
  run("cmake", ["-S", native, "-B", folder, ...compiler, `-DLILAW_SANITIZE=${sanitizers}`, ...options]);
  run("cmake", ["--build", folder, "--parallel", "2"]);
  for (const program of programs) {
    console.log(`\n${program}`);
    run(join(folder, "test", "cpp", program), [], { env: { ...process.env, ...strict } });
  }
}

const strict = {
  TSAN_OPTIONS: "halt_on_error=1",
  UBSAN_OPTIONS: "print_stacktrace=1:halt_on_error=1",
};

function withThreads() {
  // Without lilaw_allocations, which forks: the threads of a forked child are not for this sanitizer.
  const folder = join(native, "build", "sanitize-threads");
  buildAndRun(folder, "thread", ["lilaw_tests", "lilaw_races"], "-DLILAW_CUDA=OFF");
}

function withMemory() {
  const folder = join(native, "build", "sanitize");
  const programs = ["lilaw_tests", "lilaw_allocations", "lilaw_races"];
  const includes = `-DLILAW_NODE_INCLUDE=${nodeIncludes().join(";")}`;
  buildAndRun(folder, "address,undefined", programs, "-DLILAW_CUDA_SHIM=ON", includes);

  const addon = join(folder, "Release", "lilaw.node");
  /** Node itself has no sanitizers in it, so theirs have to be loaded before it starts. */
  const library = (name) => spawnSync(gcc, [`-print-file-name=${name}`], { encoding: "utf8" }).stdout.trim();
  const env = {
    ...process.env,
    ...strict,
    LILAW_NATIVE_PATH: addon,
    LILAW_SHIM_ADDON: addon,
    LD_PRELOAD: [library("libasan.so"), library("libubsan.so")].join(":"),
    // No leak detection: Node does not free all its memory before it exits.
    ASAN_OPTIONS: "detect_leaks=0:abort_on_error=1",
  };
  const vitest = join(native, "..", "node_modules", "vitest", "vitest.mjs");
  const tests = ["run", "--root", join(native, ".."), "--project", "@lilaw/native", ...process.argv.slice(2)];
  run(process.execPath, [vitest, ...tests], { env });
}

if (process.argv.includes("--threads")) withThreads();
else withMemory();
