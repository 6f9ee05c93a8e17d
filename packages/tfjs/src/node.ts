import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { expected, LilawError } from "@lilaw/core";
import * as tf from "@tensorflow/tfjs-core";
import { registerWasmKernels } from "./kernels/conv2d-backprop-filter-wasm.js";

/** tfjs backends that train in Node. `"tensorflow"` is tfjs-node or tfjs-node-gpu, whichever is installed. */
export type NodeBackend = "tensorflow" | "wasm" | "cpu";

export interface BackendReport {
  readonly backend: NodeBackend;
  /** Backends that were tried first, and why each did not come up */
  readonly tried: readonly { name: string; reason: string }[];
}

const order: readonly NodeBackend[] = ["tensorflow", "wasm", "cpu"];

/**
 * Loads, registers and selects a tfjs backend in Node. `"auto"` takes the first that comes up of tensorflow, wasm
 * and cpu; an explicit one that cannot run throws.
 *
 * @throws LilawError `UNKNOWN_NAME`, `BACKEND_UNAVAILABLE`
 */
export async function useBackend(name: "auto" | NodeBackend = "auto"): Promise<BackendReport> {
  if (name !== "auto" && !order.includes(name)) {
    throw expected("UNKNOWN_NAME", `one of auto, ${order.join(", ")}`, "backend", name);
  }
  const tried: { name: string; reason: string }[] = [];
  for (const candidate of name === "auto" ? order : [name]) {
    try {
      await loaders[candidate]();
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

const loaders: Record<NodeBackend, () => Promise<void>> = {
  async tensorflow() {
    process.env.TF_CPP_MIN_LOG_LEVEL ??= "2"; // TensorFlow reports its CPU features on every start otherwise
    try {
      await import("@tensorflow/tfjs-node");
    } catch (first) {
      await import("@tensorflow/tfjs-node-gpu").catch((second) => {
        throw new Error(`tfjs-node: ${firstLine(first)}; tfjs-node-gpu: ${firstLine(second)}`);
      });
    }
    await select("tensorflow");
  },
  async wasm() {
    const wasm = await import("@tensorflow/tfjs-backend-wasm");
    const main = createRequire(import.meta.url).resolve("@tensorflow/tfjs-backend-wasm");
    wasm.setWasmPaths(join(dirname(main), "/"));
    registerWasmKernels();
    await select("wasm");
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

function firstLine(error: unknown): string {
  return String((error as Error)?.message ?? error).split("\n", 1)[0]!;
}
