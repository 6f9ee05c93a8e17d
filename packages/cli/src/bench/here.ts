/** The question of `lilaw bench`: everything that is installed, in one comparison. */
import { type BackendName, backendReport } from "@lilaw/core";
import { type NodeBackend, useBackend } from "@lilaw/tfjs/node";
import { Forecast, kernelCase, type Plan } from "./kernels/case.js";
import { operations, type Shape } from "./kernels/data.js";
import { corePlan, memoryCopyPlan } from "./kernels/host.js";
import { tensorPlan, type Way } from "./kernels/tensors.js";
import type { Question } from "./questions.js";
import { quick, thorough } from "./turns.js";

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

export const hereQuestion: Question = {
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

async function plansHere(): Promise<Plan[]> {
  const report = backendReport();
  const core = backends.map((backend) =>
    corePlan(`core ${backend}`, backend, backend === report.backend ? report.detail : undefined),
  );
  const tensors: Plan[] = [];
  for (const backend of tensorBackends) {
    const absent = await reasonAgainstTensors(backend);
    tensors.push(...ways.map((way) => tensorPlan({ backend, way, absent })));
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
