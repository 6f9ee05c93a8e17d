import type { LilawParams } from "../../backend.js";
import { sigmoid } from "./scalars.js";

/** The weight of one row, its terms and its partial derivatives (LiLAW: W = W_alpha + W_beta + W_delta). */
export interface RowWeight {
  alpha: number;
  beta: number;
  delta: number;
  total: number;
  /** dW/du and dW/dv */
  byLabelProb: number;
  byMaxProb: number;
  /** dW/dalpha, dW/dbeta, dW/ddelta */
  byAlpha: number;
  byBeta: number;
  byDelta: number;
}

/** The weight of the plain loss, and of a multi-label row without labels: 1, for any u and v. */
export const plainWeight: Readonly<RowWeight> = {
  ...{ alpha: 0, beta: 0, delta: 0, total: 1 },
  ...{ byLabelProb: 0, byMaxProb: 0, byAlpha: 0, byBeta: 0, byDelta: 0 },
};

/** Row weights for fixed scalars. Every call of the returned function fills and returns the same object. */
export function rowWeigher(params: LilawParams): (u: number, v: number) => Readonly<RowWeight> {
  const w: RowWeight = { ...plainWeight };
  return (u, v) => {
    const a = params.alpha * u - v;
    const b = params.beta * u - v;
    const d = params.delta * u - v;
    w.alpha = sigmoid(a);
    w.beta = sigmoid(-b);
    w.delta = Math.exp(-(d * d) / 2);
    w.total = w.alpha + w.beta + w.delta;
    // sigmoid' as the product of both tails: 1 - sigmoid would lose the small one.
    const slopeAlpha = w.alpha * sigmoid(-a);
    const slopeBeta = w.beta * sigmoid(b);
    const slopeDelta = d * w.delta;
    w.byLabelProb = params.alpha * slopeAlpha - params.beta * slopeBeta - params.delta * slopeDelta;
    w.byMaxProb = -slopeAlpha + slopeBeta + slopeDelta;
    w.byAlpha = slopeAlpha * u;
    w.byBeta = -slopeBeta * u;
    w.byDelta = -slopeDelta * u;
    return w;
  };
}
