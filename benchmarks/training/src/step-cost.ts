import { type Case, type Measured, round, type Suite } from "@lilaw/bench";
import type { NodeBackend } from "@lilaw/tfjs/node";
import { checkMethods } from "./check.js";
import { backends, openComparison, openEpochs, rounds } from "./epochs.js";
import { baseline, methods } from "./methods.js";
import { type ModelName, modelNames } from "./models.js";

const batchSize = 128;

/** Steps of an epoch, and rounds: enough that the start of `fit` does not count, few enough to end in minutes. */
const effort: Record<NodeBackend, Record<ModelName, { steps: number; rounds: number }>> = {
  tensorflow: {
    mlp: { steps: 40, rounds: 15 },
    cnn: { steps: 20, rounds: 11 },
    resnet8: { steps: 2, rounds: 7 },
  },
  wasm: {
    mlp: { steps: 10, rounds: 7 },
    cnn: { steps: 4, rounds: 5 },
    resnet8: { steps: 1, rounds: 3 },
  },
  cpu: {
    mlp: { steps: 2, rounds: 5 },
    cnn: { steps: 1, rounds: 3 },
    resnet8: { steps: 1, rounds: 3 },
  },
};

/** Fifteen methods would take many minutes where a step of `model.fit` takes longer than this. */
const stepSecondsLimit = 2;

/** The reason to skip the case, if there is one: found by a step on a sixteenth of the batch. */
async function tooSlow(backend: NodeBackend, model: ModelName): Promise<string | undefined> {
  const share = 16;
  const epochs = openEpochs({ backend, model, batchSize: batchSize / share, steps: 1 });
  const { sample } = epochs.variant(baseline, methods[baseline]!);
  await sample(1); // the first one compiles
  const seconds = share * (await sample(1));
  epochs.close();
  return seconds > stepSecondsLimit
    ? `a step of ${baseline} would take about ${round(seconds, 1)} s`
    : undefined;
}

/** The most that a method may take on tensorflow, as a multiple of the time of `model.fit`. */
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

function caseOf(backend: NodeBackend, model: ModelName, quick: boolean): Case {
  const { steps, rounds: count } = effort[backend][model];
  return {
    labels: { backend, model, batchSize },
    variants: Object.keys(methods),
    baseline,
    effort: rounds(quick ? 3 : count),
    async open(names) {
      const opened = await openComparison(names, {
        training: { backend, model, batchSize, steps: quick ? Math.ceil(steps / 5) : steps },
        methods,
        check: checkMethods,
        reasonToSkip: () => tooSlow(backend, model),
      });
      const bar = ({ variant }: Measured) =>
        backend === "tensorflow" ? bars[model]?.[variant.name] : undefined;
      return {
        ...opened,
        columns: (measured, all) => ({ ...opened.columns?.(measured, all), bar: bar(measured) }),
      };
    },
  };
}

/** Batch 128, Adam. Every method trains its own model; a call is one epoch, with all that a call of `fit` does. */
export const stepCost: Suite = {
  name: "step-cost",
  question: "What does a training step cost with each weighting, against model.fit of tfjs?",
  cases: (quick) => backends.flatMap((backend) => modelNames.map((model) => caseOf(backend, model, quick))),
};
