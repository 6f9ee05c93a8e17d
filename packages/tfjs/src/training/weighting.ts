import type { Labels, Loss } from "@lilaw/core";
import type * as tf from "@tensorflow/tfjs-core";
import type { LayersModel } from "@tensorflow/tfjs-layers";
import type { ModelLoss } from "../model/compiled-loss.js";
import type { Head } from "../model/head.js";
import type { LabelledTensors } from "../model/inputs.js";
import type { StochasticLayers } from "../model/stochastic-layers.js";
import type { ApplyGradients } from "../patches/optimizer-step.js";
import type { Readback } from "./readback.js";

/** A batch on its way through one training step. */
export interface TrainBatch {
  readonly xs: tf.Tensor[];
  /** Targets as the model's own loss and metrics take them */
  readonly y: tf.Tensor;
  readonly size: number;
  /** Indices of the samples in the training set (in a tf.data dataset: their position in the epoch) */
  readonly rows: Int32Array;
  /** Labels of the batch as @lilaw/core takes them; absent where only the model's own loss is used */
  readonly labels: Labels | undefined;
  /** [B], from `sampleWeight` and `classWeight` */
  readonly sampleWeights: Float32Array | undefined;
  readonly epoch: number;
  /** Step within the epoch */
  readonly step: number;
}

/** Per-sample values of one training batch, each [B]. */
export interface BatchRecord {
  readonly epoch: number;
  readonly step: number;
  /** Indices of the samples in the training set */
  readonly rows: Int32Array;
  /** Unweighted losses */
  readonly losses: Float32Array;
  /** u: probability of the observed label */
  readonly labelProbs: Float32Array;
  /** v: largest probability */
  readonly maxProbs: Float32Array;
  /** The weight the method gave (for sum-normalised methods times B, so that 1 means unweighted) */
  readonly weights: Float32Array;
  readonly predictions: Int32Array;
  /** LiLAW's three terms, outside warm-up */
  readonly terms?: { alpha: Float32Array; beta: Float32Array; delta: Float32Array };
}

/** What a weighting needs of the training it takes part in. */
export interface TrainingContext {
  readonly model: LayersModel;
  /** How the model ends; absent where only the model's own loss is used */
  readonly head: Head | undefined;
  readonly loss: Loss | undefined;
  readonly modelLoss: ModelLoss;
  readonly stochastic: StochasticLayers;
  readonly optimizer: ApplyGradients;
  readonly seed: number;
  readonly batchSize: number;
  /** From `validationData`, `validationSplit` or the held-out part */
  readonly validation: LabelledTensors | undefined;
  readonly record: ((record: BatchRecord) => void) | undefined;
  readonly readback: Readback;
}

/** A weighting at work in one training. */
export interface WeightingRun {
  /** One optimizer step (and whatever follows it). Returns the objective and the metrics; the caller disposes them. */
  step(batch: TrainBatch): tf.Scalar[];
  /** Ends an epoch, before its logs and state are taken: does what was put off, reads what is still on the device. */
  endEpoch?(): void | Promise<void>;
  /** Values for the epoch's logs */
  logs?(): Record<string, number>;
  /** The settings on which its state depends, as JSON: a state that was saved under other settings is refused */
  settings?(): unknown;
  /** State as JSON, and back: what it cannot be in, it throws for, and has not moved then */
  state?(): unknown;
  restore?(state: never): void;
  dispose?(): void;
}

/** How training samples are weighed: make one with `plain`, `lilaw`, `learningToReweight` or `randomWeights`. */
export interface Weighting {
  readonly name: string;
  /** The loss it works on; `"model"` is the model's own compiled loss, `"auto"` follows from the model's last layer */
  readonly loss: Loss | "model" | "auto";
  /** True if it needs validation samples from the training */
  readonly needsValidation: boolean;
  start(context: TrainingContext): WeightingRun | Promise<WeightingRun>;
}
