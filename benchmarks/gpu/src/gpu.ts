/**
 * A step of LiLAW on logits from Node, in the bundle: gpu.mjs FOLDER node|webgpu writes FOLDER/PART.csv
 *
 * - node: our addon on memory of the GPU, call by call and as a captured graph; the same with arrays of the host,
 *   which are copied there and back; the kernels of the host
 * - webgpu: TensorFlow.js in its fewest operations on WebGPU, and our addon in turns with it
 *
 * Rows of variants that cannot run say why. Without a GPU, WebGPU runs on a Vulkan driver for the host where there is one.
 */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type Row, type Suite, thorough, writeResults } from "@lilaw/bench";
import {
  corePlan,
  Forecast,
  type KernelPlan,
  kernelCase,
  reasonAgainst,
  type Shape,
  tensorPlan,
} from "@lilaw/bench/kernels";
import { fail, renderRows, runSuites, stopSignal } from "@lilaw/bench/program";
import { devicePlan, graphPlan } from "@lilaw/benchmark-kernels/device";
import { nativePlan } from "@lilaw/benchmark-kernels/native";
import { expected } from "@lilaw/core";
import { provideWebGpu } from "@lilaw/testing";
import * as tf from "@tensorflow/tfjs-core";

const shapes: readonly Shape[] = [
  [128, 10],
  [1024, 100],
  [4096, 1000],
  [65536, 1000],
];

const plans = {
  node: async (): Promise<KernelPlan[]> => [
    graphPlan,
    corePlan("cuda, with transfers", "cuda", "host arrays"),
  ],
  async webgpu(): Promise<KernelPlan[]> {
    const found = await findWebGpu();
    return (["shortest", "kernels"] as const).map((way) => tensorPlan({ backend: "webgpu", way, ...found }));
  },
};
type Part = keyof typeof plans;

async function findWebGpu(): Promise<{ where: string; skipped?: string }> {
  try {
    const where = await provideWebGpu();
    await import("@tensorflow/tfjs-backend-webgpu");
    await tf.setBackend("webgpu");
    await tf.ready();
    return { where };
  } catch (error) {
    return { where: "", skipped: (error as Error).message };
  }
}

/** A suite for each shape, so that its results are written before the next one begins. */
function suitesOn(part: Part, all: readonly KernelPlan[], baseline: string): Suite[] {
  const forecast = new Forecast();
  const effort = { ...thorough, callSecondsLimit: 2 };
  return shapes.map((shape) => ({
    name: `${part} [${shape}]`,
    question: "What does a step of LiLAW on logits take from Node?",
    cases: () => [kernelCase({ operation: "lilawStep", shape, plans: all, baseline, effort, forecast })],
  }));
}

async function main([folder, part, ...rest]: string[]): Promise<void> {
  if (folder === undefined) throw expected("INVALID_ARGUMENT", "a folder", "the results", folder);
  if (part !== "node" && part !== "webgpu")
    throw expected("UNKNOWN_NAME", "node or webgpu", "the part", part);
  tf.enableProdMode();
  const host = nativePlan();
  // The baseline has to run.
  const baseline = reasonAgainst("cuda") === undefined ? devicePlan.name : host.name;
  const suites = suitesOn(part, [devicePlan, host, ...(await plans[part]())], baseline);
  const chosen = rest.includes("--quick") ? suites.slice(0, 1) : suites;
  const results: Row[] = [];
  const options = { quick: false, json: false };
  for await (const { rows } of runSuites(chosen, options, { signal: stopSignal() })) {
    results.push(...rows);
    writeResults(pathToFileURL(join(folder, `${part}.csv`)), results);
    console.log(renderRows(rows));
  }
}

main(process.argv.slice(2)).catch(fail);
