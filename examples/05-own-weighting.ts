/**
 * 05: a weighting of your own. A network learns right labels before wrong ones, so a small loss speaks for a label:
 * after warm-up each step trains on the samples whose loss is below a running threshold, and leaves the others out. `fit` does the
 * rest: optimizer, metrics, checkpoints and resume, with the threshold in them.
 */
import { fit, plain } from "@lilaw/tfjs";
import { useBackend } from "@lilaw/tfjs/node";
import { type LogitsWeighting, rowLosses } from "@lilaw/tfjs/weighting";
import * as tf from "@tensorflow/tfjs-core";
import { network, noisyMnist, testAccuracy } from "./mnist.js";

/** @param keep share of the samples to train on */
function smallLoss({ keep = 0.5, warmupEpochs = 1, momentum = 0.9 } = {}): LogitsWeighting {
  return {
    name: "small-loss",
    loss: "auto",
    needsValidation: false,
    start({ head, loss, read, stepOnLogits }) {
      let threshold = 0; // the running state: the loss below which a share of `keep` of the samples lies

      function update(losses: Float32Array): void {
        const ofBatch = losses.sort()[Math.ceil(keep * losses.length) - 1]!;
        threshold = threshold === 0 ? ofBatch : momentum * threshold + (1 - momentum) * ofBatch;
      }

      return {
        step: (batch) =>
          stepOnLogits(batch, () => {
            const logits = head.forward(batch.xs, true); // [B, classes]
            const losses = rowLosses(logits, { labels: batch.labels, loss }); // [B]
            read([losses], update);
            if (batch.epoch < warmupEpochs) return { logits };
            return { logits, weights: tf.div(tf.cast(tf.lessEqual(losses, threshold), "float32"), keep) };
          }),
        logs: () => ({ threshold }),
        settings: () => ({ loss, keep, warmupEpochs, momentum }),
        state: () => threshold,
        restore(state: number) {
          threshold = state;
        },
      };
    },
  };
}

const { backend } = await useBackend("auto");
const { train, test, testLabels, classes } = await noisyMnist();
console.log(`backend ${backend}`);
for (const weighting of [plain({ loss: "cross-entropy" }), smallLoss()]) {
  const model = network();
  await fit(model, train.x, train.y, { epochs: 6, batchSize: 64, verbose: 0, weighting });
  const accuracy = testAccuracy(model, test.x, testLabels, classes).toFixed(3);
  console.log(`${weighting.name}: test accuracy ${accuracy}`);
}
