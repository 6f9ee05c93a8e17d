import { existsSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { expected, LilawError } from "@lilaw/core";
import * as tf from "@tensorflow/tfjs-core";
import { findNative } from "./kernels/find-native.js";
import { mendUtil } from "./patches/node-compatibility.js";
import { prepareBackend } from "./patches/prepare-backend.js";

/** tfjs backends that train in Node. `"tensorflow"` is tfjs-node or tfjs-node-gpu, whichever is installed. */
export type NodeBackend = "tensorflow" | "wasm" | "cpu";

export interface BackendReport {
  readonly backend: NodeBackend;
  /** Backends that were tried before, each with the reason why it does not run */
  readonly tried: readonly { name: string; reason: string }[];
}

const require = createRequire(import.meta.url);
const tensorFlowPackages = ["@tensorflow/tfjs-node", "@tensorflow/tfjs-node-gpu"] as const;
export type TensorFlowPackage = (typeof tensorFlowPackages)[number];

const order: readonly NodeBackend[] = ["tensorflow", "wasm", "cpu"];

/**
 * Loads, registers and selects a tfjs backend in Node. `"auto"` takes the first of tensorflow, wasm and cpu that runs; a
 * backend that is named and cannot run is an error.
 *
 * @param packages with the backend tensorflow; the first usable one is taken
 * @throws LilawError `UNKNOWN_NAME`, `BACKEND_UNAVAILABLE`
 */
export async function useBackend(
  name: "auto" | NodeBackend = "auto",
  packages: readonly TensorFlowPackage[] = tensorFlowPackages,
): Promise<BackendReport> {
  if (name !== "auto" && !order.includes(name)) {
    throw expected("UNKNOWN_NAME", `one of auto, ${order.join(", ")}`, "backend", name);
  }
  const tried: { name: string; reason: string }[] = [];
  for (const candidate of name === "auto" ? order : [name]) {
    try {
      await loaders[candidate](packages);
      return { backend: candidate, tried };
    } catch (error) {
      tried.push({ name: candidate, reason: firstLine(error) });
    }
  }
  throw new LilawError(
    "BACKEND_UNAVAILABLE",
    `Expected a backend that runs here for backend but received ${JSON.stringify(name)}: ` +
      tried.map(({ name, reason }) => `${name}: ${reason}`).join("; "),
  );
}

const loaders: Record<NodeBackend, (packages: readonly TensorFlowPackage[]) => Promise<void>> = {
  async tensorflow(packages) {
    process.env.TF_CPP_MIN_LOG_LEVEL ??= "2"; // TensorFlow reports its CPU features on every start otherwise
    const causes = packages.map((name) => ({ name, cause: causeAgainst(name) }));
    const usable = causes.find(({ cause }) => cause === undefined);
    if (usable === undefined) throw new Error(causes.map(({ name, cause }) => `${name} ${cause}`).join(", "));
    mendUtil(require("node:util"));
    const load = () => require(usable.name);
    const native = findNative();
    if (typeof native === "string") load();
    else native.loadTensorFlowQuietly(load);
    await select("tensorflow");
  },
  async wasm() {
    const wasm = await import("@tensorflow/tfjs-backend-wasm");
    const main = require.resolve("@tensorflow/tfjs-backend-wasm");
    wasm.setWasmPaths(join(dirname(main), "/"));
    await select("wasm");
    prepareBackend();
  },
  async cpu() {
    await import("@tensorflow/tfjs-backend-cpu");
    await select("cpu");
  },
};

async function select(name: NodeBackend): Promise<void> {
  if (!(await tf.setBackend(name))) throw new Error(`tf.setBackend("${name}") failed`);
  await tf.ready();
}

/**
 * The reason why a TensorFlow package cannot be loaded, judged by its files: importing one without its addon would leave
 * kernels registered that cannot run.
 */
function causeAgainst(name: string): string | undefined {
  let folder: string;
  try {
    folder = dirname(require.resolve(`${name}/package.json`));
  } catch {
    return "is not installed";
  }
  const builds = join(folder, "lib");
  const hasAddon = (build: string) => existsSync(join(builds, build, "tfjs_binding.node"));
  return existsSync(builds) && readdirSync(builds).some(hasAddon) ? undefined : "has no native addon";
}

function firstLine(error: unknown): string {
  return String((error as Error)?.message ?? error).split("\n", 1)[0]!;
}
