/**
 * The interface of a weighting: one of this package or one of your own. `fit` starts it once a training, calls its `step`
 * for every batch, and puts its state into checkpoints.
 */
import type { GradientMode, Labels, LilawParams, Loss, Normalize, TransitionMatrix } from "@lilaw/core";
import type * as tf from "@tensorflow/tfjs-core";
import type { LayersModel } from "@tensorflow/tfjs-layers";
import type { Head } from "../model/head.js";
import type { LabelledTensors } from "../model/inputs.js";
import type { StochasticLayers } from "../model/stochastic-layers.js";

/**
 * A batch of the training set. Its tensors belong to the training, which disposes them after the step: a weighting neither
 * disposes nor keeps them.
 */
export interface TrainBatch {
  /** Features, one tensor [B, …] for each input of the model */
  readonly xs: tf.Tensor[];
  /** Targets as the model's own loss and metrics take them: one-hot [B, C] for class indices */
  readonly y: tf.Tensor;
  /** B. The last batch of an epoch may be smaller than the others */
  readonly size: number;
  /** [B], indices of the samples in the training set (in a tf.data dataset: their position in the epoch) */
  readonly rows: Int32Array;
  /**
   * Labels as @lilaw/core takes them, checked: Int32Array [B] of class indices (for the loss binary of 0 and 1), Float32Array
   * [B, C] of 0 and 1 for multi-label, Float32Array [B] for regression. Absent where only the model's own loss is used
   */
  readonly labels: Labels | undefined;
  /** [B], the factors from `sampleWeight` and `classWeight`. The steps multiply them in: leave them out of your weights */
  readonly sampleWeights: Float32Array | undefined;
  /** From 0; a resumed training continues the count */
  readonly epoch: number;
  /** Within the epoch, from 0 */
  readonly step: number;
}

/** A batch with labels for a loss on the logits. */
export interface LogitsBatch extends TrainBatch {
  readonly labels: Labels;
}

/** Per-sample values of one training batch, each [B]. */
export interface BatchRecord {
  readonly epoch: number;
  readonly step: number;
  /** Indices of the samples in the training set */
  readonly rows: Int32Array;
  /** Unweighted losses */
  readonly losses: Float32Array;
  /** u: probability of the observed label, under the transition matrix where there is one */
  readonly labelProbs: Float32Array;
  /** v: largest probability */
  readonly maxProbs: Float32Array;
  /**
   * The probability of the observed label minus the largest of another class, in [-1, 1]: `labelMargins` of @lilaw/core. Absent
   * for losses whose samples have no one class
   */
  readonly margins?: Float32Array;
  /** The most probable class beside the observed label, -1 without any. Present with `margins` */
  readonly rivals?: Int32Array;
  /** The weight the method gave (for sum-normalised methods times B, so that 1 means unweighted) */
  readonly weights: Float32Array;
  readonly predictions: Int32Array;
  /** LiLAW's three terms, outside warm-up */
  readonly terms?: { alpha: Float32Array; beta: Float32Array; delta: Float32Array };
}

/** The training forward pass of a step, and the weights of its rows. */
export interface WeighedLogits {
  /** float32 [B, units], from the model's forward pass on the batch, in training mode */
  logits: tf.Tensor2D;
  /**
   * float32 [B], factors on the row losses; a mean of 1 keeps the learning rate what it was. They are constants: no gradient
   * flows through them. Default: all 1
   */
  weights?: tf.Tensor1D | undefined;
  /** LiLAW's scalars, for weights that are LiLAW's function of the logits. Default null: none */
  params?: LilawParams | null;
  /** [3], the change of alpha, beta and delta since `params`, where it is on the device */
  moved?: tf.Tensor1D | undefined;
}

/** How the weights of LiLAW enter the gradient, and how the labels came about; see `weightedLoss` in @lilaw/core. */
export interface GradientOptions {
  /** Default `"full"` */
  gradient?: GradientMode;
  /** Default `"none"` */
  normalize?: Normalize;
  /**
   * For a matrix that changes from step to step, such as an estimate; null: none. Default: that of the weighting, whose labels
   * and size have been checked at the start
   */
  transition?: TransitionMatrix | null | undefined;
}

/** The training of a weighting. Valid until the training ends. */
export interface TrainingContext {
  /** The compiled model, which is in training (for a Sequential: the model inside it) */
  readonly model: LayersModel;
  /** The seed of the training. Draw with `Random.from(seed, "your name", batch.epoch, batch.step)` of @lilaw/core */
  readonly seed: number;
  /** `batchSize` of `fit`, `validationBatchSize` of `fitDataset` (default 32) */
  readonly batchSize: number;
  /**
   * The samples of `validationData`, `validationSplit` or, where {@link Weighting.needsValidation} asks for it, a held-out part
   * of the training set. The tensors belong to the caller of `fit`
   */
  readonly validation: LabelledTensors | undefined;
  /**
   * The layers that draw random numbers, such as dropout. `stepOnLogits` and `stepOnModelLoss` call `seedStep` themselves. Call
   * it before each other forward pass in training mode that is to have the dropout masks of the step
   */
  readonly stochastic: Pick<StochasticLayers, "seedStep" | "requireSeedable">;
  /**
   * Reads tensors of a step without making it wait for the device. `use` gets their values, row-major copies, when the step
   * is done and before the next one begins, on every backend: it is the place to update a running state on the host.
   *
   * @param tensors float32; they stay the caller's
   */
  read(tensors: tf.Tensor[], use: (...values: Float32Array[]) => void): void;
  /**
   * One optimizer step on the loss that the model was compiled with: the mean over the batch of the row losses, each times
   * its weight, plus the model's regularisation.
   *
   * @param weights float32 [B], factors on the row losses; default: all 1
   * @returns what {@link WeightingRun.step} returns
   * @throws LilawError `INVALID_ARGUMENT` for weights of another shape or dtype, or a loss that has no value for each row; the
   *   model has not changed then
   */
  stepOnModelLoss(batch: TrainBatch, weights?: tf.Tensor1D): tf.Scalar[];
}

