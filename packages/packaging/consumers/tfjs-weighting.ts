/** A weighting written outside of the repository, against the published types: it trains, and resumes bit for bit. */
import "@tensorflow/tfjs-backend-cpu";
import { Random } from "@lilaw/core";
import { crossEntropy, fit, readTrainingState } from "@lilaw/tfjs";
import { type LogitsWeighting, rowLosses } from "@lilaw/tfjs/weighting";
import * as tf from "@tensorflow/tfjs-core";
import { initializers, type LayersModel, layers, sequential } from "@tensorflow/tfjs-layers";

/** Trains on the samples whose loss is below the running mean. */
function belowMean(momentum: number): LogitsWeighting {
  return {
    name: "below-mean",
    loss: "auto",
    needsValidation: false,
    start({ head, loss, read, stepOnLogits }) {
      let mean = 0.3;
      return {
        step: (batch) =>
          stepOnLogits(batch, () => {
            const logits = head.forward(batch.xs, true);
            const losses = rowLosses(logits, { labels: batch.labels, loss });
            read([losses], (values) => {
              const ofBatch = values.reduce((sum, value) => sum + value, 0) / values.length;
              mean = momentum * mean + (1 - momentum) * ofBatch;
            });
            const below = tf.cast(tf.lessEqual(losses, mean), "float32");
            return { logits, weights: tf.div(below, mean) };
          }),
        logs: () => ({ mean }),
        settings: () => ({ momentum, loss }),
        state: () => ({ mean }),
        restore(state: { mean: number }) {
          mean = state.mean;
        },
      };
    },
  };
}

function newModel(): LayersModel {
  const kernelInitializer = initializers.glorotNormal({ seed: 1 });
  const model = sequential();
  model.add(layers.dense({ units: 8, inputShape: [2], activation: "relu", kernelInitializer }));
  model.add(layers.dropout({ rate: 0.2 }));
  model.add(layers.dense({ units: 2, kernelInitializer }));
  model.compile({ optimizer: tf.train.adam(0.05), loss: crossEntropy, metrics: ["accuracy"] });
  return model;
}

await tf.setBackend("cpu");
const random = Random.from(1, "samples");
const clean = Array.from({ length: 96 }, (_, row) => row % 2);
const features = clean.flatMap((label) => [label + random.normal() / 4, random.normal()]);
const x = tf.tensor2d(features, [96, 2]);
const y = tf.tensor1d(
  clean.map((label, row) => (row % 5 === 0 ? 1 - label : label)),
  "int32",
);
const args = { epochs: 6, batchSize: 16, verbose: 0, seed: 3 } as const;

const states: Uint8Array[] = [];
const whole = newModel();
const { history } = await fit(whole, x, y, {
  ...{ ...args, weighting: belowMean(0.95) },
  checkpoint: (state) => void states.push(state),
});
const losses = history.loss as number[];
if (!(losses.at(-1)! < losses[0]!)) throw new Error(`It has not learned: ${losses}`);

const { weighting, weightingState } = readTrainingState(states[2]!);
const told = JSON.stringify([weighting, weightingState]);
if (told !== JSON.stringify(["below-mean", { mean: history.mean![2] }])) throw new Error(told);

const resumed = newModel();
const rest = await fit(resumed, x, y, { ...args, weighting: belowMean(0.95), resume: states[2]! });
const bitsOf = (model: LayersModel) =>
  model.getWeights().map((weight) => new Uint32Array(Float32Array.from(weight.dataSync()).buffer).join());
if (bitsOf(resumed).join() !== bitsOf(whole).join()) throw new Error("The weights are others");
for (const name in history) {
  const [all, later] = [history[name], rest.history[name]].map(String);
  if (!all!.endsWith(`,${later}`)) throw new Error(`${name}: ${later}, not the end of ${all}`);
}

const code = await fit(newModel(), x, y, { ...args, weighting: belowMean(0.9), resume: states[2]! }).then(
  () => "none",
  (error: { code: string }) => error.code,
);
if (code !== "INCOMPATIBLE_STATE") throw new Error(`Another momentum: ${code}`);

// @ts-expect-error a step has to return what stepOnLogits returns, and the types say so
export const wrong: LogitsWeighting = { ...belowMean(0.95), start: () => ({ step() {} }) };
console.log("works");
