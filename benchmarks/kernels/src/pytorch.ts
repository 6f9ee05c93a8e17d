/**
 * Question: what does one LiLAW step on the logits cost natively on the CPU, against PyTorch?
 *
 * The step: losses, weights and the full gradient of a training batch, then the three partial derivatives of a
 * validation batch of the same shape. Contenders: this library, PyTorch eager, torch.compile; for comparison, plain
 * unweighted cross-entropy of the training batch alone, forward and backward, and a memcpy of its logits (one thread). All take
 * turns in one process, in an order that rotates, with the same number of threads; results are checked before anything
 * is timed. Data is as warm as the caches keep it.
 *
 *     pnpm --filter @lilaw/benchmark-kernels pytorch [threads]     (python3 with torch, a C++ compiler and CMake)
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { writeResults } from "@lilaw/testing";

const threads = process.argv[2] ?? String(availableParallelism());
const native = fileURLToPath(new URL("../../../native", import.meta.url));
const script = fileURLToPath(new URL("../src/pytorch.py", import.meta.url));
const python = ["python3", "python3.11"].find((name) => spawnSync(name, ["-c", "import torch"]).status === 0);
if (!python) throw new Error("Expected python3 with torch but found none");

/** Other work on the machine spoils PyTorch's times most: its threads wait for each other. */
const load_before = loadavg()[0]!.toFixed(1);

const folder = mkdtempSync(join(tmpdir(), "lilaw-benchmark-"));
try {
  const options = ["-DLILAW_SHARED=ON", "-DLILAW_CUDA=OFF"];
  execFileSync("cmake", ["-S", native, "-B", folder, ...options]);
  execFileSync("cmake", ["--build", folder, "--parallel", threads]);
  const output = execFileSync(python, [script, join(folder, "liblilaw.so"), threads], { encoding: "utf8" });
  const records = output
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  const rows = records.map((record) => ({
    ...Object.fromEntries(Object.entries(record).map(([k, v]) => [k, rounded(v)])),
    load_before,
  }));
  console.table(rows);
  console.log(writeResults(new URL(`../results/pytorch-${threads}-threads.csv`, import.meta.url), rows));
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function rounded(value: unknown): unknown {
  return typeof value === "number" ? Number(value.toPrecision(4)) : value;
}
