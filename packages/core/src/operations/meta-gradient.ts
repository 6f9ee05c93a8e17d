import type { FloatArray, LilawParams, Loss, MetaGradient } from "../backend.js";
import { type BackendChoice, getBackend } from "../backends/select.js";
import { type BatchInput, checkBatch, checkLength, checkLoss, checkParams } from "./arguments.js";

export interface MetaGradientInput extends BatchInput {
  readonly params: LilawParams;
  /** Default `"cross-entropy"` */
  readonly loss?: Loss | undefined;
  /** [M], in place of the row losses: other meta-objectives */
  readonly coefficients?: FloatArray | undefined;
  readonly backend?: BackendChoice | undefined;
}

/**
 * The partial derivatives of the weighted validation loss (1/M) sum_i W_i L_i by alpha, beta and delta
 * (LiLAW, arXiv 2509.20786, algorithm 1). They need the validation logits only: no backward pass.
 *
 * With cross-entropy |dJ/dalpha|, |dJ/dbeta| <= 1/(4e) and |dJ/ddelta| <= exp(-1/2)/e. A NaN or infinite logit
 * makes the results NaN and is counted in `nonFiniteRows`.
 *
 * @throws LilawError `INVALID_ARGUMENT`, `LENGTH_MISMATCH`, `LABEL_OUT_OF_RANGE`, `NON_FINITE` (a regression
 *   target), `UNKNOWN_NAME`, `BACKEND_UNAVAILABLE`
 */
export function metaGradient(input: MetaGradientInput): MetaGradient {
  const loss = checkLoss(input.loss ?? "cross-entropy");
  const { batch, count } = checkBatch(input, loss);
  const params = checkParams(input.params);
  checkLength("coefficients", input.coefficients, count);
  return getBackend(input.backend).metaGradient({ ...batch, loss, params, coefficients: input.coefficients });
}