/** The training of a weighting that works on the logits of a classifier. */
export interface LogitsContext extends TrainingContext {
  /** How the model ends, and the way to its logits */
  readonly head: Head;
  /** The loss of {@link Weighting.loss}; for `"auto"` the one that the model's last layer stands for */
  readonly loss: Loss;
  /** That of {@link Weighting.transition}, for the classes of the model */
  readonly transition: TransitionMatrix | null;
  /**
   * One optimizer step on the mean over the batch of the row losses of the logits, each times its weight, plus the model's
   * regularisation. `record`, where the user has given one, gets losses, probabilities and weights.
   *
   * @param forward runs within gradient recording: every tensor made in it is disposed afterwards, but those under `tf.keep`.
   *   Default: the model's logits on the batch, unweighted
   * @returns what {@link WeightingRun.step} returns
   * @throws LilawError `INVALID_ARGUMENT` for logits or weights of another shape or dtype; the model has not changed then
   */
  stepOnLogits(batch: LogitsBatch, forward?: () => WeighedLogits, options?: GradientOptions): tf.Scalar[];
}

/** A weighting at work in one training. Errors that it throws end the training; `fit` throws them as they are. */
export interface WeightingRun<Batch extends TrainBatch = TrainBatch> {
  /**
   * Takes one optimizer step with `stepOnLogits` or `stepOnModelLoss` of the context, and updates the running state. It runs
   * within `tf.tidy`: tensors of the running state need `tf.keep`.
   *
   * @returns the objective and the metrics, as those two functions return them; the caller disposes them
   */
  step(batch: Batch): tf.Scalar[];
  /** Ends an epoch, before its logs and state are taken. */
  endEpoch?(): void | Promise<void>;
  /** Finite numbers for the logs and the History of the epoch, by name */
  logs?(): Record<string, number>;
  /**
   * The options of the weighting and all other values on which its state depends, as JSON like `state`. A state that was saved with other settings
   * is refused by `resume` with `INCOMPATIBLE_STATE`
   */
  settings?(): unknown;
  /**
   * The running state at the end of an epoch, as JSON: null, booleans, strings, finite numbers, and arrays and plain objects of
   * them. It must hold everything that the next epoch depends on, so that a resumed training goes on bit for bit. Draws of
   * `Random` that are named by epoch and step need none. Together with `restore`, or neither
   */
  state?(): unknown;
  /**
   * Takes over what `state` returned, in a resumed training before its first step.
   *
   * @throws LilawError `INCOMPATIBLE_STATE` for a state that is not one of its own; nothing may have changed then
   */
  restore?(state: never): void | Promise<void>;
  /** Disposes the tensors of the running state, at the end of the training, however it ends. */
  dispose?(): void;
}

interface AnyWeighting {
  /** A short name, kept in checkpoints: the state of another weighting is refused */
  readonly name: string;
  /** Whether `fit` holds out a part of the training set where the user gives no validation samples */
  readonly needsValidation: boolean;
}

/** A weighting of the losses on the logits, of models that end in logits, softmax or sigmoid. */
export interface LogitsWeighting extends AnyWeighting {
  /** The loss it works on; `"auto"`: the one that the model's last layer stands for */
  readonly loss: Loss | "auto";
  /**
   * How the training labels came about, for losses of u (see `TransitionMatrix` in @lilaw/core): the model then learns the true
   * classes. `fit` refuses one for another number of classes, and labels that it rules out
   */
  readonly transition?: TransitionMatrix | null | undefined;
  /**
   * Begins a training: once for each call of `fit`, before the model changes. The running state is made here, so that one
   * weighting serves several trainings.
   *
   * @throws LilawError for a model or samples that it cannot work with
   */
  start(context: LogitsContext): WeightingRun<LogitsBatch> | Promise<WeightingRun<LogitsBatch>>;
}

/** A weighting of whatever loss the model was compiled with, also of models that are no classifiers. */
export interface ModelLossWeighting extends AnyWeighting {
  readonly loss: "model";
  /** Only a loss on the logits can have one */
  readonly transition?: undefined;
  /** As {@link LogitsWeighting.start} */
  start(context: TrainingContext): WeightingRun | Promise<WeightingRun>;
}

/**
 * How training samples are weighed: `plain`, `lilaw`, `learningToReweight`, `randomWeights`, or an object of your own.
 * Trainings are deterministic, so a weighting is: the same seed gives the same weights.
 */
export type Weighting = LogitsWeighting | ModelLossWeighting;
