/**
 * Resources of every kernel as compiled by nvcc: registers, shared memory, stack, spills, wide loads and stores.
 *
 *   node scripts/cuda-registers.mjs [--write]
 *
 * Compiles src/cuda for sm_90, compares with cuda-registers.csv (--write writes it anew), and fails if a kernel spills,
 * or moves the rows that it should hold in registers without 16-byte loads and stores. Needs nvcc and c++filt.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findProgram, giveUp, native } from "./programs.mjs";

const table = join(native, "scripts", "cuda-registers.csv");
const nvcc = findProgram(process.env.CUDACXX, "nvcc");
if (!nvcc) giveUp("Expected nvcc but found none: put it on PATH or name it in CUDACXX");

function compile(args) {
  const flags = ["-std=c++17", "-O3", "-DNDEBUG", "-DLILAW_BUILDING", `-I${join(native, "include")}`];
  const { status, stdout, stderr } = spawnSync(nvcc, [...flags, ...args], {
    encoding: "utf8",
    maxBuffer: 2 ** 28,
  });
  if (status !== 0) giveUp(`${stdout}${stderr}`);
  return `${stdout}${stderr}`;
}

/** Kernels of a source file by mangled name, with the resources that ptxas reports. */
function resources(source, folder) {
  const report = compile([
    "-arch=sm_90",
    "-Xptxas",
    "-v,-warn-spills",
    "-c",
    source,
    "-o",
    join(folder, "out.o"),
  ]);
  return report
    .split("Compiling entry function ")
    .slice(1)
    .map((part) => ({
      name: /^'(\S+)'/.exec(part)[1],
      registers: numberIn(/Used (\d+) registers/, part),
      shared: numberIn(/(\d+) bytes smem/, part),
      stack: numberIn(/(\d+) bytes stack frame/, part),
      spills: numberIn(/(\d+) bytes spill stores/, part) + numberIn(/(\d+) bytes spill loads/, part),
    }));
}

const numberIn = (pattern, text) => Number(pattern.exec(text)?.[1] ?? 0);

/** Numbers of 16-byte loads and stores of global memory in the PTX of each kernel. */
function wideAccesses(source, folder) {
  const ptx = join(folder, "out.ptx");
  compile(["-arch=compute_90", "-ptx", source, "-o", ptx]);
  const kernels = readFileSync(ptx, "utf8").split(".entry ").slice(1);
  const count = (kernel, kind) =>
    (kernel.match(new RegExp(`${kind}\\.global\\S*\\.v4\\.[a-z]32`, "g")) ?? []).length;
  return new Map(
    kernels.map((kernel) => [
      /^\w+/.exec(kernel)[0],
      { loads: count(kernel, "ld"), stores: count(kernel, "st") },
    ]),
  );
}

function readable(names) {
  const { stdout } = spawnSync("c++filt", names, { encoding: "utf8" });
  return stdout
    .trim()
    .split("\n")
    .map((name) =>
      name.replace(/lilaw::cuda::|\(anonymous namespace\)::|^void /g, "").replace(/\(.*\)$/, ""),
    );
}

function measure() {
  const folder = mkdtempSync(join(tmpdir(), "lilaw-registers-"));
  try {
    const sources = readdirSync(join(native, "src", "cuda")).filter((name) => name.endsWith(".cu"));
    const kernels = sources.flatMap((name) => {
      const source = join(native, "src", "cuda", name);
      const wide = wideAccesses(source, folder);
      return resources(source, folder).map((kernel) => ({ ...kernel, ...wide.get(kernel.name) }));
    });
    const names = readable(kernels.map(({ name }) => name));
    return kernels
      .map((kernel, at) => ({ ...kernel, name: names[at] }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const release = /release ([\d.]+)/.exec(spawnSync(nvcc, ["--version"], { encoding: "utf8" }).stdout)[1];
const columns = ["name", "registers", "shared", "stack", "spills", "loads", "stores"];
const header = [
  "nvcc",
  "kernel",
  "registers",
  "shared_bytes",
  "stack_bytes",
  "spill_bytes",
  "wide_loads",
  "wide_stores",
];

const kernels = measure();
// Names have commas in them.
const cell = (kernel, column) => (column === "name" ? `"${kernel[column]}"` : kernel[column]);
const lines = kernels.map((kernel) => [release, ...columns.map((column) => cell(kernel, column))].join(","));
const text = `${[header.join(","), ...lines].join("\n")}\n`;

const spilling = kernels.filter(({ spills }) => spills > 0);
const narrow = kernels.filter(
  ({ name, loads, stores }) =>
    /<(RegisterRows|StreamedRows)/.test(name) &&
    (loads === 0 || (name.startsWith("row_pass") && stores === 0)),
);
for (const { name, spills } of spilling) console.error(`spills ${spills} bytes: ${name}`);
for (const { name } of narrow) console.error(`no 16-byte loads or stores: ${name}`);
if (process.argv.includes("--write")) {
  writeFileSync(table, text);
} else if (!readFileSync(table, "utf8").includes(`\n${release},`)) {
  console.log(`cuda-registers.csv is of another nvcc than ${release}: not compared`);
} else if (readFileSync(table, "utf8") !== text) {
  console.error("cuda-registers.csv is not what nvcc makes now; --write writes it anew");
  process.exitCode = 1;
}
const most = Math.max(...kernels.map(({ registers }) => registers));
console.log(`${kernels.length} kernels for sm_90, at most ${most} registers, ${spilling.length} spill`);
if (spilling.length + narrow.length > 0) process.exitCode = 1;
