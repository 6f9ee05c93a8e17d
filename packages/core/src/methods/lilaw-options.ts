import type { GradientMode, LilawParams, Loss, Normalize } from "../backend.js";
import type { BackendChoice } from "../backends/select.js";
import { expected } from "../errors.js";
import { checkChoice, checkLoss, checkNumber, checkParams } from "../operations/arguments.js";

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

const defaults = {
  alpha: 10,
  beta: 2,
  delta: 6,
  learningRate: 0.005,
  weightDecay: 1e-4,
  loss: "cross-entropy",
  gradient: "full",
  clamp: false,
  normalize: "none",
} as const satisfies LiLAWOptions;

export const scalarNames = ["alpha", "beta", "delta"] as const;

/**
 * All options, with the defaults.
 * @throws LilawError `INVALID_ARGUMENT`, `UNKNOWN_NAME`
 */
export function checkOptions(options: LiLAWOptions): Required<LiLAWOptions> {
  const chosen = { ...defaults, backend: "auto" as const, ...withoutUndefined(options) };
  checkParams(chosen);
  for (const rates of ["learningRate", "weightDecay"] as const) {
    for (const name of scalarNames) {
      checkNumber(rates, perScalar(chosen[rates], name), "a finite number of at least 0", (x) => x >= 0);
    }
  }
  checkLoss(chosen.loss);
  checkChoice("gradient", chosen.gradient, ["full", "detached"]);
  checkChoice("normalize", chosen.normalize, ["none", "batch-mean"]);
  if (typeof chosen.clamp !== "boolean") {
    throw expected("INVALID_ARGUMENT", "a boolean", "clamp", chosen.clamp);
  }
  return chosen;
}

export function perScalar(value: number | LilawParams, name: (typeof scalarNames)[number]): number {
  return typeof value === "number" ? value : value?.[name];
}

export function stateOf({ backend: _, ...options }: Required<LiLAWOptions>, params: LilawParams): LiLAWState {
  return { method: "lilaw", version: 1, ...options, ...params };
}

/** One for each of the three. */
export const allScalars = (value: number | LilawParams): LilawParams => ({
  alpha: perScalar(value, "alpha"),
  beta: perScalar(value, "beta"),
  delta: perScalar(value, "delta"),
});

/** An option given as `undefined` means its default. */
function withoutUndefined<T extends object>(options: T): Partial<T> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<T>;
}
