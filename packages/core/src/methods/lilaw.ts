import type {
  FloatArray,
  GradientMode,
  LilawParams,
  Loss,
  MetaGradient,
  Normalize,
  WeightedLossOutputs,
  WeightedLossScalars,
} from "../backend.js";
import type { BackendChoice } from "../backends/select.js";
import { expected, LilawError } from "../errors.js";
import {
  type BatchInput,
  checkChoice,
  checkLoss,
  checkNumber,
  checkParams,
} from "../operations/arguments.js";
import { metaGradient } from "../operations/meta-gradient.js";
import { type WeightedLossResult, weightedLoss } from "../operations/weighted-loss.js";

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

export interface WeighInput<A extends FloatArray = FloatArray> extends BatchInput<A> {
  /** True during warm-up: every weight is 1, the plain loss. */
  readonly warmup?: boolean;
  /** [B], a factor on each row's loss, from outside the method */
  readonly sampleWeights?: FloatArray | undefined;
}

export interface MetaStepInput extends BatchInput {
  /** [M], in place of the row losses: other meta-objectives */
  readonly coefficients?: FloatArray | undefined;
}

/** The state and options of a {@link LiLAW}, as plain JSON. */
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

const scalarNames = ["alpha", "beta", "delta"] as const;

/**
 * LiLAW (arXiv 2509.20786): three learnable scalars weigh every training sample by how the model agrees with its
 * label; a step on one validation batch after each training step moves the scalars.
 *
 * @example
 * const lilaw = new LiLAW();
 * const { gradLogits } = lilaw.weigh({ logits, labels, classes: 10 });   // then the model's backward and its optimizer
 * lilaw.metaStep({ logits: validLogits, labels: validLabels, classes: 10 });
 */
export class LiLAW {
  #params: LilawParams;
  readonly #options: Required<LiLAWOptions>;

  /** @throws LilawError `INVALID_ARGUMENT`, `UNKNOWN_NAME` */
  constructor(options: LiLAWOptions = {}) {
    const chosen = { ...defaults, backend: "auto" as const, ...withoutUndefined(options) };
    const { alpha, beta, delta } = chosen;
    this.#params = checkParams({ alpha, beta, delta });
    for (const name of scalarNames) {
      checkNumber(
        "learningRate",
        perScalar(chosen.learningRate, name),
        "a finite number of at least 0",
        atLeast0,
      );
      checkNumber(
        "weightDecay",
        perScalar(chosen.weightDecay, name),
        "a finite number of at least 0",
        atLeast0,
      );
    }
    checkLoss(chosen.loss);
    checkChoice("gradient", chosen.gradient, ["full", "detached"]);
    checkChoice("normalize", chosen.normalize, ["none", "batch-mean"]);
    if (typeof chosen.clamp !== "boolean")
      throw expected("INVALID_ARGUMENT", "a boolean", "clamp", chosen.clamp);
    this.#options = chosen;
  }

  /** alpha, beta and delta as they are now. */
  get params(): LilawParams {
    return this.#params;
  }

  get loss(): Loss {
    return this.#options.loss;
  }

  /** {@link weightedLoss} with the scalars frozen. Returns `out` when it is given. */
  weigh<A extends FloatArray>(batch: WeighInput<A>): WeightedLossResult<A>;
  weigh<O extends WeightedLossOutputs>(batch: WeighInput, out: O): O & WeightedLossScalars;
  weigh(
    { warmup = false, ...batch }: WeighInput,
    out?: WeightedLossOutputs,
  ): WeightedLossOutputs & WeightedLossScalars {
    const { loss, gradient, normalize, backend } = this.#options;
    const params = warmup ? null : this.#params;
    const input = { ...batch, params, loss, gradient, normalize, backend };
    return out === undefined ? weightedLoss(input) : weightedLoss(input, out);
  }

  /**
   * Moves the scalars by one gradient step on the weighted validation loss:
   * p <- p - learningRate * (dJ/dp + weightDecay * p). Returns the gradient it used.
   *
   * @throws LilawError `NON_FINITE` when a validation logit is NaN or infinite; the scalars have not moved then.
   *   Also the errors of {@link metaGradient}.
   */
  metaStep(batch: MetaStepInput): MetaGradient {
    const { loss, backend } = this.#options;
    return this.applyMetaGradient(metaGradient({ ...batch, params: this.#params, loss, backend }));
  }

  /**
   * The update of {@link metaStep} with a gradient from elsewhere, such as one computed where the logits are.
   *
   * @throws LilawError `NON_FINITE`; the scalars have not moved then
   */
  applyMetaGradient(gradient: MetaGradient): MetaGradient {
    const moved = this.#moved(gradient);
    if (!scalarNames.every((name) => Number.isFinite(moved[name]))) {
      throw new LilawError(
        "NON_FINITE",
        `Expected finite validation logits for metaStep but received ${gradient.nonFiniteRows} non-finite rows; ` +
          "alpha, beta and delta have not moved",
      );
    }
    this.#params = moved;
    return gradient;
  }

  #moved(gradient: LilawParams): LilawParams {
    const { learningRate, weightDecay, clamp } = this.#options;
    const moved = { ...this.#params };
    for (const name of scalarNames) {
      const decay = perScalar(weightDecay, name) * moved[name];
      moved[name] -= perScalar(learningRate, name) * (gradient[name] + decay);
    }
    if (clamp) {
      moved.delta = Math.max(moved.delta, moved.beta);
      moved.alpha = Math.max(moved.alpha, 1);
    }
    return moved;
  }

  toJSON(): LiLAWState {
    const { backend: _, ...options } = this.#options;
    return { method: "lilaw", version: 1, ...options, ...this.#params };
  }

  /**
   * The method a {@link toJSON} state describes, on a backend of this machine's own.
   * @throws LilawError `INCOMPATIBLE_STATE`
   */
  static fromJSON(state: LiLAWState, { backend }: Pick<LiLAWOptions, "backend"> = {}): LiLAW {
    if (state?.method !== "lilaw" || state.version !== 1) {
      throw expected("INCOMPATIBLE_STATE", 'a state of method "lilaw", version 1', "state", state);
    }
    const { method: _, version: __, ...options } = state;
    return new LiLAW(backend === undefined ? options : { ...options, backend });
  }
}

const atLeast0 = (x: number): boolean => x >= 0;

function perScalar(value: number | LilawParams, name: (typeof scalarNames)[number]): number {
  return typeof value === "number" ? value : value?.[name];
}

/** An option given as `undefined` means its default. */
function withoutUndefined<T extends object>(options: T): Partial<T> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<T>;
}
