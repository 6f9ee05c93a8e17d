import type { Case, Question } from "@lilaw/cli/bench";
import { useBackend } from "@lilaw/tfjs/node";
import { checkMethods } from "./check.js";
import { absent, type Backend, backends, openEpochs, reasonAgainst, rounds } from "./epochs.js";
import { baseline, methods } from "./methods.js";
import { type ModelName, modelNames } from "./models.js";

const batchSize = 128;

/** Steps an epoch and rounds: enough for the start of a `fit` not to count, few enough to end. */
const effort: Record<Backend, Record<ModelName, { steps: number; rounds: number } | { skipped: string }>> = {
  tensorflow: {
    mlp: { steps: 40, rounds: 15 },
    cnn: { steps: 20, rounds: 11 },
    resnet8: { steps: 2, rounds: 7 },
  },
  wasm: {
    mlp: { steps: 10, rounds: 7 },
    cnn: { steps: 4, rounds: 5 },
    resnet8: { skipped: "a step takes seconds: tfjs has no threads there" },
  },
  cpu: {
    mlp: { steps: 2, rounds: 5 },
    cnn: { skipped: "a step takes seconds: tfjs computes convolutions in plain JavaScript there" },
    resnet8: { skipped: "a step takes seconds: tfjs computes convolutions in plain JavaScript there" },
  },
};

/** How many times as long as `model.fit` a method may take on tensorflow. */
const bars: Partial<Record<ModelName, Record<string, number>>> = {
  mlp: {
    plain: 0.7,
    "lilaw, validation batch 1": 0.8,
    "lilaw, validation batch 1/4": 0.72,
    "l2rw tangent, validation batch 1": 2.4,
    "l2rw central-difference, validation batch 1": 2.7,
    "l2rw tangent, validation batch 1/10": 1.5,
  },
  cnn: {
    plain: 0.9,
    "lilaw, validation batch 1": 1.18,
    "lilaw, validation batch 1/4": 1,
    "l2rw tangent, validation batch 1": 2.4,
    "l2rw central-difference, validation batch 1": 2.7,
    "l2rw tangent, validation batch 1/10": 1.5,
  },
};

function caseOf(backend: Backend, model: ModelName, quick: boolean): Case {
  const planned = effort[backend][model];
  const { steps, rounds: count } = "skipped" in planned ? { steps: 0, rounds: 0 } : planned;
  return {
    labels: { backend, model, batchSize },
    contenders: Object.keys(methods),
    baseline,
    effort: rounds(quick ? 3 : count),
    async open(names) {
      const reason = "skipped" in planned ? planned.skipped : await reasonAgainst(() => useBackend(backend));
      if (reason !== undefined) return absent(names, reason);
      const epochs = openEpochs({ backend, model, batchSize, steps: quick ? Math.ceil(steps / 5) : steps });
      return {
        contenders: names.map((name) => epochs.contender(name, methods[name]!)),
        check: () => checkMethods(epochs),
        columns: (measured) => ({
          ...epochs.columns(measured),
          bar: backend === "tensorflow" ? bars[model]?.[measured.contender.name] : undefined,
        }),
        close: () => epochs.close(),
      };
    },
  };
}

/**
 * Batch 128, Adam. Every method trains a model of its own; a call is one epoch, all that a call of `fit` does included.
 */
export const stepCost: Question = {
  name: "step-cost",
  question: "What does a training step cost with each weighting, against model.fit of tfjs?",
  cases: (quick) => backends.flatMap((backend) => modelNames.map((model) => caseOf(backend, model, quick))),
};
