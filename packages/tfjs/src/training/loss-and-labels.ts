import { checks, expected, type Loss } from "@lilaw/core";
import type * as tf from "@tensorflow/tfjs-core";
import type { LayersModel } from "@tensorflow/tfjs-layers";
import { compiledLoss, type Head, headOf, lossOf } from "../model/head.js";
import { checkModelTargets, modelTargets, readTargets, type Targets } from "../model/targets.js";
import type { LossOnLogits } from "./step.js";
import type { Weighting } from "./weighting.js";

/** The loss of a training, and how it takes its labels. */
export interface LossAndLabels {
  /** Absent where only the model's own loss is used */
  readonly onLogits: LossOnLogits | undefined;
  /** The labels of a loss on the logits; targets of the model's own loss are only checked */
  readTargets(y: tf.Tensor, name: string): Promise<Targets | undefined>;
  /** y as the model's own loss and metrics take it: `y` itself or a new tensor */
  modelTargets(y: tf.Tensor): tf.Tensor;
}

/**
 * @param recorded whether losses and probabilities of samples are wanted, for which the model's own loss must be one on
 *   its logits
 * @throws LilawError `MODEL_OUTPUT`, and for a transition matrix that does not fit `INVALID_ARGUMENT`, `LENGTH_MISMATCH`
 */
export function lossAndLabelsOf(model: LayersModel, weighting: Weighting, recorded: boolean): LossAndLabels {
  if (model.outputs.length !== 1) {
    throw expected("MODEL_OUTPUT", "a model with one output", "model", `${model.outputs.length} outputs`);
  }
  const output = model.outputs[0]!.shape;
  const head = weighting.loss === "model" && !recorded ? undefined : headOf(model);
  const onLogits = head && lossOnLogits(model, head, weighting);
  const units = head?.units ?? output.at(-1) ?? 1;
  return {
    onLogits,
    async readTargets(y, name) {
      if (onLogits) return readObserved(y, onLogits, name);
      await checkModelTargets(y, output, model.loss, name);
      return undefined;
    },
    modelTargets: (y) => modelTargets(y, units, model.loss),
  };
}

/** The labels of a loss on the logits. @throws LilawError as `readTargets`, `LABEL_OUT_OF_RANGE` for a label that comes from no class */
export async function readObserved(
  y: tf.Tensor,
  { head, loss, transition }: LossOnLogits,
  name: string,
): Promise<Targets> {
  const targets = await readTargets(y, head.units, loss, name);
  transition?.checkLabels(targets.labels, name);
  return targets;
}

function lossOnLogits(model: LayersModel, head: Head, weighting: Weighting): LossOnLogits {
  if (weighting.loss === "model") return { head, loss: compiledLoss(model, head), transition: null };
  const loss: Loss = weighting.loss === "auto" ? lossOf(model, head) : weighting.loss;
  return { head, loss, transition: checks.checkTransition(weighting.transition, loss, head.units) };
}
