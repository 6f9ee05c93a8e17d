import assert from "node:assert/strict";
import type { Case, Suite } from "@lilaw/bench";
import { deviation } from "@lilaw/testing";
import { fit, lilaw } from "@lilaw/tfjs";
import type { NodeBackend } from "@lilaw/tfjs/node";
import type { LayersModel } from "@tensorflow/tfjs-layers";
import { backends, type Epochs, openComparison, rounds } from "./epochs.js";
import type { Train } from "./methods.js";
import type { ModelName, ModelOptions, Samples } from "./models.js";

interface Network {
  readonly model: ModelName;
  readonly options?: Partial<ModelOptions>;
  readonly steps: number;
  readonly backends: readonly NodeBackend[];
}

const mlp = (inputs: number, units: number, steps: number): Network => ({
  ...{ model: "mlp", options: { inputShape: [inputs], units }, steps },
  backends: units > 100 ? ["tensorflow", "wasm"] : backends, // too slow on cpu, where it would take an hour
});

/** From a few multiplications for each row to a million. */
const networks: Readonly<Record<string, Network>> = {
  "mlp 8-16-10": mlp(8, 16, 40),
  "mlp 64-64-10": mlp(64, 64, 40),
  "mlp 784-32-10": mlp(784, 32, 20),
  "mlp 784-256-10": mlp(784, 256, 20),
  cnn: { model: "cnn", steps: 5, backends: ["tensorflow", "wasm"] },
};

const batchSize = 128;
const passes = { "two passes": false, "one pass": true } as const;
type Passes = keyof typeof passes;

const weighting = ({ x, y }: Samples, validationBatchSize: number, name: Passes) =>
  lilaw({ validation: [x, y], warmupEpochs: 0, validationBatchSize, sharedForward: passes[name] });

/** Trains for an epoch, shuffled with the same seed each time. */
const trainWith =
  (name: Passes, validationBatchSize: number): Train =>
  (model: LayersModel, { x, y }, validation) =>
    fit(model, x, y, { batchSize, verbose: 0, weighting: weighting(validation, validationBatchSize, name) });

/** Checks that loss and scalars after an epoch are the same with one pass and with two. */
async function check({ build, samples, validation }: Epochs, validationBatchSize: number): Promise<void> {
  const results = async (name: Passes) => {
    const model = build();
    const history = (await trainWith(name, validationBatchSize)(model, samples, validation, batchSize)) as {
      history: Record<string, number[]>;
    };
    model.dispose();
    return ["loss", "alpha", "beta", "delta"].map((key) => history.history[key]![0]!);
  };
  const difference = deviation(await results("one pass"), await results("two passes"));
  assert(difference < 1e-4, `one pass trains otherwise than two, by ${difference}`);
}

function caseOf(backend: NodeBackend, name: string, validationBatchSize: number, quick: boolean): Case {
  const { model, options = {}, steps } = networks[name]!;
  const variants = Object.keys(passes) as Passes[];
  return {
    labels: { backend, model: name, batch: batchSize, validationBatch: validationBatchSize },
    variants,
    baseline: "two passes",
    effort: rounds(quick ? 3 : 15),
    open: (names) =>
      openComparison(names, {
        training: { backend, model, options, batchSize, steps },
        methods: Object.fromEntries(variants.map((name) => [name, trainWith(name, validationBatchSize)])),
        check: (epochs) => check(epochs, validationBatchSize),
      }),
  };
}

/** Batch 128; validation batches of 128, 32 and 13. */
export const sharedForward: Suite = {
  name: "shared-forward",
  question:
    "Does one forward pass for a training batch and the validation batch before it make a LiLAW step cheaper?",
  cases: (quick) =>
    backends.flatMap((backend) =>
      Object.keys(networks)
        .filter((name) => networks[name]!.backends.includes(backend))
        .flatMap((name) =>
          (quick ? [32] : [128, 32, 13]).map((validationBatch) =>
            caseOf(backend, name, validationBatch, quick),
          ),
        ),
    ),
};
