import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-cpu";
import * as layers from "@tensorflow/tfjs-layers";
import { beforeAll, describe, expect, it } from "vitest";
import { buildModel, loadTopology } from "../src/models.js";
import { scratch } from "./support.js";

beforeAll(() => tf.setBackend("cpu"));

async function weightsOf(model: string, shape: number[], seed: number): Promise<number[][]> {
  const built = await buildModel(await loadTopology(model, shape, 3), seed);
  const values = built.getWeights().map((weight) => [...weight.dataSync()]);
  built.dispose();
  return values;
}

describe.each([
  ["linear", [5], [[5, 3], [3]]],
  ["mlp", [2, 3, 1], [[6, 256], [256], [256, 256], [256], [256, 3], [3]]],
  ["cnn", [8, 8, 1], [[3, 3, 1, 16], [16], [3, 3, 16, 32], [32], [128, 3], [3]]],
  ["cnn", [12], [[3, 1, 16], [16], [3, 16, 32], [32], [96, 3], [3]]],
])("%s for samples of %j", (name, shape, weightShapes) => {
  it("has the layers it should and ends in logits", async () => {
    const model = await buildModel(await loadTopology(name, shape, 3), 1);
    expect(model.getWeights().map((weight) => weight.shape)).toEqual(weightShapes);
    expect(model.outputs[0]!.shape).toEqual([null, 3]);
    expect(model.layers.at(-1)!.getConfig().activation).toBe("linear");
    model.dispose();
  });

  it("starts from its seed", async () => {
    const first = await weightsOf(name, shape, 0);
    expect(await weightsOf(name, shape, 0)).toEqual(first);
    const second = await weightsOf(name, shape, 1);
    for (const [i, values] of first.entries()) {
      // Biases start at 0; no two kernels alike.
      if (values.every((value) => value === 0)) continue;
      expect(second[i]).not.toEqual(values);
    }
  });
});

it("leaves no tensors behind", async () => {
  const before = tf.memory().numTensors;
  await weightsOf("cnn", [8, 8, 1], 1);
  expect(tf.memory().numTensors).toBe(before);
});

it("refuses a convolution over too few features", async () => {
  await expect(loadTopology("cnn", [3], 3)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
});

describe("a model.json", () => {
  const custom = (units: number) =>
    layers.sequential({
      layers: [
        layers.layers.dense({ inputShape: [5], units: 4, kernelInitializer: "truncatedNormal" }),
        layers.layers.dropout({ rate: 0.5 }),
        layers.layers.dense({ units }),
      ],
    });

  it("gives its layers, initialised by seed", async () => {
    const file = join(await scratch(), "model.json");
    const { modelTopology } = await new Promise<tf.io.ModelArtifacts>((resolve) => {
      custom(3).save(
        tf.io.withSaveHandler(async (artifacts) => {
          resolve(artifacts);
          return { modelArtifactsInfo: tf.io.getModelArtifactsInfoForJSON(artifacts) };
        }),
      );
    });
    await writeFile(file, JSON.stringify({ modelTopology }));
    const first = await weightsOf(file, [5], 1);
    expect(first.map((values) => values.length)).toEqual([20, 4, 12, 3]);
    expect(await weightsOf(file, [5], 1)).toEqual(first);
    expect(await weightsOf(file, [5], 2)).not.toEqual(first);
  });

  it.each([
    ["MODEL_OUTPUT", JSON.stringify(custom(4).toJSON(null, false)), "Expected shape [3] per sample"],
    [
      "MODEL_OUTPUT",
      JSON.stringify(
        layers
          .sequential({ layers: [layers.layers.dense({ inputShape: [6], units: 3 })] })
          .toJSON(null, false),
      ),
      "Expected shape [5] per sample",
    ],
    [
      "MODEL_OUTPUT",
      JSON.stringify(
        layers
          .sequential({
            layers: [
              layers.layers.reshape({ inputShape: [5], targetShape: [7] }),
              layers.layers.dense({ units: 3 }),
            ],
          })
          .toJSON(null, false),
      ),
      "one that does not run",
    ],
    ["CORRUPT_FILE", "{", "Expected JSON"],
    ["CORRUPT_FILE", '{"class_name":"Nothing"}', "Expected a TensorFlow.js layers model"],
  ])("answers %s to a wrong one", async (code, text, words) => {
    const file = join(await scratch(), "model.json");
    await writeFile(file, text);
    await expect(loadTopology(file, [5], 3)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(words),
    });
  });

  it("must be there", async () => {
    await expect(loadTopology("/nowhere/model.json", [5], 3)).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
    });
  });
});
