/** Checks the results of the methods before anything is timed. */
import assert from "node:assert/strict";
import { deviation } from "@lilaw/testing";
import type { Weighting } from "@lilaw/tfjs";
import { type BatchRecord, fit, learningToReweight, lilaw, plain, type RouteName } from "@lilaw/tfjs";
import * as tf from "@tensorflow/tfjs-core";
import type { LayersModel } from "@tensorflow/tfjs-layers";
import type { Epochs } from "./epochs.js";
import type { Samples } from "./models.js";

/** The first step of a training, which every method begins with the same weights. */
export interface FirstStep {
  readonly build: () => LayersModel;
  readonly batch: Samples;
  /** As many samples as the batch has, so that every random validation batch holds all of them */
  readonly validation: Samples;
}

/** Calls `use` with the first batch of the samples and equally many validation samples. */
export async function withFirstStep(
  { build, samples, validation, batchSize }: Epochs,
  use: (step: FirstStep) => Promise<void>,
): Promise<void> {
  const first = ({ x, y }: Samples) => ({ x: tf.slice(x, 0, batchSize), y: tf.slice(y, 0, batchSize) });
  const step = { build, batch: first(samples), validation: first(validation) };
  try {
    await use(step);
  } finally {
    tf.dispose([step.batch, step.validation] as unknown as tf.TensorContainer);
  }
}

/** Checks the first step of plain training, LiLAW and Learning to Reweight. */
export const checkMethods = (epochs: Epochs): Promise<void> =>
  withFirstStep(epochs, async (step) => {
    await checkPlain(step);
    await checkLilaw(step);
    await checkLearningToReweight(step);
  });

/** The record of a step, and the mean loss of the batch after it. */
export interface Done {
  readonly record: BatchRecord;
  readonly loss: number;
  /** Scalars of LiLAW, where the method has them */
  readonly scalars: number[];
}

export const weightings = {
  plain: () => plain({ loss: "cross-entropy" }),
  lilaw: ({ x, y }: Samples) => lilaw({ validation: [x, y], warmupEpochs: 0 }),
  l2rw: ({ x, y }: Samples, route: RouteName = "tangent") =>
    learningToReweight({ validation: [x, y], route }),
};

/** Takes one step of our `fit`. */
export async function stepOf(weighting: Weighting, { build, batch }: FirstStep): Promise<Done> {
  let record: BatchRecord | undefined;
  const model = build();
  const batchSize = batch.x.shape[0]!;
  const { history } = await fit(model, batch.x, batch.y, {
    ...{ batchSize, verbose: 0, shuffle: false, weighting },
    record(values) {
      record = values;
    },
  });
  const loss = tf.tidy(() => (model.evaluate(batch.x, batch.y, { batchSize }) as tf.Scalar).dataSync()[0]!);
  model.dispose();
  const scalars = ["alpha", "beta", "delta"].flatMap((name) => (history[name] ?? []) as number[]);
  return { record: record!, loss, scalars };
}

/**
 * Checks that our plain training has the gradient of `model.fit`, by one step of gradient descent. Adam's first step
 * would divide each element by its size, and enlarge the rounding errors of elements near 0.
 */
async function checkPlain({ build, batch: { x, y } }: FirstStep): Promise<void> {
  const args = { batchSize: x.shape[0]!, verbose: 0, shuffle: false } as const;
  const [theirs, own] = [build(), build()];
  for (const model of [theirs, own]) model.compile({ optimizer: tf.train.sgd(1), loss: model.loss });
  await theirs.fit(x, y, args);
  await fit(own, x, y, { ...args, weighting: plain() });
  const weightsOf = (model: LayersModel) => model.getWeights().flatMap((w) => [...w.dataSync()]);
  const worst = deviation(weightsOf(own), weightsOf(theirs));
  assert(worst < 1e-6, `plain training is not model.fit's: weights differ by ${worst}`);
  theirs.dispose();
  own.dispose();
}

/** Checks LiLAW's weights against the formula of the paper. */
async function checkLilaw(step: FirstStep): Promise<void> {
  const { weights, labelProbs, maxProbs } = (await stepOf(weightings.lilaw(step.validation), step)).record;
  const sigmoid = (t: number) => 1 / (1 + Math.exp(-t));
  const expected = Array.from(labelProbs, (u, i) => {
    const v = maxProbs[i]!;
    return sigmoid(10 * u - v) + sigmoid(v - 2 * u) + Math.exp(-((6 * u - v) ** 2) / 2);
  });
  assert(deviation(weights, expected) < 1e-5, "LiLAW's weights are not the paper's");
}

/** Checks the exact route of Learning to Reweight against the central difference. */
async function checkLearningToReweight(step: FirstStep): Promise<void> {
  const byRoute = async (route: RouteName) =>
    (await stepOf(weightings.l2rw(step.validation, route), step)).record.weights;
  const distance = distanceOf(await byRoute("tangent"), await byRoute("central-difference"));
  assert(distance < 0.02, `the routes of learning to reweight differ by ${distance}`);
}

/** The distance of two arrays of weights with mean 1: the mean of the absolute differences. */
export function distanceOf(weights: ArrayLike<number>, others: ArrayLike<number>): number {
  const sum = Array.from(weights).reduce((total, w, i) => total + Math.abs(w - others[i]!), 0);
  return sum / weights.length;
}
