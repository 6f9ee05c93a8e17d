import { checks, LiLAW, type LiLAWOptions, type LiLAWState } from "@lilaw/core";
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
import { sharesForward } from "./shared-forward.js";

/** `backend` is not among them: the operations run where tfjs has the logits. */
export interface LilawWeightingOptions extends Omit<LiLAWOptions, "backend"> {
  /** Epochs of the plain loss at the start, in which the scalars do not move. Default 1 */
  warmupEpochs?: number;
  /** Samples for the meta-step, observed labels. Default: `validationData`, else 15 % of the training data */
  validation?: LabelledTensors;
  /** Default: the training batch size */
  validationBatchSize?: number;
  /** A meta-step after every so many training steps. Default 1 */
  metaEvery?: number;
  /**
   * One forward pass for a meta-step's validation batch and the training batch after it, which are taken at the same
   * weights: the same training to rounding. `method` then moves with the step after. Not for models with layers that
   * couple or randomise rows in training, nor with inputs of open shape: `true` throws there. Default `"auto"`: where
   * it is right and known to be faster, which is on tensorflow, for models of little arithmetic
   */
  sharedForward?: boolean | "auto";
}

export interface LilawWeighting extends LogitsWeighting {
  /** The method with its scalars as they are now; a new one once training has begun */
  readonly method: LiLAW;
}

/**
 * LiLAW (arXiv 2509.20786, algorithm 1): a training step on the weighted loss with the scalars frozen, then a step
 * of the scalars on one random validation batch at the updated weights, in inference mode. The epoch's logs and the
 * History get `alpha`, `beta` and `delta`. The loss follows from the model's last layer unless it is named.
 */
export function lilaw(options: LilawWeightingOptions = {}): LilawWeighting {
  const {
    warmupEpochs = 1,
    validation,
    validationBatchSize,
    metaEvery = 1,
    ...rest
  } = {
    ...checks.optionsOf("options", options),
  };
  const { sharedForward = "auto", ...methodOptions } = rest;
  checkCount("warmupEpochs", warmupEpochs, 0);
  checkCount("metaEvery", metaEvery, 1);
  if (validationBatchSize !== undefined) checkCount("validationBatchSize", validationBatchSize, 1);
  const untrained = new LiLAW(methodOptions);
  let trained: Scalars | undefined; // none before the first step: a training may be refused
  return {
    name: "lilaw",
    loss: methodOptions.loss ?? "auto",
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
    const { model, head, loss } = context;
    const { gradient, normalize } = scalars.method.toJSON();
    let due = false; // a meta-step at the weights as they are

    function metaStep(): void {
      if (!due) return;
      due = false;
      tf.tidy(() => {
        const { xs, labels } = samples.next();
        scalars.metaStep(head.forward(xs, false), labels, loss);
      });
    }

    /** The logits of a training batch, after the meta-step that is due with the same pass. */
    function sharedPass({ xs, size }: TrainBatch): tf.Tensor2D {
      due = false;
      const validation = samples.next();
      const asInput = (x: tf.Tensor, i: number) => {
        const { dtype } = model.inputs[i]!;
        return x.dtype === dtype ? x : tf.cast(x, dtype);
      };
      const both = xs.map((x, i) => tf.concat([x, validation.xs[i]!].map((part) => asInput(part, i))));
      const logits = head.forward(both, true);
      scalars.metaStep(tf.slice(logits, size), validation.labels, loss);
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
