import type { Loss } from "@lilaw/core";
import type { Weighting } from "../weighting.js";
import { lossOptions, type TransitionOption, transitionSetting } from "./options.js";

export interface PlainOptions extends TransitionOption {
  /**
   * Compute this loss on the logits in place of the loss the model was compiled with. Default with `transition`: the one that the
   * model's last layer stands for
   */
  loss?: Loss;
}

/** Every sample has the same weight (times `sampleWeight` and `classWeight`), as in `model.fit`. */
export function plain(options: PlainOptions = {}): Weighting {
  const { loss, transition } = lossOptions(options);
  const common = { name: "plain", needsValidation: false };
  const settings = () => ({ loss, ...transitionSetting(transition) });
  if (loss === "model") {
    return {
      ...common,
      loss,
      start: (context) => ({ settings, step: (batch) => context.stepOnModelLoss(batch) }),
    };
  }
  return {
    ...common,
    loss,
    transition,
    start: (context) => ({ settings, step: (batch) => context.stepOnLogits(batch) }),
  };
}
