import "@tensorflow/tfjs-backend-cpu";
import { crossEntropy, fit, lilaw } from "@lilaw/tfjs";
import * as tf from "@tensorflow/tfjs-core";
import * as layers from "@tensorflow/tfjs-layers";

await tf.setBackend("cpu");
const model = layers.sequential();
model.add(
  layers.layers.dense({
    units: 2,
    inputShape: [1],
    kernelInitializer: layers.initializers.glorotNormal({ seed: 1 }),
  }),
);
model.compile({ optimizer: tf.train.adam(0.1), loss: crossEntropy });

const x = tf.tensor2d(
  Array.from({ length: 64 }, (_, row) => (row % 2 ? 1 : -1)),
  [64, 1],
);
const y = tf.tensor1d(
  Array.from({ length: 64 }, (_, row) => row % 2),
  "int32",
);
const history: layers.History = await fit(model, x, y, {
  ...{ epochs: 3, batchSize: 16, verbose: 0, validationData: [x, y] },
  weighting: lilaw({ warmupEpochs: 1 }),
});
const losses = history.history.loss as number[];
if (losses.length !== 3 || !losses.every(Number.isFinite)) throw new Error(`losses ${losses}`);

// @ts-expect-error a weighting is not a name, and the types say so
export const wrong = () => fit(model, x, y, { weighting: "lilaw" });
console.log("works");
