import { checks, LearningToReweight, type LearningToReweightOptions, type Loss } from "@lilaw/core";
import * as tf from "@tensorflow/tfjs-core";
import type { LabelledTensors } from "../../model/inputs.js";
import type { WeightDirection } from "../../model/tangents/forward.js";
import { preserving } from "../../model/tangents/preserving.js";
import { alignmentWeights } from "../../operations/alignment-weights.js";
import { weightedLoss } from "../../operations/weighted-loss.js";
import { checkCount } from "../checks.js";
import { ValidationSampler, type ValidationState } from "../validation.js";
import type { LogitsBatch, LogitsContext, LogitsWeighting } from "../weighting.js";
import { type TransitionOption, transitionOption, transitionSetting } from "./options.js";
import { type Route, type RouteName, routeOf } from "./routes.js";

/** Without `backend`: the operations run on the tfjs backend that has the logits. */
export interface LearningToReweightWeightingOptions
  extends Omit<LearningToReweightOptions, "backend">,
    TransitionOption {
  /** A small, clean, balanced set: 10 samples a class is a good start. Its labels are right, so `transition` is not theirs */
  validation: LabelledTensors;
  /** Default: the training batch size */
  validationBatchSize?: number;
  /** Whether the model's regularisation is part of the validation loss. Default true */
  decayInValidation?: boolean;
  /** Mode of the validation forward pass. Default `"training"` (batch statistics, dropout) */
  validationMode?: "training" | "inference";
  /**
   * How the change of the logits along the validation gradient is found. The first two give the same number, the
   * third does not:
   *
   * - `"tangent"`: exact, by forward-mode differentiation within the training forward pass; throws where the model
   *   has a layer without a tangent rule
   * - `"central-difference"`: two more forward passes, right for any model; weights within about 0.2 % of exact
   * - `"last-layer"`: an **approximation** that looks at the gradient of the last dense layer only; almost free
   * - `"auto"` (default): `"tangent"` where every layer has a rule, else `"central-difference"`
   */
  route?: RouteName;
}

/**
 * Learning to Reweight (arXiv 1803.09050, algorithm 1). The alignments of the rows' gradients with the validation
 * gradient are computed from derivatives of the logits along that gradient, so no gradient of a gradient is needed, and batch
 * normalisation is handled exactly. Dropout masks are the same in all passes of a step.
 *
 * @throws LilawError `INVALID_ARGUMENT`, also when training starts: for a route that the model does not allow
 */
export function learningToReweight(options: LearningToReweightWeightingOptions): LogitsWeighting {
  const {
    validation,
    validationBatchSize,
    decayInValidation = true,
    route = "auto",
    ...rest
  } = {
    ...checks.optionsOf("options", options),
  };
  const { validationMode = "training", transition: given, ...methodOptions } = rest;
  const transition = transitionOption(given);
  if (validationBatchSize !== undefined) checkCount("validationBatchSize", validationBatchSize, 1);
  return {
    name: "learning-to-reweight",
    loss: methodOptions.loss ?? "auto",
    transition,
    needsValidation: false,
    async start(context) {
      context.stochastic.requireSeedable("learningToReweight");
      const { loss } = new LearningToReweight({ ...methodOptions, loss: context.loss });
      const chosen = routeOf(route, context);
      const samples = await ValidationSampler.of(
        validation,
        { ...context, transition: null },
        validationBatchSize,
      );
      return {
        step: (batch) => step(context, loss, chosen, samples, batch),
        settings: () => ({
          ...{ loss, route, decayInValidation, validationMode, validation: samples.settings() },
          ...transitionSetting(transition),
        }),
        state: () => ({ validation: samples.state }),
        restore: (state: { validation: ValidationState }) => samples.restore(state.validation),
      };
    },
  };

  function step(
    context: LogitsContext,
    loss: Loss,
    route: Route,
    samples: ValidationSampler,
    batch: LogitsBatch,
  ): tf.Scalar[] {
    const direction = validationGradient(context, samples, batch, route.variables);
    const forward = route.prepare(batch, direction);
    return context.stepOnLogits(batch, () => {
      const { logits, tangents } = forward();
      const { weights } = alignmentWeights(logits, tangents, { labels: batch.labels, loss, transition });
      tangents.dispose();
      return { logits, weights: tf.mul(weights, batch.size) }; // sum B (or all 0)
    });
  }

  /** Gradient of the mean validation loss, whose labels are right and so have no transition matrix. Batch statistics are restored. */
  function validationGradient(
    { model, head, loss, stochastic }: LogitsContext,
    samples: ValidationSampler,
    batch: LogitsBatch,
    variables: tf.Variable[],
  ): WeightDirection {
    const { xs, labels } = samples.next();
    const statistics = model.nonTrainableWeights.map((weight) => weight.read() as tf.Variable);
    return preserving(statistics, () => {
      stochastic.seedStep(batch.epoch, batch.step);
      const { grads } = tf.variableGrads(() => {
        const logits = head.forward(xs, validationMode === "training");
        const objective = weightedLoss(logits, { labels, loss, params: null });
        const penalties = decayInValidation ? model.calculateLosses() : [];
        return penalties.reduce((sum, penalty) => tf.add(sum, penalty), objective);
      }, variables);
      return new Map(variables.map((variable) => [variable, grads[variable.name] ?? tf.zerosLike(variable)]));
    });
  }
}
