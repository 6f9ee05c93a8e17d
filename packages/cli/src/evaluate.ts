import { expected } from "@lilaw/core";
import { accuracy, multiclassAuroc, predictedClasses, softmax } from "@lilaw/diagnostics";
import { predictLogits } from "@lilaw/tfjs";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { LayersModel } from "@tensorflow/tfjs-layers";

/** A model's predictions for some samples. */
export interface Predictions {
  readonly logits: Float32Array;
  readonly classes: Int32Array;
}

/** @throws NON_FINITE when the model has diverged */
export function predict(model: LayersModel, x: Tensor, classes: number): Predictions {
  const logits = predictLogits(model, x);
  const broken = logits.find((logit) => !Number.isFinite(logit));
  if (broken !== undefined) {
    throw expected(
      "NON_FINITE",
      "finite numbers (is --learning-rate too high?)",
      "the model's logits",
      broken,
    );
  }
  return { logits, classes: predictedClasses(logits, classes) };
}

/** Accuracy, and macro one-vs-rest AUROC, which is null where all samples are of one class. */
export function scoreTest({ logits, classes: predicted }: Predictions, labels: Int32Array, classes: number) {
  const area = multiclassAuroc(softmax(logits, classes), labels, classes);
  return { testAccuracy: accuracy(predicted, labels), testAuroc: Number.isNaN(area) ? null : area };
}
