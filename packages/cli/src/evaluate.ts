import { expected, type LilawParams, type Loss, labelMargins, weightedLoss } from "@lilaw/core";
import { accuracy, multiclassAuroc, predictedClasses, type SampleBatch, softmax } from "@lilaw/diagnostics";
import { predictLogits } from "@lilaw/tfjs";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { LayersModel } from "@tensorflow/tfjs-layers";

/** A model's predictions for some samples. */
export interface Predictions {
  readonly logits: Float32Array;
  readonly classes: Int32Array;
}

/**
 * @param help advice for the message of the error
 * @throws NON_FINITE when the model has diverged
 */
export function predict(
  model: LayersModel,
  x: Tensor,
  classes: number,
  help = learningRateHelp,
): Predictions {
  const logits = predictLogits(model, x);
  const broken = logits.find((logit) => !Number.isFinite(logit));
  if (broken !== undefined) throw diverged(help, broken);
  return { logits, classes: predictedClasses(logits, classes) };
}

/** @throws NON_FINITE when a prediction made during training says that the model has diverged: -1 */
export function checkConverging(predictions: Int32Array): void {
  if (predictions.includes(-1)) throw diverged(learningRateHelp, "some that are not");
}

const learningRateHelp = "is --learning-rate too high?";

const diverged = (help: string, received: unknown) =>
  expected("NON_FINITE", `finite numbers (${help})`, "the model's logits", received);

/** Accuracy, and macro one-vs-rest AUROC, which is null where all samples are of one class. */
export function scoreTest({ logits, classes: predicted }: Predictions, labels: Int32Array, classes: number) {
  const area = multiclassAuroc(softmax(logits, classes), labels, classes);
  return { testAccuracy: accuracy(predicted, labels), testAuroc: Number.isNaN(area) ? null : area };
}

/** How samples are scored: the loss of the training, and LiLAW's scalars, null where samples are not weighed by them. */
export interface Scoring {
  readonly classes: number;
  readonly loss: Loss;
  readonly params: LilawParams | null;
}

/**
 * The values of an epoch for samples that were not trained on, from logits [B, C], as a recorder takes them. They have no
 * weight in the training: 0.
 */
export function scoresOf(
  logits: Float32Array,
  labels: Int32Array,
  { classes, loss, params }: Scoring,
): Omit<SampleBatch, "epoch"> {
  const floats = () => new Float32Array(labels.length);
  const scores = {
    losses: floats(),
    labelProbs: floats(),
    maxProbs: floats(),
    predictions: new Int32Array(labels.length),
    ...(params && { terms: { alpha: floats(), beta: floats(), delta: floats() } }),
  };
  weightedLoss({ logits, labels, classes, loss, params }, scores);
  const { maxProbs } = scores;
  return {
    ...scores,
    rows: Int32Array.from(labels.keys()),
    ...labelMargins({ logits, labels, classes, maxProbs, loss }),
    weights: floats(),
  };
}
