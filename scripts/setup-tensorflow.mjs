/**
 * Makes `@tensorflow/tfjs-node` and `@tensorflow/tfjs-node-gpu` run: both are one source that needs
 * an addon (`lib/`) and the TensorFlow library (`deps/`). Both folders are made once, kept in the
 * cache of the machine, and linked into every installed copy of the two packages.
 *
 * Never fails: without TensorFlow everything trains on WebAssembly, and the message says what was tried.
 * As a program (`node scripts/setup-tensorflow.mjs`) it tries again even if it failed a moment ago.
 *
 * - `LILAW_CACHE`: the cache folder, instead of the one that the system uses for programs
 * - `LILAW_TENSORFLOW=off`: no TensorFlow; takes the links away where they are
 */
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { findCompiler, findProgram, root, run } from "./steps.mjs";

const ADDON = join("lib", "napi-v8", "tfjs_binding.node");
const PARTS = ["deps", "lib"];
const AGAIN = "To try again: node scripts/setup-tensorflow.mjs";
const A_DAY = 24 * 3600 * 1000;

const { LILAW_CACHE, LILAW_TENSORFLOW, LOCALAPPDATA, TFJS_NODE_CDN_STORAGE, XDG_CACHE_HOME } = process.env;

/** Where libtensorflow is published; the variable is the one that tfjs-node itself reads. */
const officialHost = TFJS_NODE_CDN_STORAGE ?? "https://storage.googleapis.com/";

/** The result of the last set-up, so that the next one need not try again. */
const recordFile = join(root, "node_modules", ".cache", "lilaw", "tensorflow.json");

/** The folder of this project in the operating system's cache folder. */
function cacheFolder() {
  if (LILAW_CACHE) return LILAW_CACHE;
  const system = {
    darwin: () => join(homedir(), "Library", "Caches", "lilaw"),
    win32: () => join(LOCALAPPDATA ?? join(homedir(), "AppData", "Local"), "lilaw", "Cache"),
  }[process.platform];
  return system?.() ?? join(XDG_CACHE_HOME || join(homedir(), ".cache"), "lilaw");
}

/** The folders of every installed copy of the two packages; those of the plain one, which is built from, first. */
function installedCopies() {
  const store = join(root, "node_modules", ".pnpm");
  const installed = readdirSync(store);
  return ["tfjs-node", "tfjs-node-gpu"].flatMap((name) =>
    installed
      .filter((entry) => entry.startsWith(`@tensorflow+${name}@`))
      .map((entry) => join(store, entry, "node_modules", "@tensorflow", name)),
  );
}

/** Removes the files that this script, or the install script of the package, put into a copy. */
function unlink(copy) {
  for (const part of PARTS) rmSync(join(copy, part), { recursive: true, force: true });
}

function link(copy, made) {
  unlink(copy);
  for (const part of PARTS) symlinkSync(join(made, part), join(copy, part), "junction");
}

/** The version of TensorFlow of a copy, found by a computation in a separate process. */
function tensorFlowVersion(copy) {
  // Node 23 dropped util.isNullOrUndefined, which tfjs-node 4 still calls.
  const program = `
    require("node:util").isNullOrUndefined ??= (value) => value == null;
    const tf = require(${JSON.stringify(copy)});
    const product = tf.matMul([[1, 2]], [[3], [4]]).dataSync()[0];
    if (product !== 11 || tf.getBackend() !== "tensorflow") throw new Error("[1 2] x [3 4] gave " + product);
    console.log("\\n" + tf.backend().binding.TF_Version);`;
  const env = { ...process.env, TF_CPP_MIN_LOG_LEVEL: "2" };
  return run(process.execPath, ["-e", program], { env, seconds: 120, lines: 4 }).trim().split("\n").at(-1);
}

