import type { LilawParams } from "../backend.js";
import { deviceKernels } from "../backends/device.js";
import { asLilawError, Held } from "../backends/held.js";
import type {
  DeviceArray,
  DeviceBatchInput,
  DeviceFloats,
  DeviceMetaGradient,
  DeviceResult,
  DeviceStream,
  DeviceWeightedLossOutputs,
  DeviceWeightedLossResult,
} from "../device.js";
import type { Loss } from "../losses.js";
import { metaStepOnDevice, weightedLossOnDevice } from "../operations/on-device.js";
import { allScalars, type LiLAWOptions, type LiLAWState, stateOf } from "./lilaw-options.js";

export interface DeviceWeighInput extends Omit<DeviceBatchInput, "stream"> {
  /** True during warm-up: every weight is 1, the plain loss. */
  readonly warmup?: boolean | undefined;
  /** [B], a factor on each row's loss, from outside the method */
  readonly sampleWeights?: DeviceFloats | undefined;
}

export interface DeviceMetaStepBatch extends Omit<DeviceBatchInput, "stream"> {
  /** [M], in place of the row losses: other meta-objectives */
  readonly coefficients?: DeviceFloats | undefined;
}

/**
 * LiLAW on arrays of a GPU, created by `LiLAW.onDevice`. alpha, beta and delta are in device memory, where `metaStep`
 * moves them and `weigh` reads them. All work is queued on one stream; only `readParams` and `toJSON` wait for it.
 *
 * @example
 * using lilaw = new LiLAW().onDevice(stream);
 * using step = stream.capture(() => {
 *   lilaw.weigh(train, out);
 *   lilaw.metaStep(validation);
 * });
 * step.launch();
 */
export class DeviceLiLAW {
  /** alpha, beta and delta, on the device */
  readonly params: DeviceArray<"float64">;
  readonly stream: DeviceStream;
  readonly #options: Required<LiLAWOptions>;
  readonly #held: Held;
  readonly #meta: DeviceResult<DeviceMetaGradient>;

  /** @internal */
  constructor(options: Required<LiLAWOptions>, stream?: DeviceStream) {
    this.#options = options;
    this.#held = new Held(deviceKernels(options.backend));
    const { native } = this.#held;
    try {
      this.stream = stream ?? native.defaultStream();
      const { alpha, beta, delta } = options;
      this.params = this.#held
        .allocate("float64", 3)
        .upload(Float64Array.of(alpha, beta, delta), this.stream);
      this.#meta = this.#held.hold(native.DeviceResult.ofMetaGradient());
    } catch (error) {
      this.dispose();
      throw asLilawError(error);
    }
  }

  get loss(): Loss {
    return this.#options.loss;
  }

  /** `weightedLoss` with the scalars frozen. Returns `out` when it is given, with a `result` in it. */
  weigh(batch: DeviceWeighInput): DeviceWeightedLossResult;
  weigh<O extends DeviceWeightedLossOutputs>(
    batch: DeviceWeighInput,
    out: O,
  ): O & Pick<DeviceWeightedLossResult, "result">;
  weigh({ warmup = false, ...batch }: DeviceWeighInput, out?: DeviceWeightedLossOutputs): object {
    const { loss, gradient, normalize } = this.#options;
    const params = warmup ? null : this.params;
    return weightedLossOnDevice({ ...batch, params, loss, gradient, normalize, stream: this.stream }, out);
  }

  /**
   * Moves the scalars by one gradient step on the weighted validation loss, as `LiLAW.metaStep` does, unless a result
   * is not finite: then `moved` is 0.
   *
   * @returns the gradient, objective and counts on the device; every call returns the same object
   */
  metaStep(batch: DeviceMetaStepBatch): DeviceResult<DeviceMetaGradient> {
    const { loss, clamp } = this.#options;
    const learningRate = allScalars(this.#options.learningRate);
    const weightDecay = allScalars(this.#options.weightDecay);
    const { params, stream } = this;
    return metaStepOnDevice({ ...batch, params, loss, clamp, learningRate, weightDecay, stream }, this.#meta);
  }

  /** alpha, beta and delta on the host: waits for the stream. */
  readParams(): LilawParams {
    try {
      const [alpha, beta, delta] = this.params.download(undefined, this.stream) as unknown as [
        number,
        number,
        number,
      ];
      return { alpha, beta, delta };
    } catch (error) {
      throw asLilawError(error);
    }
  }

  /** A state for `LiLAW.fromJSON`: waits for the stream. */
  toJSON(): LiLAWState {
    return stateOf(this.#options, this.readParams());
  }

  /** Frees its device memory. A second call does nothing. */
  dispose(): void {
    this.#held.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
