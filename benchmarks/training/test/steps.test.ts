import { useBackend } from "@lilaw/tfjs/node";
import { afterAll, beforeAll, describe, it } from "vitest";
import { checkMethods } from "../src/check.js";
import { openEpochs, reasonAgainst } from "../src/epochs.js";
import { modelNames } from "../src/models.js";
import { checkAgainstPytorch } from "../src/pytorch.js";
import { PytorchProcess, pythonWithTorch } from "../src/pytorch-process.js";

const { backend } = await useBackend();
const withoutTorch = await reasonAgainst(pythonWithTorch);

describe.for(modelNames)("the first step of %s", (model) => {
  const training = { backend, model, batchSize: 16, steps: 1 };
  const slow = model === "resnet8" && backend !== "tensorflow";
  let epochs: ReturnType<typeof openEpochs>;
  beforeAll(() => {
    epochs = openEpochs(training);
  });
  afterAll(() => epochs.close());

  it("is right with every method", async ({ skip }) => {
    skip(slow, `takes minutes on ${backend}`);
    await checkMethods(epochs);
  });

  it("is that of PyTorch", async ({ skip }) => {
    skip(slow, `takes minutes on ${backend}`);
    skip(withoutTorch !== undefined, withoutTorch);
    const pytorch = await PytorchProcess.start(model, epochs, 1);
    try {
      await checkAgainstPytorch(pytorch, epochs);
    } finally {
      await pytorch.close();
    }
  });
});
