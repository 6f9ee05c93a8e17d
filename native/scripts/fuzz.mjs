/**
 * Fuzzes the instruction sets against each other: `node scripts/fuzz.mjs [runs] [--fast]`, a million runs by default.
 * With AddressSanitizer and UndefinedBehaviorSanitizer, or `--fast`: without them, at eight times the speed.
 * Needs Clang with libFuzzer (Debian: clang-19 and libclang-rt-19-dev).
 */
import { join } from "node:path";
import { findProgram, giveUp, native, run } from "./programs.mjs";

const fast = process.argv.includes("--fast");
const [given] = process.argv.slice(2).filter((argument) => argument !== "--fast");
const runs = Number(given ?? 1_000_000);
if (!Number.isSafeInteger(runs) || runs < 1) {
  giveUp(`Expected a number of runs of at least 1 but received ${given}`);
}
const clang = findProgram("clang++-19", "clang++");
if (!clang) giveUp("Expected Clang for libFuzzer but found none: install clang-19 and libclang-rt-19-dev");

const folder = join(native, "build", fast ? "fuzz-fast" : "fuzz");
const sanitizers = fast ? "fuzzer-no-link" : "fuzzer-no-link,address,undefined";
const options = ["-DLILAW_FUZZ=ON", "-DLILAW_CUDA=OFF", `-DLILAW_SANITIZE=${sanitizers}`];
run("cmake", [
  "-S",
  native,
  "-B",
  folder,
  `-DCMAKE_CXX_COMPILER=${clang}`,
  "-DCMAKE_BUILD_TYPE=Release",
  ...options,
]);
run("cmake", ["--build", folder, "--parallel", "2", "--target", "lilaw_fuzz"]);
run(
  join(folder, "test", "fuzz", "lilaw_fuzz"),
  [`-runs=${runs}`, "-max_len=4096", "-seed=1", "-print_final_stats=1"],
  {
    cwd: folder,
    env: { ...process.env, UBSAN_OPTIONS: "halt_on_error=1" },
  },
);
