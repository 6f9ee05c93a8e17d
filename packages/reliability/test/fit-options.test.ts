/** Every option of `fit` and of the weightings with every strange value: random calls meet few of these pairs. */
import { fit, learningToReweight, lilaw, plain, randomWeights } from "@lilaw/tfjs";
import * as tf from "@tensorflow/tfjs-core";
import * as layers from "@tensorflow/tfjs-layers";
import { beforeAll, expect, it } from "vitest";
import { openTensors } from "../src/calls/tensors.js";
import { OwnError, strange } from "../src/calls/values.js";
import { checkRefusal } from "../src/refusals.js";

const weightings = { lilaw, learningToReweight, plain, randomWeights };
const options = {
  lilaw: [
    ...["alpha", "learningRate", "warmupEpochs", "metaEvery", "validationBatchSize", "gradient", "normalize"],
    ...["loss", "transition", "validation"],
  ],
  learningToReweight: ["validationBatchSize", "route", "loss", "transition", "validation"],
  plain: ["loss", "transition"],
  randomWeights: ["loss", "transition"],
};
const ofFit = [
  ...["batchSize", "shuffle", "validationSplit", "validationData", "initialEpoch", "seed", "sampleWeight"],
  ...["classWeight", "callbacks", "resume", "record", "checkpoint", "weighting"],
];

beforeAll(openTensors);

/** Trains with one strange value; ends where that is refused. */
async function train(name: keyof typeof weightings, place: "weighting" | "fit", key: string, value: unknown) {
  const [x, y] = [tf.ones([8, 2]), tf.tensor1d([0, 1, 2, 0, 1, 2, 0, 1], "int32")];
  const model = layers.sequential({
    layers: [layers.layers.dense({ units: 3, inputShape: [2], kernelInitializer: "ones" })],
  });
  const optimizer = tf.train.adam(0.1);
  try {
    model.compile({ optimizer, loss: "categoricalCrossentropy" });
    const own = {
      ...(name === "learningToReweight" && { validation: [x, y] }),
      ...(place === "weighting" && { [key]: value }),
    };
    const weighting = weightings[name](own as never);
    const common = { weighting, epochs: 1, batchSize: 4, verbose: 0, yieldEvery: "never" };
    await fit(model, x, y, { ...common, ...(place === "fit" && { [key]: value }) } as never);
  } catch (error) {
    if (!(error instanceof OwnError)) checkRefusal(error);
  } finally {
    tf.dispose([x, y]);
    model.dispose();
    optimizer.dispose();
  }
}

it.each(Object.keys(weightings) as (keyof typeof weightings)[])(
  "a strange value of an option is taken or refused: %s",
  async (name) => {
    const cases = [
      ...options[name].map((key) => ["weighting", key] as const),
      ...ofFit.map((key) => ["fit", key] as const),
    ];
    const { numTensors } = tf.memory();
    const faults: string[] = [];
    for (const [place, key] of cases) {
      for (const [i, value] of strange.entries()) {
        await train(name, place, key, value).catch((error) =>
          faults.push(`${place} ${key} ${i}: ${error.message}`),
        );
      }
    }
    expect(faults).toEqual([]);
    expect(tf.memory().numTensors).toBe(numTensors);
  },
);
