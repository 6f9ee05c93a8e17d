import {
  checks,
  LearningToReweight,
  type Loss,
  stateBytes,
  TransitionMatrix,
  type TransitionProbabilities,
} from "@lilaw/core";

/** An option of all weightings. */
export interface TransitionOption {
  /**
   * How the observed labels came about, [C, C]: row k, column j is P(label j | true class k). The losses and weights compare the
   * model of the true class with the labels under it (forward correction, Patrini et al. 2017), so that the model learns the
   * true classes. For losses of u: cross-entropy, focal, generalized and symmetric cross-entropy. Predictions and metrics of the
   * model are not changed by it.
   */
  transition?: TransitionMatrix | TransitionProbabilities | null | undefined;
}

/**
 * The loss and the transition matrix of a weighting that also works on the model's own loss. They are copies, which the caller
 * cannot change.
 *
 * @throws LilawError `INVALID_ARGUMENT`, `UNKNOWN_NAME`, `LENGTH_MISMATCH`
 */
export function lossOptions(options: { loss?: Loss } & TransitionOption) {
  const { loss, transition } = checks.optionsOf("options", options);
  const matrix = transitionOption(transition);
  const unnamed = matrix === null ? ("model" as const) : ("auto" as const);
  return { loss: loss === undefined ? unnamed : new LearningToReweight({ loss }).loss, transition: matrix };
}

/** The option as a matrix of our own, or null where there is none. @throws LilawError `INVALID_ARGUMENT`, `LENGTH_MISMATCH` */
export function transitionOption(transition: TransitionOption["transition"]): TransitionMatrix | null {
  if (transition == null) return null;
  checks.checkObject("transition", transition);
  return transition instanceof TransitionMatrix ? transition : new TransitionMatrix(transition);
}

/** Its part of the settings of a weighting. There is none without a matrix, so that states of earlier versions stay valid. */
export const transitionSetting = (transition: TransitionMatrix | null): { transition?: string } =>
  transition === null ? {} : { transition: stateBytes.digest(transition.byLabel) };
