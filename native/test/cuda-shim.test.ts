/** The CUDA kernels without a GPU: their sources compiled for the host and run thread by thread (test/shim). */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { build, missing, native, outputOf, run } from "./cmake.js";

const folder = join(native, "build", "shim");
const minutes = 60_000;

/** A compiler that makes and runs programs of this kind: the sanitizer needs more than its flag. */
const compiles = (source: string, ...flags: string[]) => {
  const program = join(native, "build", "shim-probe");
  const made = spawnSync("c++", ["-std=c++17", ...flags, "-x", "c++", "-", "-o", program], { input: source });
  return made.status === 0 && run(program, []).status === 0;
};

describe("CUDA kernels on the host", () => {
  beforeAll(() => void mkdirSync(join(native, "build"), { recursive: true }));

  it("compute what the reference computes", { timeout: 20 * minutes }, ({ skip }) => {
    skip(missing.length > 0, `missing: ${missing.join(", ")}`);
    skip(
      !compiles("#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN\n#include <doctest/doctest.h>"),
      "no doctest (Debian: doctest-dev)",
    );
    build("test/shim", folder, "shim_test");
    const test = run(join(folder, "shim_test"), []);
    expect(test.status, outputOf(test)).toBe(0);
    console.info(/largest share of the tolerance used: \S+/g.exec(outputOf(test))?.[0]);
  });

  it("have no races, and a barrier taken away is found", { timeout: 20 * minutes }, ({ skip }) => {
    skip(missing.length > 0, `missing: ${missing.join(", ")}`);
    skip(!compiles("int main() {}", "-fsanitize=thread"), "no thread sanitizer that runs here");
    build("test/shim", folder, "race_test");
    const program = join(folder, "race_test");
    const whole = run(program, []);
    expect(whole.status, outputOf(whole)).toBe(0);

    const barriers = linesOf("src/cuda/row_reduce.cuh", "__syncthreads();");
    expect(barriers).toHaveLength(1);
    for (const line of barriers) {
      const without = { LILAW_SHIM_WITHOUT: `row_reduce.cuh:${line}`, TSAN_OPTIONS: "halt_on_error=1" };
      const broken = run(program, [], without);
      expect(broken.status).not.toBe(0);
      expect(outputOf(broken)).toMatch(/data race[\s\S]*row_reduce\.cuh/);
    }
  });

  it("pass the checks that wait for a GPU", { timeout: 20 * minutes }, ({ skip }) => {
    skip(missing.length > 0, `missing: ${missing.join(", ")}`);
    const python = ["python3.11", "python3"].find((name) => run(name, ["-c", "import torch"]).status === 0);
    skip(python === undefined, "no Python with PyTorch");
    build("test/shim", folder, "lilaw_shim");
    const golden = join(native, "..", "packages", "testing", "golden", "lilaw.json");
    const counts = ["--cases", "8", "--rows", "20", "--long", "1"];
    const args = [join(folder, "liblilaw_shim.so"), "--form", "cuda", "--device", "cpu", "--golden", golden];
    const checked = run(python!, [join(native, "test", "gpu", "check.py"), ...args, ...counts]);
    expect(checked.status, outputOf(checked)).toBe(0);
    expect(outputOf(checked)).toContain("golden vectors: 18 cases");
    expect(outputOf(checked)).toContain("a captured step launched");
  });
});

/** Numbers of the lines of a file that are this statement. */
function linesOf(file: string, statement: string): number[] {
  const lines = readFileSync(join(native, file), "utf8").split("\n");
  return lines.flatMap((line, at) => (line.trim() === statement ? [at + 1] : []));
}
