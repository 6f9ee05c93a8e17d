import type { Loss } from "@lilaw/core";
import { stepOnLogits, stepOnModelLoss } from "../step.js";
import type { Weighting } from "../weighting.js";
import { lossOption } from "./options.js";

export interface PlainOptions {
  /** Compute this loss on the logits in place of the loss the model was compiled with. */
  loss?: Loss;
}

/** Every sample weighs the same (times `sampleWeight` and `classWeight`): what `model.fit` does. */
export function plain(options: PlainOptions = {}): Weighting {
  const loss = lossOption(options);
  return {
    name: "plain",
    loss: loss ?? "model",
    needsValidation: false,
    start: (context) => ({
      settings: () => ({ loss: loss ?? "model" }),
      step: (batch) => (loss === undefined ? stepOnModelLoss(context, batch) : stepOnLogits(context, batch)),
    }),
  };
}
