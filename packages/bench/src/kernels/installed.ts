/** The suite of `lilaw bench`: everything that is installed, in one comparison. */
import { type BackendName, backendReport } from "@lilaw/core";
import { type NodeBackend, useBackend } from "@lilaw/tfjs/node";
import type { Suite } from "../suites.js";
import { quick, thorough } from "../turns.js";
import { Forecast, type KernelPlan, kernelCase } from "./case.js";
import { operations, type Shape } from "./data.js";
import { corePlan, memoryCopyPlan } from "./host.js";
import { tensorPlan, type Way } from "./tensors.js";

const shapes: Record<"quick" | "thorough", Shape[]> = {
  quick: [
    [128, 10],
    [1024, 100],
  ],
  thorough: [
    [128, 10],
    [128, 100],
    [1024, 100],
    [4096, 1000],
    [512, 32000],
  ],
};
const backends: readonly BackendName[] = ["cuda", "cpu", "reference"];
const tensorBackends: readonly NodeBackend[] = ["tensorflow", "wasm", "cpu"];
const ways: readonly Way[] = ["kernels", "shortest"];

/** Every operation on every backend of @lilaw/core and @lilaw/tfjs that runs here, and a copy of the logits. */
export const installedSuite: Suite = {
  name: "operations",
  question: "How long do the operations take on this machine, with all that is installed?",
  async cases(isQuick) {
    const plans = await plansHere();
    const forecast = new Forecast();
    const effort = isQuick ? quick : { ...thorough, callSecondsLimit: 2 };
    const baseline = `core ${backendReport().backend}`;
    return shapes[isQuick ? "quick" : "thorough"].flatMap((shape) =>
      operations.map((operation) => kernelCase({ operation, shape, plans, baseline, effort, forecast })),
    );
  },
};

async function plansHere(): Promise<KernelPlan[]> {
  const report = backendReport();
  const core = backends.map((backend) =>
    corePlan(`core ${backend}`, backend, backend === report.backend ? report.detail : undefined),
  );
  const tensors: KernelPlan[] = [];
  for (const backend of tensorBackends) {
    const skipped = await reasonAgainstTensors(backend);
    tensors.push(...ways.map((way) => tensorPlan({ backend, way, skipped })));
  }
  return [...core, ...tensors, memoryCopyPlan];
}

async function reasonAgainstTensors(backend: NodeBackend): Promise<string | undefined> {
  try {
    await useBackend(backend);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
