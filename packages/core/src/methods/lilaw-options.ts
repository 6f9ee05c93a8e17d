import type { LilawParams } from "../backend.js";
import type { BackendChoice } from "../backends/select.js";
import { expected } from "../errors.js";
import { type GradientMode, gradientModes, type Loss, type Normalize, normalizations } from "../losses.js";
import { checkChoice, checkLoss, checkNumber, checkParams, optionsOf } from "../operations/arguments.js";
import { checkState, ofState, sameMembers } from "./state.js";

export interface LiLAWOptions {
  /** Start values of the scalars: 10, 2, 6 */
  alpha?: number;
  beta?: number;
  delta?: number;
  /** Step size of the scalars, one or one each. Default 0.005 */
  learningRate?: number | LilawParams;
  /** L2 decay added to the gradient of the scalars, one or one each. Default 1e-4 */
  weightDecay?: number | LilawParams;
  /** Default `"cross-entropy"` */
  loss?: Loss;
  /** Default `"full"` */
  gradient?: GradientMode;
  /** Keep delta >= beta and alpha >= 1 after each step (the paper's text, not its algorithm). Default false */
  clamp?: boolean;
  /** `"batch-mean"` divides the training weights by their batch mean. Default `"none"` */
  normalize?: Normalize;
  /** Default `"auto"` */
  backend?: BackendChoice;
}

/** The state and options of a LiLAW, as plain JSON. */
export type LiLAWState = Required<Omit<LiLAWOptions, "backend">> & { method: "lilaw"; version: 1 };

/**
 * All options, with the defaults: a copy, which nobody can change.
 * @throws LilawError `INVALID_ARGUMENT`, `UNKNOWN_NAME`
 */
export function checkOptions(given: LiLAWOptions): Required<LiLAWOptions> {
  const {
    alpha = 10,
    beta = 2,
    delta = 6,
    learningRate = 0.005,
    weightDecay = 1e-4,
    loss = "cross-entropy",
    gradient = "full",
    clamp = false,
    normalize = "none",
    backend = "auto",
  } = optionsOf("options", given);
  if (typeof clamp !== "boolean") throw expected("INVALID_ARGUMENT", "a boolean", "clamp", clamp);
  return {
    ...checkParams({ alpha, beta, delta }),
    learningRate: checkRates("learningRate", learningRate),
    weightDecay: checkRates("weightDecay", weightDecay),
    loss: Object.freeze(checkLoss(loss)),
    gradient: checkChoice("gradient", gradient, gradientModes),
    clamp,
    normalize: checkChoice("normalize", normalize, normalizations),
    backend,
  };
}

function checkRates(name: string, rates: number | LilawParams): number | LilawParams {
  const check = (rate: number) => checkNumber(name, rate, "a finite number of at least 0", (x) => x >= 0);
  if (typeof rates !== "object" || rates === null) return check(rates);
  const { alpha, beta, delta } = optionsOf(name, rates);
  return Object.freeze({ alpha: check(alpha), beta: check(beta), delta: check(delta) });
}

function perScalar(value: number | LilawParams, name: keyof LilawParams): number {
  return typeof value === "number" ? value : value[name];
}

export function stateOf({ backend: _, ...options }: Required<LiLAWOptions>, params: LilawParams): LiLAWState {
  return { method: "lilaw", version: 1, ...options, ...params };
}

/**
 * The options that a state holds: all of them, and nothing else.
 * @throws LilawError `INCOMPATIBLE_STATE`
 */
export function optionsOfState(state: LiLAWState): LiLAWOptions {
  checkState(state, "lilaw");
  const { method: _, version: __, ...options } = state;
  return ofState(state, () => {
    const { backend: ___, ...checked } = checkOptions(options);
    sameMembers(options, checked);
    return checked;
  });
}

/** One value for each of the three scalars. */
export const allScalars = (value: number | LilawParams): LilawParams => ({
  alpha: perScalar(value, "alpha"),
  beta: perScalar(value, "beta"),
  delta: perScalar(value, "delta"),
});
