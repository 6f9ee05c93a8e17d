import { checks, type Labels, LiLAW, type LiLAWOptions, type LiLAWState } from "@lilaw/core";
import * as tf from "@tensorflow/tfjs-core";
import type { LabelledTensors } from "../../model/inputs.js";
import { checkCount } from "../checks.js";
import { ValidationSampler, type ValidationState } from "../validation.js";
import type {
  LogitsBatch,
  LogitsContext,
  LogitsWeighting,
  TrainBatch,
  WeighedLogits,
  WeightingRun,
} from "../weighting.js";
import { type Scalars, scalarsOf } from "./lilaw-scalars.js";
import { type TransitionOption, transitionOption, transitionSetting } from "./options.js";
import { sharesForward } from "./shared-forward.js";

/** Without `backend`: the operations run on the tfjs backend that has the logits. */
export interface LiLAWWeightingOptions extends Omit<LiLAWOptions, "backend">, TransitionOption {
  /** Epochs at the start with the plain loss and without meta-steps. Default 1 */
  warmupEpochs?: number;
  /** Samples for the meta-step, observed labels. Default: `validationData`, else 15 % of the training data */
  validation?: LabelledTensors;
  /** Default: the training batch size */
  validationBatchSize?: number;
  /** Training steps for each meta-step. Default 1 */
  metaEvery?: number;
  /**
   * Whether the validation batch of a meta-step and the training batch after it share one forward pass. Both are computed at
   * the same weights, so the training is the same to rounding; `method` then changes one step later. `true` throws for
   * models whose layers couple or randomise the rows of a batch in training, and for inputs of unknown shape. Default
   * `"auto"`: where it is correct and known to be faster, which is on tensorflow, for small models
   */
  sharedForward?: boolean | "auto";
}

export interface LiLAWWeighting extends LogitsWeighting {
  /** The method with its present scalars; another object as soon as a training has begun */
  readonly method: LiLAW;
}

/**
 * LiLAW (arXiv 2509.20786, algorithm 1): a training step on the weighted loss with the scalars frozen, then a step
 * of the scalars on one random validation batch at the updated weights, in inference mode. The epoch's logs and the
 * History get `alpha`, `beta` and `delta`. The loss follows from the model's last layer unless it is named.
 */
export function lilaw(options: LiLAWWeightingOptions = {}): LiLAWWeighting {
  const {
    warmupEpochs = 1,
    validation,
    validationBatchSize,
    metaEvery = 1,
    ...rest
  } = {
    ...checks.optionsOf("options", options),
  };
  const { sharedForward = "auto", transition: given, ...methodOptions } = rest;
  const transition = transitionOption(given);
  checkCount("warmupEpochs", warmupEpochs, 0);
  checkCount("metaEvery", metaEvery, 1);
  if (validationBatchSize !== undefined) checkCount("validationBatchSize", validationBatchSize, 1);
  const untrained = new LiLAW(methodOptions);
  let trained: Scalars | undefined; // set by the first step, since a training may be refused before
  return {
    name: "lilaw",
    loss: methodOptions.loss ?? "auto",
    transition,
    needsValidation: validation === undefined,
    get method() {
      return trained?.method ?? untrained;
    },
    async start(context) {
      const method = new LiLAW({ ...methodOptions, loss: context.loss });
      const given = validation ?? context.validation!;
      const samples = await ValidationSampler.of(given, context, validationBatchSize);
      const shares = sharesForward(sharedForward, context.model, samples.batchSize);
      return start(context, samples, shares, scalarsOf(method));
    },
  };

  function start(
    context: LogitsContext,
    samples: ValidationSampler,
    shares: boolean,
    scalars: Scalars,
  ): WeightingRun<LogitsBatch> {
    const { model, head, loss, transition } = context;
    // The validation labels are as noisy as the training labels, so they came about in the same way.
    const observed = (labels: Labels) => ({ labels, loss, transition });
    const { gradient, normalize } = scalars.method.toJSON();
    let due = false; // whether a meta-step at the present weights is still to come

    function metaStep(): void {
      if (!due) return;
      due = false;
      tf.tidy(() => {
        const { xs, labels } = samples.next();
        scalars.metaStep(head.forward(xs, false), observed(labels));
      });
    }

    /** Takes the due meta-step and returns the logits of the training batch, both from one forward pass. */
    function sharedPass({ xs, size }: TrainBatch): tf.Tensor2D {
      due = false;
      const validation = samples.next();
      const asInput = (x: tf.Tensor, i: number) => {
        const { dtype } = model.inputs[i]!;
        return x.dtype === dtype ? x : tf.cast(x, dtype);
      };
      const both = xs.map((x, i) => tf.concat([x, validation.xs[i]!].map((part) => asInput(part, i))));
      const logits = head.forward(both, true);
      scalars.metaStep(tf.slice(logits, size), observed(validation.labels));
      return tf.slice(logits, 0, size);
    }

    return {
      step(batch) {
        trained = scalars;
        const warmup = batch.epoch < warmupEpochs;
        const forward = (): WeighedLogits => {
          const logits = due ? sharedPass(batch) : head.forward(batch.xs, true);
          return { logits, ...(warmup ? { params: null } : scalars.current()) };
        };
        const results = context.stepOnLogits(batch, forward, { gradient, normalize });
        due = !warmup && batch.step % metaEvery === 0;
        if (!shares) metaStep();
        return results;
      },
      endEpoch() {
        metaStep();
        return scalars.settle();
      },
      logs: () => ({ ...scalars.method.params }),
      settings: () => ({
        method: { ...untrained.toJSON(), loss },
        ...{ warmupEpochs, metaEvery, sharedForward, validation: samples.settings() },
        ...transitionSetting(transition),
      }),
      state: () => ({ method: scalars.method.toJSON(), validation: samples.state }),
      restore(state: { method: LiLAWState; validation: ValidationState }) {
        const method = LiLAW.fromJSON(state.method);
        samples.restore(state.validation);
        scalars.method = method;
        trained = scalars;
      },
      dispose: () => scalars.dispose(),
    };
  }
}
