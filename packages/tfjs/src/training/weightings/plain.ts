import type { Loss } from "@lilaw/core";
import type { Weighting } from "../weighting.js";
import { lossOption } from "./options.js";

export interface PlainOptions {
  /** Compute this loss on the logits in place of the loss the model was compiled with. */
  loss?: Loss;
}

/** Every sample has the same weight (times `sampleWeight` and `classWeight`), as in `model.fit`. */
export function plain(options: PlainOptions = {}): Weighting {
  const loss = lossOption(options);
  const common = { name: "plain", needsValidation: false };
  const settings = () => ({ loss: loss ?? "model" });
  if (loss === undefined) {
    return {
      ...common,
      loss: "model",
      start: (context) => ({ settings, step: (batch) => context.stepOnModelLoss(batch) }),
    };
  }
  return {
    ...common,
    loss,
    start: (context) => ({ settings, step: (batch) => context.stepOnLogits(batch) }),
  };
}
