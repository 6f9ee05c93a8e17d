/**
 * A call of @lilaw/native checks types and lengths and calls C; @lilaw/core also checks every label before. One row
 * of one class has almost nothing to compute, so its time is an upper bound of the time that Node-API adds to the C
 * call.
 */
import { quick, type Suite, thorough, timed } from "@lilaw/bench";
import {
  corePlan,
  Forecast,
  type KernelData,
  type KernelOutput,
  type KernelPlan,
  kernelCase,
  params,
  reasonAgainst,
  type Shape,
} from "@lilaw/bench/kernels";
import { alignmentWeights, metaGradient, weightedLoss } from "@lilaw/native";
import { allThreads, best, threadCount } from "./native.js";

const shapes: readonly Shape[] = [
  [1, 1],
  [128, 10],
  [1024, 100],
];
const where = `${best}, ${threadCount(allThreads)}`;

export const javascript: Suite = {
  name: "javascript",
  question:
    "What does a call from JavaScript add to the kernel, and what is the kernel worth against JavaScript?",
  cases(isQuick) {
    const plans = [
      nativeCallPlan,
      corePlan("@lilaw/core, cpu", "cpu", where),
      corePlan("@lilaw/core, reference", "reference", "JavaScript, float64"),
    ];
    const [baseline, forecast] = [nativeCallPlan.name, new Forecast()];
    return shapes.flatMap((shape) =>
      (["weightedLoss", "metaGradient", "alignmentWeights"] as const).map((operation) =>
        kernelCase({ operation, shape, plans, baseline, effort: isQuick ? quick : thorough, forecast }),
      ),
    );
  },
};

const nativeCallPlan: KernelPlan = {
  name: "@lilaw/native",
  ours: true,
  skipped: reasonAgainst("cpu"),
  frugal: true,
  open(data) {
    const call = callOf(data);
    return {
      name: "@lilaw/native",
      ours: true,
      sample: timed(call),
      output: call,
      facts: () => ({ launches: 1, where }),
    };
  },
};

function callOf({ operation, batch, tangents }: KernelData): () => KernelOutput {
  const args = { ...batch, params, loss: "cross-entropy", gradient: "full", normalize: "none" } as const;
  const floats = () => new Float32Array(batch.rows);
  if (operation === "weightedLoss") {
    const out = { losses: floats(), weights: floats(), gradLogits: new Float32Array(batch.logits.length) };
    return () => [[weightedLoss(args, out).objective], out.gradLogits];
  }
  if (operation === "metaGradient") {
    return () => {
      const { alpha, beta, delta } = metaGradient(args);
      return [[alpha, beta, delta]];
    };
  }
  const out = { alignments: floats(), weights: floats() };
  const input = { ...args, tangents: tangents! };
  return () => {
    alignmentWeights(input, out);
    return [out.weights];
  };
}
