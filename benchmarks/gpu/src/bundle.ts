import { execFileSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { currentOrigin } from "@lilaw/bench";
import { expected } from "@lilaw/core";
import { build as bundleModules } from "vite";
import { nodeIncludes } from "../../../native/scripts/build.mjs";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const here = join(root, "benchmarks", "gpu");
const native = join(root, "native");

/** The largest size of a bundle. */
const bytesLimit = 60e6;

/**
 * Makes a bundle: the folder `out` and beside it `out`.tar.
 *
 * @param scratch folder that keeps the parts which take long to make
 * @param say called with the name of each step
 * @returns bytes of the .tar
 * @throws LilawError `INVALID_ARGUMENT` where the bundle is too large; Error where a compiler is missing or fails
 */
export async function makeBundle(out: string, scratch: string, say: (what: string) => void): Promise<number> {
  rmSync(out, { recursive: true, force: true });
  for (const folder of ["bin", "lib", "python", "js"]) mkdirSync(join(out, folder), { recursive: true });
  say("the library and the addon, with CUDA (the first time that takes minutes)");
  compile(out, join(scratch, "native"));
  say("Node and its modules");
  packLarge(process.execPath, join(out, "bin", "node.xz"), scratch, `${process.version}-${process.arch}`);
  await packModules(join(out, "js"));
  packDawn(join(out, "js"), scratch);
  cpSync(join(here, "run.sh"), join(out, "run.sh"));
  for (const file of pythonFiles()) cpSync(file, join(out, "python", basename(file)));
  writeFileSync(join(out, "about.txt"), about());
  const tar = `${out}.tar`;
  execFileSync("tar", ["-cf", tar, "-C", dirname(out), basename(out)]);
  const bytes = statSync(tar).size;
  if (bytes > bytesLimit) {
    throw expected(
      "INVALID_ARGUMENT",
      `at most ${bytesLimit / 1e6} MB`,
      "the size of the bundle",
      `${bytes / 1e6} MB`,
    );
  }
  return bytes;
}

function compile(out: string, folder: string): void {
  const options = [
    "-DLILAW_CUDA=ON",
    "-DLILAW_SHARED=ON",
    `-DLILAW_NODE_INCLUDE=${nodeIncludes().join(";")}`,
  ];
  run("cmake", "-S", native, "-B", folder, ...options);
  run("cmake", "--build", folder, "--parallel");
  cpSync(join(folder, "liblilaw.so"), join(out, "lib", "liblilaw.so"));
  cpSync(join(folder, "Release", "lilaw.node"), join(out, "lib", "lilaw.node"));
  const [source, program] = [join(here, "drivers", "step.cpp"), join(out, "bin", "step")];
  const library = [`-L${join(out, "lib")}`, "-llilaw", "-Wl,-rpath,$ORIGIN/../lib"];
  run(
    process.env.CXX ?? "c++",
    "-std=c++17",
    "-O2",
    `-I${join(native, "include")}`,
    source,
    "-o",
    program,
    ...library,
  );
  packVulkanLoader(join(out, "lib", "vulkan"));
}

/** Adds the Vulkan loader, for machines that have a driver without one; adds nothing where this machine has none. */
function packVulkanLoader(folder: string): void {
  const line = run("ldconfig", "-p")
    .split("\n")
    .find((text) => text.includes("libvulkan.so.1") && text.includes("x86-64"));
  if (line === undefined) return;
  mkdirSync(folder);
  cpSync(line.split(" => ")[1]!, join(folder, "libvulkan.so.1"), { dereference: true });
}

/** Compresses a large file, once for each version; run.sh unpacks files that end in .xz. */
function packLarge(file: string, target: string, scratch: string, version: string): void {
  const kept = join(scratch, `${basename(file)}-${version}.xz`);
  if (!existsSync(kept)) {
    writeFileSync(`${kept}.part`, execFileSync("xz", ["-T0", "-c", file], { maxBuffer: 1 << 28 }));
    renameSync(`${kept}.part`, kept);
  }
  mkdirSync(dirname(target), { recursive: true });
  cpSync(kept, target);
}

/** Bundles gpu.ts and its imports as one module, and copies the two packages with machine code beside it. */
export async function packModules(folder: string): Promise<void> {
  await bundleModules({
    configFile: false,
    logLevel: "error",
    root: here,
    ssr: { noExternal: true, external: ["@lilaw/native", "webgpu", ...notThere] },
    build: {
      ssr: join(here, "dist", "gpu.js"),
      outDir: folder,
      target: "node20",
      rolldownOptions: { output: { entryFileNames: "gpu.mjs", codeSplitting: false } },
    },
  });
  packPackage("@lilaw/native", folder, ["package.json", ...scriptsOf("@lilaw/native", "dist")]);
  packPackage("webgpu", folder, ["package.json", "index.js", "LICENSE.md"]);
}

/** Adds the machine code of the package webgpu. */
function packDawn(folder: string, scratch: string): void {
  const { version } = JSON.parse(readFileSync(join(sourceOf("webgpu"), "package.json"), "utf8")) as {
    version: string;
  };
  const file = `dist/linux-${process.arch}/dawn.node`;
  const target = join(folder, "node_modules", "webgpu", `${file}.xz`);
  packLarge(join(sourceOf("webgpu"), file), target, scratch, version);
}

/** Packages that are imported only when they are asked for by name, which gpu.ts does not do. */
const notThere = ["@tensorflow/tfjs-node", "@tensorflow/tfjs-node-gpu", "@tensorflow/tfjs-backend-wasm"];

const sourceOf = (name: string) => dirname(fileURLToPath(import.meta.resolve(`${name}/package.json`)));

const scriptsOf = (name: string, folder: string) =>
  readdirSync(join(sourceOf(name), folder))
    .filter((file) => file.endsWith(".js"))
    .map((file) => `${folder}/${file}`);

function packPackage(name: string, folder: string, files: readonly string[]): void {
  for (const file of files) cpSync(join(sourceOf(name), file), join(folder, "node_modules", name, file));
}

/** The tests and measurements of the kernels in Python, and the files that they read. */
function pythonFiles(): string[] {
  const tests = ["check.py", "lilaw.py", "no_device.py", "reference.py", "sanitize.sh"].map((name) =>
    join(native, "test", "gpu", name),
  );
  const drivers = ["bench.py", "fused_cross_entropy.py"].map((name) => join(here, "drivers", name));
  return [...tests, ...drivers, join(root, "packages", "testing", "golden", "lilaw.json")];
}

/** The text of about.txt: a line for each version that results name. */
function about(): string {
  const { commit, date } = currentOrigin(root);
  const { version } = JSON.parse(readFileSync(join(native, "package.json"), "utf8")) as { version: string };
  const nvcc = run("nvcc", "--version").match(/release ([\d.]+)/)?.[1];
  const lines = [
    `commit ${commit}`,
    `built ${date}`,
    `lilaw ${version}`,
    `node ${process.versions.node}`,
    `nvcc ${nvcc}`,
  ];
  return `${lines.join("\n")}\n`;
}

/** Runs a program and returns what it printed; throws with its last lines when it fails. */
function run(program: string, ...args: string[]): string {
  try {
    return execFileSync(program, args, { encoding: "utf8", stdio: "pipe", maxBuffer: 1 << 28 });
  } catch (error) {
    const {
      stdout = "",
      stderr = "",
      message,
    } = error as { stdout?: string; stderr?: string; message: string };
    const end = `${stdout}\n${stderr}`.trim().split("\n").slice(-20).join("\n");
    throw new Error(`${program} failed: ${end || message}`);
  }
}
