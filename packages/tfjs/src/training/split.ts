import { expected, Random } from "@lilaw/core";
import type { Weighting } from "./weighting.js";

/** Share of the training data held out for a weighting that needs validation samples and was given none. */
const heldOutShare = 0.15;

export interface RowSplit {
  /** Rows to train on */
  rows: Int32Array;
  /** Rows held out for validation */
  held: Int32Array | undefined;
  /** Whether the user asked for validation results */
  reported: boolean;
}

/**
 * `validationSplit` takes the last samples, as in tfjs. Without one, a seeded part is drawn for a weighting that needs
 * validation samples.
 */
export function splitRows(
  count: number,
  hasValidation: boolean,
  share: number,
  weighting: Weighting,
  seed: number,
): RowSplit {
  const all = Int32Array.from({ length: count }, (_, i) => i);
  if (typeof share !== "number" || !(share >= 0 && share < 1)) {
    throw expected("INVALID_ARGUMENT", "a number in [0, 1)", "validationSplit", share);
  }
  if (hasValidation) return { rows: all, held: undefined, reported: true };
  if (share > 0) {
    const kept = Math.floor(count * (1 - share));
    if (kept === count)
      throw expected("LENGTH_MISMATCH", "a share of at least one sample", "validationSplit", share);
    return { rows: all.slice(0, kept), held: all.slice(kept), reported: true };
  }
  if (!weighting.needsValidation) return { rows: all, held: undefined, reported: false };
  const kept = count - Math.max(1, Math.round(count * heldOutShare));
  if (kept < 1)
    throw expected("LENGTH_MISMATCH", "samples to train on beside the validation part", "y", count);
  const order = Random.from(seed, "held-out").shuffle(all);
  return { rows: order.slice(0, kept).sort(), held: order.slice(kept), reported: false };
}
