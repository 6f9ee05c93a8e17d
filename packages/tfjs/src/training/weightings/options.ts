import { checks, LearningToReweight, type Loss } from "@lilaw/core";

/**
 * The `loss` of the options, if there is one: a copy, which the caller cannot change.
 *
 * @throws LilawError `INVALID_ARGUMENT`, `UNKNOWN_NAME`
 */
export function lossOption(options: { loss?: Loss }): Loss | undefined {
  const { loss } = checks.optionsOf("options", options);
  return loss === undefined ? undefined : new LearningToReweight({ loss }).loss;
}
