import type { LilawParams, MetaGradient } from "../backend.js";

/** Options of a step of the scalars. */
export interface MetaStepOptions {
  readonly learningRate: LilawParams;
  readonly weightDecay: LilawParams;
  /** Keep delta >= beta and alpha >= 1 */
  readonly clamp: boolean;
}

/**
 * The scalars after a step along their meta-gradient: p <- p - learningRate * (dJ/dp + weightDecay * p) (LiLAW, arXiv
 * 2509.20786, algorithm 1). The native kernels have the same function in `src/math/meta_step.h`.
 *
 * Either all three scalars move or none: the result is null if the gradient, the objective or a scalar after the step is
 * NaN or infinite.
 */
export function metaStep(
  params: LilawParams,
  gradient: Omit<MetaGradient, "nonFiniteRows">,
  { learningRate, weightDecay, clamp }: MetaStepOptions,
): LilawParams | null {
  const step = (name: keyof LilawParams): number =>
    params[name] - learningRate[name] * (gradient[name] + weightDecay[name] * params[name]);
  const [alpha, beta, delta] = [step("alpha"), step("beta"), step("delta")];
  const numbers = [alpha, beta, delta, gradient.alpha, gradient.beta, gradient.delta, gradient.objective];
  if (!numbers.every(Number.isFinite)) return null;
  return clamp ? { alpha: Math.max(alpha, 1), beta, delta: Math.max(delta, beta) } : { alpha, beta, delta };
}