/** Makes `deps` and `lib` with `work` in a folder laid out like the package, then moves both to `made` at once. */
async function make(made, copy, work) {
  mkdirSync(dirname(made), { recursive: true });
  const staging = mkdtempSync(`${made}.making-`);
  try {
    for (const part of ["package.json", "binding", "binding.gyp", "scripts"]) {
      cpSync(join(copy, part), join(staging, part), { recursive: true });
    }
    for (const part of PARTS) mkdirSync(join(staging, part));
    await work(staging);
    if (!existsSync(join(staging, ADDON))) throw new Error("it ended without an addon");
    for (const entry of readdirSync(staging)) {
      if (!PARTS.includes(entry)) rmSync(join(staging, entry), { recursive: true });
    }
    rmSync(made, { recursive: true, force: true });
    renameSync(staging, made);
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

/** tfjs-node's own install script: library and addon as they were published for this platform. */
async function fetchOfficial(staging, copy) {
  try {
    await fetch(officialHost, { method: "HEAD", signal: AbortSignal.timeout(3000) });
  } catch (error) {
    throw new Error(`${officialHost} does not answer (${error.cause?.code ?? error.message})`);
  }
  const modules = dirname(dirname(realpathSync(copy)));
  symlinkSync(modules, join(staging, "node_modules"), "junction");
  const tools = join(copy, "node_modules", ".bin");
  const env = { ...process.env, PATH: `${tools}${delimiter}${process.env.PATH}` };
  run(process.execPath, [join("scripts", "install.js"), "cpu", "download"], { cwd: staging, env });
}

const UNPACK = `
import re, sys, zipfile
wanted = re.compile(r"tensorflow/(libtensorflow_(cc|framework)\\.so\\.2|include/(tensorflow|tsl|xla)/.*\\.h)$")
wheel = zipfile.ZipFile(sys.argv[1])
wheel.extractall(sys.argv[2], [name for name in wheel.namelist() if wanted.match(name)])
`;

/** The library and headers of the Python package `tensorflow-cpu`, and the addon compiled for them. */
function buildFromWheel(staging) {
  if (process.platform !== "linux") throw new Error(`not for ${process.platform}`);
  const compiler = findCompiler();
  if (!compiler) throw new Error("a C++ compiler (c++, g++ or clang++) is missing");
  const python = findProgram("python3");
  if (!python) throw new Error("python3 with pip, which fetches it, is missing");

  const download = join(staging, "download");
  const fetching = [
    "download",
    "--no-deps",
    "--only-binary=:all:",
    "--retries=1",
    "--timeout=10",
    "--dest",
    download,
  ];
  run(python, ["-m", "pip", ...fetching, "tensorflow-cpu"], { lines: 1 });
  const [wheel] = readdirSync(download);
  run(python, ["-c", UNPACK, join(download, wheel), staging]);

  const libraries = join(staging, "deps", "lib");
  mkdirSync(libraries);
  for (const [file, plain] of [
    ["libtensorflow_cc.so.2", "libtensorflow.so"],
    ["libtensorflow_framework.so.2", "libtensorflow_framework.so"],
  ]) {
    renameSync(join(staging, "tensorflow", file), join(libraries, file));
    symlinkSync(file, join(libraries, plain));
  }
  compile(compiler, staging, join(staging, "tensorflow", "include"));
}

function compile(compiler, staging, headers) {
  const nodeHeaders = join(root, "node_modules", "node-api-headers", "include");
  mkdirSync(dirname(join(staging, ADDON)));
  run(
    compiler,
    [
      ...["-std=c++17", "-O2", "-fPIC", "-shared", "-DNAPI_VERSION=8", "-I", nodeHeaders, "-I", headers],
      ...["binding/tfjs_backend.cc", "binding/tfjs_binding.cc", "-o", ADDON],
      ...["-L", "deps/lib", "-ltensorflow", "-ltensorflow_framework", "-Wl,-rpath,$ORIGIN/../../deps/lib"],
    ],
    { cwd: staging },
  );
}

/**
 * The ways to set TensorFlow up, in order. Each gives every copy an addon, or throws an error that names what is
 * missing.
 */
function routes(made, copies) {
  const linkAll = () => copies.forEach((copy) => void link(copy, made));
  return {
    "as installed": () => {
      if (!copies.every((copy) => existsSync(join(copy, ADDON)))) throw new Error("no addon in node_modules");
    },
    "from the cache": () => {
      if (!existsSync(join(made, ADDON))) throw new Error(`nothing in ${made}`);
      linkAll();
    },
    "official libtensorflow": async () => {
      await make(made, copies[0], (staging) => fetchOfficial(staging, copies[0]));
      linkAll();
    },
    "tensorflow-cpu wheel": async () => {
      await make(made, copies[0], buildFromWheel);
      linkAll();
    },
  };
}

async function establish(made, copies) {
  const failures = [];
  for (const [name, take] of Object.entries(routes(made, copies))) {
    try {
      await take();
      const [version] = copies.map(tensorFlowVersion);
      return { works: true, message: `TensorFlow ${version}, ${name}` };
    } catch (error) {
      failures.push(`${name}: ${error.message.trim()}`);
    }
  }
  copies.forEach(unlink);
  const tried = failures.map((failure) => `            - ${failure.replaceAll("\n", "\n              ")}`);
  const message = ["none: training runs on WebAssembly instead", ...tried, `            ${AGAIN}`].join("\n");
  return { works: false, message };
}

function readRecord() {
  try {
    return JSON.parse(readFileSync(recordFile, "utf8"));
  } catch {
    return undefined;
  }
}

/** Removes TensorFlow, to try everything without it, and forgets the result of the last set-up. */
function takeOut(copies) {
  copies.forEach(unlink);
  rmSync(recordFile, { force: true });
  return "off (LILAW_TENSORFLOW=off)";
}

async function setUp(copies, retry) {
  const { version } = JSON.parse(readFileSync(join(copies[0], "package.json"), "utf8"));
  const made = join(cacheFolder(), "tensorflow", `tfjs-node-${version}-${process.platform}-${process.arch}`);

  const circumstances = [process.version, made, officialHost, findCompiler(), findProgram("python3")].join(
    " ",
  );
  const last = readRecord();
  if (last?.circumstances === circumstances) {
    if (last.works && copies.every((copy) => existsSync(join(copy, ADDON)))) return last.message;
    if (!last.works && !retry && Date.now() - last.time < A_DAY) return last.message;
  }

  const result = await establish(made, copies);
  mkdirSync(dirname(recordFile), { recursive: true });
  writeFileSync(recordFile, `${JSON.stringify({ ...result, circumstances, time: Date.now() }, null, 2)}\n`);
  return result.message;
}

/** Sets TensorFlow up and returns the result as text for people. `retry` forgets an earlier failure. */
export async function setUpTensorFlow({ retry = false } = {}) {
  try {
    const copies = installedCopies();
    return LILAW_TENSORFLOW === "off" ? takeOut(copies) : await setUp(copies, retry);
  } catch (error) {
    // For example, node_modules may not be writable. Everything also runs without TensorFlow.
    return `none: training runs on WebAssembly instead (${error.message})`;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(await setUpTensorFlow({ retry: true }));
