import { join } from "node:path";
import { predictLogits } from "@lilaw/tfjs";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { loadModel } from "../src/load-model.js";
import { rankSamples } from "../src/ranked-samples.js";
import { readSamples } from "../src/read-samples.js";
import { confidentPools, evenly, nearest } from "../src/reports/neighbours.js";
import { loadSource, placesOf } from "../src/reports/source-samples.js";
import { spaceOf } from "../src/reports/space.js";
import { RunFolder } from "../src/run-folder.js";
import { cloudFiles, lilaw, scratch, small } from "./support.js";

describe("confident neighbours", () => {
  const sample = (label: number, prediction: number, labelProb: number) => ({ label, prediction, labelProb });

  it("are predicted as labelled, with at least the mean probability of their label", () => {
    const samples = [
      sample(0, 0, 0.9),
      sample(0, 0, 0.5),
      sample(0, 1, 0.1),
      sample(1, 1, 0.6),
      sample(1, 0, 0.9),
      sample(1, 1, 0.95),
    ];
    expect(confidentPools(samples, 2, 1)).toEqual([[0, 1], [5]]);
  });

  it("are few where there are many samples, and fewer where each has many numbers", () => {
    const samples = Array.from({ length: 3000 }, () => sample(0, 0, 0.9));
    expect(confidentPools(samples, 1, 10)[0]).toHaveLength(500);
    expect(confidentPools(samples, 1, 1_000_000)[0]).toHaveLength(20);
    expect(evenly([1, 2, 3, 4, 5, 6], 3)).toEqual([1, 3, 5]);
  });

  it("come nearest first, the sample itself never", () => {
    const vectors = new Map([0, 3, 1, -1, 8].map((x, place) => [place, Float32Array.of(x, 0)]));
    expect(nearest(vectors, 0, [0, 1, 2, 3, 4], 3)).toEqual([2, 3, 1]);
  });
});

describe("a run with a kept model", () => {
  it("is compared in front of the model's last layer, and ranked by the whole run", async () => {
    const folder = await scratch();
    const out = join(folder, "run");
    const training = ["--noise", "symmetric:0.3", "--methods", "lilaw", "--epochs", "4", "--out", out];
    const ended = await lilaw([
      "train",
      ...(await cloudFiles(folder)),
      ...training,
      ...small,
      "--model",
      "mlp",
    ]);
    expect(ended.status, ended.stderr).toBe(0);
    const run = await RunFolder.read(out, "RUN");
    const unit = { method: "lilaw", seed: 1 };
    const samples = await readSamples(run, unit);
    const source = await loadSource(run, undefined, new AbortController().signal);
    if (!("dataset" in source)) throw new Error(source.remark);
    const places = placesOf(source.dataset, samples);
    const space = await spaceOf(run, unit, source.dataset.train.shape);
    const vectors = await space.vectorsOf(places);
    space.dispose();

    // The last layer makes the model's logits of these vectors.
    const { model } = await loadModel(run, unit, "best");
    const [kernel, bias] = model.layers.at(-1)!.getWeights();
    expect(space.width).toBe(kernel!.shape[0]);
    const inner = tf.stack(vectors.map((vector) => tf.tensor1d(vector)));
    const logits = tf.add(tf.matMul(inner, kernel!), bias!);
    const x = tf.stack(
      places.map(({ samples, index }) => tf.tensor1d(samples.features.slice(2 * index, 2 * index + 2))),
    );
    const wanted = predictLogits(model, x);
    const found = await logits.data();
    for (const [i, logit] of wanted.entries()) expect(found[i]).toBeCloseTo(logit, 4);
    expect(tf.getBackend()).toBe("cpu");

    const { score, issues, quality } = rankSamples(samples, 4);
    expect(score).toBe("area-under-margin");
    expect(issues).toHaveLength(samples.length);
    expect(issues[0]!.score).toBeCloseTo((1 - samples[issues[0]!.row]!.meanMargin!) / 2, 10);
    expect(quality!.k).toBe(samples.filter(({ flag }) => flag === 1).length);
    // Clouds are nearly apart: a ranking by chance has 0.5.
    expect(quality!.auroc).toBeGreaterThan(0.9);
    model.dispose();
    tf.dispose([inner, logits, x]);
  });
});
