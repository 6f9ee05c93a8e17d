import assert from "node:assert/strict";
import { availableParallelism } from "node:os";
import type { Case, OpenCase, Suite, Variant } from "@lilaw/bench";
import { deviation } from "@lilaw/testing";
import { useBackend } from "@lilaw/tfjs/node";
import { distanceOf, stepOf, weightings, withFirstStep } from "./check.js";
import { type Epochs, openEpochs, reasonAgainst, rounds, skippedCase } from "./epochs.js";
import { l2rwWith, lilawWith, modelFit, baseline as modelFitName, ourPlain, type Train } from "./methods.js";
import { type ModelName, modelNames } from "./models.js";
import { PytorchProcess, pythonWithTorch } from "./pytorch-process.js";

const batchSize = 128;
const baseline = "PyTorch: plain";

const ours: Readonly<Record<string, Train>> = {
  [modelFitName]: modelFit,
  plain: ourPlain,
  lilaw: lilawWith(),
  "l2rw tangent": l2rwWith("tangent"),
  "l2rw central-difference": l2rwWith("central-difference"),
};

/** The methods of pytorch.py, each with our method that computes the same. */
const theirs = {
  plain: "plain",
  "lilaw, as the paper writes it": "lilaw",
  "lilaw, without the second backward": "lilaw",
  "l2rw, double differentiation": "l2rw",
  "l2rw, torch.func.jvp": "l2rw",
} as const;
type Theirs = keyof typeof theirs;

const prefix = "PyTorch: ";
const names = [...Object.keys(ours), ...Object.keys(theirs).map((name) => prefix + name)];

const effort: Record<ModelName, { steps: number; rounds: number }> = {
  mlp: { steps: 40, rounds: 15 },
  cnn: { steps: 20, rounds: 11 },
  resnet8: { steps: 2, rounds: 7 },
};

/** Checks that one step from the same network gives the same sample weights, and the same loss of the batch after it. */
export const checkAgainstPytorch = (pytorch: PytorchProcess, epochs: Epochs): Promise<void> =>
  withFirstStep(epochs, async (first) => {
    for (const [method, same] of Object.entries(theirs) as [Theirs, keyof typeof weightings][]) {
      const expected = await pytorch.step(method);
      const { record, loss, scalars } = await stepOf(weightings[same](first.validation), first);
      const distance = distanceOf(record.weights, expected.weights);
      assert(distance < 1e-3, `${method}: weights differ by ${distance}`);
      assert(
        Math.abs(loss - expected.loss) < 1e-4,
        `${method}: loss ${loss} and ${expected.loss} after a step`,
      );
      if (scalars.length === 0) continue;
      const worst = deviation(scalars, expected.scalars);
      assert(worst < 1e-6, `${method}: scalars ${scalars} and ${expected.scalars}`);
    }
  });

async function open(model: ModelName, steps: number, wanted: readonly string[]): Promise<OpenCase> {
  const reason = await reasonAgainst(async () => {
    await useBackend("tensorflow");
    pythonWithTorch();
  });
  if (reason !== undefined) return skippedCase(wanted, reason);
  const epochs = openEpochs({ backend: "tensorflow", model, batchSize, steps });
  const pytorch = await PytorchProcess.start(model, epochs, availableParallelism());
  return {
    variants: wanted.map((name) => variantOf(name, epochs, pytorch, steps)),
    check: () => checkAgainstPytorch(pytorch, epochs),
    columns: (measured) => ({ ...epochs.columns(measured), ...pytorch.version }),
    async close() {
      await pytorch.close();
      epochs.close();
    },
  };
}

function variantOf(name: string, epochs: Epochs, pytorch: PytorchProcess, steps: number): Variant {
  if (!name.startsWith(prefix)) return epochs.variant(name, ours[name]!);
  const method = name.slice(prefix.length);
  return {
    name,
    ours: false,
    async sample(calls) {
      let seconds = 0;
      for (let call = 0; call < calls; call++) seconds += await pytorch.train(method, steps, batchSize);
      return seconds;
    },
  };
}

function caseOf(model: ModelName, quick: boolean): Case {
  const { steps, rounds: count } = effort[model];
  return {
    labels: { model, batchSize },
    variants: names,
    baseline,
    effort: rounds(quick ? 3 : count),
    open: (wanted) => open(model, quick ? Math.ceil(steps / 5) : steps, wanted),
  };
}

/**
 * Both sides have the same network, initial weights, batches of 128, Adam and number of threads; ours run on tensorflow.
 * LiLAW in PyTorch runs as the paper writes it, with a backward pass through the network for the scalars, and without that
 * pass; Learning to Reweight runs by double differentiation, as published, and by torch.func.jvp.
 */
export const againstPytorch: Suite = {
  name: "pytorch",
  question: "What does a training step cost here and in PyTorch, against a plain step in PyTorch?",
  cases: (quick) => modelNames.map((model) => caseOf(model, quick)),
};
