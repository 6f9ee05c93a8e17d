import type {
  FloatArray,
  LilawParams,
  MetaGradient,
  WeightedLossOutputs,
  WeightedLossScalars,
} from "../backend.js";
import type { DeviceStream } from "../device.js";
import { expected, LilawError } from "../errors.js";
import type { Loss } from "../losses.js";
import { type BatchInput, isOnDevice, optionsOf } from "../operations/arguments.js";
import { metaGradient } from "../operations/meta-gradient.js";
import { type WeightedLossResult, weightedLoss } from "../operations/weighted-loss.js";
import { DeviceLiLAW } from "./device-lilaw.js";
import {
  allScalars,
  checkOptions,
  type LiLAWOptions,
  type LiLAWState,
  optionsOfState,
  stateOf,
} from "./lilaw-options.js";
import { metaStep } from "./meta-step.js";

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
    this.#options = checkOptions(options);
    const { alpha, beta, delta } = this.#options;
    this.#params = { alpha, beta, delta };
  }

  /** alpha, beta and delta as they are now. */
  get params(): LilawParams {
    return { ...this.#params };
  }

  get loss(): Loss {
    return this.#options.loss;
  }

  /** {@link weightedLoss} with the scalars frozen. Returns `out` when it is given. */
  weigh<A extends FloatArray>(batch: WeighInput<A>): WeightedLossResult<A>;
  weigh<O extends WeightedLossOutputs>(batch: WeighInput, out: O): O & WeightedLossScalars;
  weigh(batch: WeighInput, out?: WeightedLossOutputs): WeightedLossOutputs & WeightedLossScalars {
    const { logits, labels, classes, transition, sampleWeights, warmup = false } = optionsOf("batch", batch);
    checkOnHost(logits);
    const { loss, gradient, normalize, backend } = this.#options;
    const params = warmup ? null : this.#params;
    const input = {
      logits,
      labels,
      classes,
      transition,
      sampleWeights,
      params,
      loss,
      gradient,
      normalize,
      backend,
    };
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
    const { logits, labels, classes, transition, coefficients } = optionsOf("batch", batch);
    checkOnHost(logits);
    const { loss, backend } = this.#options;
    const input = { logits, labels, classes, transition, coefficients, params: this.#params, loss, backend };
    return this.applyMetaGradient(metaGradient(input));
  }

  /**
   * The update of {@link metaStep} with a given gradient, such as one computed on another device.
   *
   * @throws LilawError `NON_FINITE`, `INVALID_ARGUMENT` for values that are no numbers; the scalars have not moved then
   */
  applyMetaGradient(gradient: MetaGradient): MetaGradient {
    const { alpha, beta, delta, objective, nonFiniteRows } = optionsOf("gradient", gradient);
    for (const [name, value] of Object.entries({ alpha, beta, delta, objective })) {
      if (typeof value !== "number")
        throw expected("INVALID_ARGUMENT", "a number", `gradient.${name}`, value);
    }
    const { learningRate, weightDecay, clamp } = this.#options;
    const moved = metaStep(
      this.#params,
      { alpha, beta, delta, objective },
      { learningRate: allScalars(learningRate), weightDecay: allScalars(weightDecay), clamp },
    );
    if (moved === null) {
      throw new LilawError(
        "NON_FINITE",
        `Expected ${causeOf({ alpha, beta, delta, nonFiniteRows })}; alpha, beta and delta have not moved`,
      );
    }
    this.#params = moved;
    return gradient;
  }

  /**
   * A copy of this method for arrays of a GPU. It starts from the present scalars and moves them in device memory.
   *
   * @param stream stream for its work; default: the default stream, shared by all work without a stream of its own
   * @throws LilawError `INVALID_ARGUMENT` (a backend that is not on the device), `BACKEND_UNAVAILABLE`
   */
  onDevice(stream?: DeviceStream): DeviceLiLAW {
    return new DeviceLiLAW({ ...this.#options, ...this.#params }, stream);
  }

  toJSON(): LiLAWState {
    return stateOf(this.#options, this.#params);
  }

  /**
   * The method that a {@link toJSON} state describes. The backend is not part of the state.
   * @throws LilawError `INCOMPATIBLE_STATE` for anything but a whole state whose values are possible
   */
  static fromJSON(state: LiLAWState, { backend }: Pick<LiLAWOptions, "backend"> = {}): LiLAW {
    const options = optionsOfState(state);
    return new LiLAW(backend === undefined ? options : { ...options, backend });
  }
}

/** The reason why the scalars cannot move. */
function causeOf({ alpha, beta, delta, nonFiniteRows }: Omit<MetaGradient, "objective">): string {
  return typeof nonFiniteRows === "number" && nonFiniteRows > 0
    ? `finite validation logits for metaStep but received ${nonFiniteRows} non-finite rows`
    : `a gradient that leaves the scalars finite for metaStep but received ${[alpha, beta, delta].join(", ")}`;
}

/** Refuses logits on the device: the scalars are on the host. */
function checkOnHost(logits: unknown): void {
  if (!isOnDevice(logits)) return;
  throw expected("INVALID_ARGUMENT", "an array of the host (LiLAW.onDevice is for others)", "logits", logits);
}
