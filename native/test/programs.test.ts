/** Programs outside of Node: the C++ tests, and the examples in C and Python. Built in a folder of their own. */
import { execFile, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nodeIncludes } from "../scripts/build.mjs";

const native = fileURLToPath(new URL("..", import.meta.url));
const runs = (program: string, ...args: string[]) => spawnSync(program, args).status === 0;

const compiler = ["cc", "gcc", "clang"].find((name) => runs(name, "--version"));
const missing = [!compiler && "a C compiler", !runs("cmake", "--version") && "CMake"].filter(Boolean);
const hasDoctest = ["/usr/include", "/usr/local/include"].some((folder) =>
  existsSync(join(folder, "doctest", "doctest.h")),
);
const pythons = ["python3", "python3.11"].filter((name) => runs(name, "--version"));
const pythonWithTorch = pythons.find((name) => runs(name, "-c", "import torch"));

const clang = ["clang++-19", "clang++"].find((name) => runs(name, "--version"));
/** Clang comes without its libraries in some systems. */
const hasFuzzer =
  clang !== undefined &&
  spawnSync(clang, ["-x", "c++", "-fsanitize=fuzzer", "-o", "/dev/null", "-"], {
    input: 'extern "C" int LLVMFuzzerTestOneInput(const unsigned char*, decltype(sizeof 0)) { return 0; }',
  }).status === 0;

/** The module tfjs-node, which is another package's, where it works. */
const tfjsNode = ["@tensorflow/tfjs-node"].flatMap((name) => {
  try {
    const path = createRequire(new URL("../../packages/tfjs/package.json", import.meta.url)).resolve(name);
    return runs(process.execPath, "-e", `require(${JSON.stringify(path)})`) ? [path] : [];
  } catch {
    return [];
  }
});

// Sanitizers that are loaded into Node (scripts/sanitize.mjs) are not for other programs.
const { LD_PRELOAD: _, ...env } = process.env;
const run = async (program: string, ...args: string[]) =>
  (await promisify(execFile)(program, args, { cwd: native, env, maxBuffer: 1 << 26 })).stdout;

describe("programs", () => {
  let folder: string;
  let library: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "lilaw-native-"));
    library = join(folder, process.platform === "darwin" ? "liblilaw.dylib" : "liblilaw.so");
    if (missing.length > 0) return;
    const tests = hasDoctest ? "ON" : "OFF";
    await run(
      "cmake",
      "-S",
      native,
      "-B",
      folder,
      "-DLILAW_SHARED=ON",
      "-DLILAW_CUDA=OFF",
      `-DLILAW_TESTS=${tests}`,
      "-DLILAW_FAILING=ON",
      `-DLILAW_NODE_INCLUDE=${nodeIncludes().join(";")}`,
    );
    await run("cmake", "--build", folder, "--parallel", "2");
  }, 300_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("C++ tests", async ({ skip }) => {
    skip(missing.length > 0, `missing: ${missing.join(", ")}`);
    skip(!hasDoctest, "missing: doctest (Debian: doctest-dev)");
    expect(await run(join(folder, "test", "cpp", "lilaw_tests"))).toMatch(/0 failed.*\n.*Status: SUCCESS!/);
  });

  it("the header is C99, and the example in C runs", async ({ skip }) => {
    skip(missing.length > 0, `missing: ${missing.join(", ")}`);
    const program = join(folder, "weighted_loss");
    await run(
      compiler!,
      ...[
        "-std=c99",
        "-Wall",
        "-Wextra",
        "-pedantic",
        "-Werror",
        "-I",
        "include",
        "examples/c/weighted_loss.c",
      ],
      ...["-o", program, "-L", folder, "-llilaw", `-Wl,-rpath,${folder}`],
    );
    const output = await run(program);
    const numbers = output.match(/-?\d+\.\d+/g)!.map(Number);
    // objective, four weights, alpha, beta and delta after a step from 10, 2, 6
    expect(numbers).toHaveLength(8);
    for (const weight of numbers.slice(1, 5)) expect(weight).toBeGreaterThan(1);
    const [alpha, beta, delta] = numbers.slice(5) as [number, number, number];
    expect(alpha).toBeLessThan(10);
    expect(beta).not.toBe(2);
    expect(delta).not.toBe(6);
  });

  it("the example in Python runs on PyTorch tensors", async ({ skip }) => {
    skip(missing.length > 0, `missing: ${missing.join(", ")}`);
    skip(!pythonWithTorch, "missing: python3 with torch");
    expect(await run(pythonWithTorch!, "examples/python/lilaw.py", library)).toMatch(
      /^objective \d+\.\d+, as in PyTorch\n$/,
    );
  });

  it("processes that Python forks while the threads are at work do not wait for them", {
    timeout: 300_000,
  }, async ({ skip }) => {
    skip(missing.length > 0, `missing: ${missing.join(", ")}`);
    skip(process.platform !== "linux" || pythons.length === 0, "missing: python3 on Linux");
    expect(await run(pythons[0]!, "test/fork.py", library)).toBe("done\n");
  });

  it("each allocation in turn fails: a status, no other bits, no leak and no end of the process", async ({
    skip,
  }) => {
    skip(missing.length > 0, `missing: ${missing.join(", ")}`);
    skip(!hasDoctest, "missing: doctest (Debian: doctest-dev)");
    expect(await run(join(folder, "test", "cpp", "lilaw_allocations"))).toMatch(
      /^\d+ allocations failed, done$/m,
    );
  });

  it("each allocation of the addon in turn fails: OUT_OF_MEMORY, of TensorFlow's ops too", {
    timeout: 300_000,
  }, async ({ skip }) => {
    skip(missing.length > 0, `missing: ${missing.join(", ")}`);
    const addon = join(folder, "Release", "failing.node");
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [join(native, "test", "failing", "calls.mjs"), ...tfjsNode],
      { env: { ...env, LILAW_NATIVE_PATH: addon, TF_CPP_MIN_LOG_LEVEL: "2" } },
    );
    expect(stdout).toMatch(
      /^weightedLoss multi-label, a bad label: [1-9]\d* allocations failed, [1-9]\d* calls refused$/m,
    );
    if (tfjsNode.length > 0) {
      expect(stdout).toMatch(/^LilawWeightedLoss: [1-9]\d* allocations failed, [1-9]\d* calls refused$/m);
    }
    expect(stdout).toMatch(/^done$/m);
  });

  it("the instruction sets agree on 20,000 fuzzed inputs", async ({ skip }) => {
    skip(missing.length > 0, `missing: ${missing.join(", ")}`);
    skip(process.arch !== "x64", `no other instruction set on ${process.arch}`);
    skip(!hasFuzzer, "missing: Clang with libFuzzer (Debian: clang-19 and libclang-rt-19-dev)");
    await run(process.execPath, "scripts/fuzz.mjs", "20000");
  });
});
