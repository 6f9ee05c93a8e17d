import { LearningToReweight, type LearningToReweightOptions } from "@lilaw/core";
import * as tf from "@tensorflow/tfjs-core";
import { checkCount } from "../arguments.js";
import { weightedLoss } from "../operations/weighted-loss.js";
import { stepOnLogits, trainableVariables } from "../training-step.js";
import { type LabelledTensors, ValidationSampler, type ValidationState } from "../validation.js";
import type { TrainBatch, TrainingContext, Weighting } from "../weighting.js";

export interface LearningToReweightWeightingOptions extends LearningToReweightOptions {
  /** A small, clean, balanced set: 10 samples a class is a good start */
  validation: LabelledTensors;
  /** Default: the training batch size */
  validationBatchSize?: number;
  /** Whether the model's regularisation is part of the validation loss. Default true */
  decayInValidation?: boolean;
  /** Mode of the validation forward pass. Default `"training"` (batch statistics, dropout) */
  validationMode?: "training" | "inference";
}

/**
 * Length of the step along the validation gradient. Long enough for float32 differences, short enough not to cross
 * the kinks of ReLUs: at 1e-4 the weights are within 0.2 % of float64 forward mode, at 1e-2 up to 4 % off.
 */
const stepLength = 1e-4;

/**
 * Learning to Reweight (arXiv 1803.09050, algorithm 1). The alignments are directional derivatives of the logits
 * along the validation gradient, by central difference: two more forward passes, right for any model (batch
 * normalisation included) on any backend. Dropout masks are the same in all passes of a step.
 */
export function learningToReweight(options: LearningToReweightWeightingOptions): Weighting {
  const { validation, validationBatchSize, decayInValidation = true, ...rest } = options;
  const { validationMode = "training", ...methodOptions } = rest;
  if (validationBatchSize !== undefined) checkCount("validationBatchSize", validationBatchSize, 1);
  return {
    name: "learning-to-reweight",
    loss: methodOptions.loss ?? "auto",
    needsValidation: false,
    start(context) {
      context.stochastic.requireSeedable("learningToReweight");
      const method = new LearningToReweight({ ...methodOptions, loss: context.loss! });
      const samples = new ValidationSampler(
        validation,
        context.head!,
        context.loss!,
        validationBatchSize ?? context.batchSize,
        context.seed,
      );
      return {
        step: (batch) => stepOnLogits(context, batch, null, weigher(context, method, samples, batch)),
        state: () => ({ validation: samples.state }),
        restore: (state: { validation: ValidationState }) => samples.restore(state.validation),
      };
    },
  };

  /** Takes the tangents before the step, for the weights at its logits. Weights sum to B (or are all 0). */
  function weigher(
    context: TrainingContext,
    method: LearningToReweight,
    samples: ValidationSampler,
    batch: TrainBatch,
  ): (logits: tf.Tensor2D) => Float32Array {
    const tangents = logitTangents(context, samples, batch);
    return (logits) => {
      const { weights } = method.weigh({
        logits: logits.dataSync<"float32">(),
        tangents,
        labels: batch.labels!,
        classes: context.head!.units,
      });
      return weights.map((w) => w * batch.size);
    };
  }

  /** [B, C]: (logits(theta + eps V) - logits(theta - eps V)) / (2 eps), with |eps V| = {@link stepLength}. */
  function logitTangents(
    context: TrainingContext,
    samples: ValidationSampler,
    batch: TrainBatch,
  ): Float32Array {
    const { model, head, stochastic } = context;
    const variables = trainableVariables(model);
    return preservingWeights(
      model.weights.map((w) => w.read() as tf.Variable),
      () =>
        tf.tidy(() => {
          const gradient = validationGradient(context, samples, batch, variables);
          const length = Math.sqrt(
            gradient.reduce((sum, g) => sum + tf.sum(tf.square(g)).dataSync<"float32">()[0]!, 0),
          );
          if (length === 0) return new Float32Array(batch.size * head!.units);
          const eps = stepLength / length;
          const origin = variables.map((variable) => variable.clone());
          const logitsAt = (t: number): Float32Array =>
            tf.tidy(() => {
              variables.forEach((variable, i) => {
                variable.assign(tf.add(origin[i]!, tf.mul(gradient[i]!, t)));
              });
              stochastic.seedStep(batch.epoch, batch.step);
              return head!.forward(batch.xs, true).dataSync<"float32">();
            });
          const [up, down] = [logitsAt(eps), logitsAt(-eps)];
          return up.map((value, i) => (value - down[i]!) / (2 * eps));
        }),
    );
  }

  /** Gradient of the mean validation loss, one tensor a variable. */
  function validationGradient(
    { model, head, loss, stochastic }: TrainingContext,
    samples: ValidationSampler,
    batch: TrainBatch,
    variables: tf.Variable[],
  ): tf.Tensor[] {
    const { xs, labels } = samples.next();
    stochastic.seedStep(batch.epoch, batch.step);
    const { grads } = tf.variableGrads(() => {
      const logits = head!.forward(xs, validationMode === "training");
      const objective = weightedLoss(logits, { labels, loss, params: null });
      const penalties = decayInValidation ? model.calculateLosses() : [];
      return penalties.reduce((sum, penalty) => tf.add(sum, penalty), objective);
    }, variables);
    return variables.map((variable) => grads[variable.name] ?? tf.zerosLike(variable));
  }
}

/** Runs `compute`, which may move weights and batch statistics, and puts every bit of them back. */
function preservingWeights<T>(variables: tf.Variable[], compute: () => T): T {
  const held = variables.map((variable) => tf.keep(variable.clone()));
  try {
    return compute();
  } finally {
    variables.forEach((variable, i) => {
      variable.assign(held[i]!);
    });
    tf.dispose(held);
  }
}
