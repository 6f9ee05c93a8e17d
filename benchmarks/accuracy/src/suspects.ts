/**
 * Question: which score of a run finds most of the wrong labels?
 *
 * Fashion-MNIST, 6,000 training images with labels of which 50 % (any other class) or 40 % (the next class) are wrong; MLP 784-128-10,
 * Adam 1e-3, batch 64, 20 epochs, plain and with LiLAW, whose validation samples are held out from the training images; three
 * seeds. Every score of `labelIssues` ranks the images that were trained on; a row is its AUROC against the known flags.
 *
 *     pnpm --filter @lilaw/benchmark-accuracy suspects
 */
import { writeResults } from "@lilaw/bench";
import { injectNoise, loadDataset, parseNoise, type Samples, takeSamples } from "@lilaw/datasets";
import { issueScoreNames, type LabelIssuesOptions, labelIssues, SampleRecorder } from "@lilaw/diagnostics";
import { crossEntropy, fit, lilaw, plain } from "@lilaw/tfjs";
import { useBackend } from "@lilaw/tfjs/node";
import * as tf from "@tensorflow/tfjs-core";
import { initializers, type LayersModel, layers, sequential } from "@tensorflow/tfjs-layers";

const noises = ["symmetric:0.5", "pair-flip:0.4"];
const weightings = { plain: () => plain({ loss: "cross-entropy" }), lilaw: () => lilaw() };
const seeds = [1, 2, 3];
const images = 6000;
const epochs = 20;

function network(seed: number): LayersModel {
  const init = (layer: number) => initializers.heNormal({ seed: 100 * seed + layer });
  const model = sequential({
    layers: [
      layers.flatten({ inputShape: [28, 28, 1] }),
      layers.dense({ units: 128, activation: "relu", kernelInitializer: init(1) }),
      layers.dense({ units: 10, kernelInitializer: init(2) }),
    ],
  });
  model.compile({ optimizer: tf.train.adam(1e-3), loss: crossEntropy });
  return model;
}

/** The AUROC of every score that the training has values for. */
async function areas(part: Samples, noise: string, method: keyof typeof weightings, seed: number) {
  const { labels, flags } = injectNoise(part.labels, 10, parseNoise(noise), seed);
  const x = tf.tensor(part.features, [part.count, ...part.shape]);
  const y = tf.tensor1d(labels, "int32");
  const model = network(seed);
  const recorder = new SampleRecorder(part.count);
  await fit(model, x, y, {
    ...{ epochs, seed, batchSize: 64, verbose: 0 },
    weighting: weightings[method](),
    record: (batch) => recorder.add(batch),
  });
  tf.dispose([x, y]);
  model.dispose();
  const { record, run } = recorder;
  return issueScoreNames.flatMap((score) => {
    // Only LiLAW has terms, and only it weighs.
    if (method === "plain" && /alpha|beta|weight/.test(score)) return [];
    const options: LabelIssuesOptions = { record, run, labels, flags, score };
    return [{ score, auroc: labelIssues(options).quality!.auroc }];
  });
}

const { backend } = await useBackend("auto");
const { train } = await loadDataset("fashion-mnist");
const part = takeSamples(
  train,
  Int32Array.from({ length: images }, (_, i) => i),
);
const rows = [];
for (const noise of noises) {
  for (const method of Object.keys(weightings) as (keyof typeof weightings)[]) {
    for (const seed of seeds) {
      for (const { score, auroc } of await areas(part, noise, method, seed))
        rows.push({ dataset: "fashion-mnist", noise, method, seed, score, auroc, backend });
      console.error(`${noise} ${method} ${seed}`);
    }
  }
}
const file = writeResults(new URL("../results/suspects.csv", import.meta.url), rows);
console.log(`${rows.length} results in ${file}`);
