/**
 * Compiles the addon into build/Release/lilaw.node, and does nothing where nothing changed.
 *
 * `buildNative()` never throws: without a compiler or CMake everything runs in JavaScript, and the message says what
 * is missing. As a program (`node scripts/build.mjs --require`) it fails instead.
 *
 * - `LILAW_NATIVE=off`: no addon; takes away the one that is there
 * - `LILAW_CUDA`: AUTO (where there are an NVIDIA driver and nvcc), ON (or fail), OFF
 * - `CXX`, `CUDACXX`: as CMake reads them
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const require = createRequire(import.meta.url);
const native = dirname(dirname(fileURLToPath(import.meta.url)));
const build = join(native, "build");
const addon = join(build, "Release", "lilaw.node");
const stamp = join(build, ".stamp");

const { CUDACXX = "", CXX = "", LILAW_CUDA = "AUTO", LILAW_NATIVE } = process.env;

/** Kernels for a GPU take minutes to compile: nobody waits for them by default where they cannot run. */
const hasDriver = existsSync("/proc/driver/nvidia/version");
const cudaOption = LILAW_CUDA === "AUTO" && !hasDriver ? "OFF" : LILAW_CUDA;

/** The first line that `program --version` prints, or undefined if it cannot be run. */
function versionOf(program) {
  const { status, stdout } = spawnSync(program, ["--version"], { encoding: "utf8" });
  return status === 0 ? stdout.split("\n")[0] : undefined;
}

function filesBelow(folder) {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
}

/** The folders of node_api.h and napi.h. */
export function nodeIncludes() {
  const folderOf = (name) => dirname(require.resolve(`${name}/package.json`));
  return [join(folderOf("node-api-headers"), "include"), folderOf("node-addon-api")];
}

/** Changes whenever a build could give something else than what is there. */
function fingerprint(tools) {
  const hash = createHash("sha256");
  hash.update(
    JSON.stringify([process.platform, process.arch, cudaOption, CXX, CUDACXX, tools, nodeIncludes()]),
  );
  const files = ["CMakeLists.txt", "package.json"].map((name) => join(native, name));
  for (const folder of ["include", "src"]) files.push(...filesBelow(join(native, folder)));
  for (const file of files.sort()) hash.update(`\0${file}\0`).update(readFileSync(file));
  return hash.digest("hex");
}

/** Runs cmake-js, which calls CMake for this Node; throws the end of what it printed when it fails. */
function cmakeJs(...args) {
  const program = join(dirname(require.resolve("cmake-js/package.json")), "bin", "cmake-js");
  const { status, error, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  if (error) throw error;
  if (status !== 0) throw new Error(`${stdout}\n${stderr}`.trim().split("\n").slice(-30).join("\n"));
  return stdout;
}

/** Builds in a folder of its own, so that an addon which is in use is replaced at once or not at all. */
function compile(cuda) {
  mkdirSync(dirname(addon), { recursive: true });
  const staging = mkdtempSync(join(build, "making-"));
  try {
    const where = ["--directory", native, "--out", staging, "--config", "Release"];
    const parallel = ["--parallel", String(availableParallelism())];
    const printed = cmakeJs("build", ...where, ...parallel, `--CDLILAW_CUDA=${cuda}`);
    renameSync(join(staging, "Release", "lilaw.node"), addon);
    return printed.includes("lilaw: CUDA ON") ? "built, with CUDA" : "built, for the CPU";
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

/** Where CUDA was not asked for by name, a toolkit that cannot build it must not cost the CPU its kernels. */
function compileWhatCan() {
  try {
    return compile(cudaOption);
  } catch (error) {
    if (cudaOption !== "AUTO") throw error;
    return `${compile("OFF")}; with CUDA it failed:\n            ${indented(error.message)}`;
  }
}

const indented = (text) => text.replaceAll("\n", "\n            ");

function establish() {
  if (LILAW_NATIVE === "off") {
    rmSync(build, { recursive: true, force: true });
    return { works: false, message: "off (LILAW_NATIVE=off)" };
  }
  const tools = {
    compiler: [CXX, "c++", "g++", "clang++"].filter(Boolean).map(versionOf).find(Boolean),
    cmake: versionOf("cmake"),
  };
  const missing = [!tools.compiler && "a C++ compiler", !tools.cmake && "CMake 3.22"].filter(Boolean);
  if (missing.length > 0) {
    return { works: false, message: `none: JavaScript runs instead (missing: ${missing.join(" and ")})` };
  }
  const wanted = fingerprint(tools);
  if (existsSync(addon) && existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) {
    return { works: true, message: "up to date" };
  }
  const message = compileWhatCan();
  writeFileSync(stamp, wanted);
  return { works: true, message };
}

/** Builds the addon if it must be built; returns whether there is one, and what to tell people. */
export function buildNative() {
  try {
    return establish();
  } catch (error) {
    return { works: false, message: `none: JavaScript runs instead\n            ${indented(error.message)}` };
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { works, message } = buildNative();
  console.log(message);
  if (!works && process.argv.includes("--require")) process.exitCode = 1;
}
