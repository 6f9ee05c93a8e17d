import { LiLAW, type LiLAWOptions, type LiLAWState } from "@lilaw/core";
import * as tf from "@tensorflow/tfjs-core";
import { checkCount } from "../arguments.js";
import { metaGradient } from "../operations/meta-gradient.js";
import { stepOnLogits } from "../training-step.js";
import { type LabelledTensors, ValidationSampler, type ValidationState } from "../validation.js";
import type { TrainingContext, Weighting, WeightingRun } from "../weighting.js";

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
}

export interface LilawWeighting extends Weighting {
  /** The method with its scalars as they are now; a new one once training has begun */
  readonly method: LiLAW;
}

/**
 * LiLAW (arXiv 2509.20786, algorithm 1): a training step on the weighted loss with the scalars frozen, then a step
 * of the scalars on one random validation batch at the updated weights, in inference mode. The epoch's logs and the
 * History get `alpha`, `beta` and `delta`. The loss follows from the model's last layer unless it is named.
 */
export function lilaw(options: LilawWeightingOptions = {}): LilawWeighting {
  const { warmupEpochs = 1, validation, validationBatchSize, metaEvery = 1, ...methodOptions } = options;
  checkCount("warmupEpochs", warmupEpochs, 0);
  checkCount("metaEvery", metaEvery, 1);
  if (validationBatchSize !== undefined) checkCount("validationBatchSize", validationBatchSize, 1);
  let method = new LiLAW(methodOptions);
  return {
    name: "lilaw",
    loss: methodOptions.loss ?? "auto",
    needsValidation: validation === undefined,
    get method() {
      return method;
    },
    start(context) {
      method = new LiLAW({ ...methodOptions, loss: context.loss! });
      const samples = new ValidationSampler(
        validation ?? context.validation!,
        context.head!,
        context.loss!,
        validationBatchSize ?? context.batchSize,
        context.seed,
      );
      return start(context, samples);
    },
  };

  function start(context: TrainingContext, samples: ValidationSampler): WeightingRun {
    const { gradient, normalize } = method.toJSON();
    return {
      step(batch) {
        const warmup = batch.epoch < warmupEpochs;
        const params = warmup ? null : method.params;
        const results = stepOnLogits(context, batch, params, { gradient, normalize });
        if (!warmup && batch.step % metaEvery === 0) metaStep(context, samples);
        return results;
      },
      logs: () => ({ ...method.params }),
      state: () => ({ method: method.toJSON(), validation: samples.state }),
      restore(state: { method: LiLAWState; validation: ValidationState }) {
        method = LiLAW.fromJSON(state.method);
        samples.restore(state.validation);
      },
    };
  }

  function metaStep({ head, loss }: TrainingContext, samples: ValidationSampler): void {
    tf.tidy(() => {
      const { xs, labels } = samples.next();
      const logits = head!.forward(xs, false);
      method.applyMetaGradient(metaGradient(logits, { labels, loss, params: method.params }));
    });
  }
}
