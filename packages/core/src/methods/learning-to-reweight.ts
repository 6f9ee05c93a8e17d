import type { AlignmentWeightsOutputs, AlignmentWeightsScalars, FloatArray } from "../backend.js";
import type { BackendChoice } from "../backends/select.js";
import type {
  DeviceAlignmentWeightsOutputs,
  DeviceAlignmentWeightsResult,
  DeviceBatchInput,
  DeviceLogits,
} from "../device.js";
import type { Loss } from "../losses.js";
import { type AlignmentWeightsResult, alignmentWeights } from "../operations/alignment-weights.js";
import { type BatchInput, checkLoss, optionsOf } from "../operations/arguments.js";
import { checkState, ofState, sameMembers } from "./state.js";

export interface LearningToReweightOptions {
  /** Default `"cross-entropy"` */
  loss?: Loss;
  /** Default `"auto"` */
  backend?: BackendChoice;
}

export interface ReweighInput<A extends FloatArray = FloatArray> extends BatchInput<A> {
  /** [B, C], the change of the logits along the validation gradient */
  readonly tangents: FloatArray;
}

export interface DeviceReweighInput extends DeviceBatchInput {
  /** [B, C], of the type of the logits */
  readonly tangents: DeviceLogits;
}

export interface LearningToReweightState {
  method: "learning-to-reweight";
  version: 1;
  loss: Loss;
}

/**
 * Learning to Reweight (L2RW, arXiv 1803.09050): weighs each training sample by how well its gradient agrees with
 * the gradient of a small clean validation set.
 *
 * The look-ahead of the paper is taken at eps = 0, so the weights equal those of its virtual-step form exactly and
 * its learning rate cancels: only the logits and their tangents along the validation gradient are needed.
 * The method has no state of its own beyond its options.
 */
export class LearningToReweight {
  readonly loss: Loss;
  readonly #backend: BackendChoice;

  /** @throws LilawError `INVALID_ARGUMENT`, `UNKNOWN_NAME` */
  constructor(options: LearningToReweightOptions = {}) {
    const { loss = "cross-entropy", backend = "auto" } = optionsOf("options", options);
    this.loss = Object.freeze(checkLoss(loss));
    this.#backend = backend;
  }

  /** {@link alignmentWeights} of a training batch, on the host or on the device. Returns `out` when it is given. */
  weigh<A extends FloatArray>(batch: ReweighInput<A>): AlignmentWeightsResult<A>;
  weigh<O extends AlignmentWeightsOutputs>(batch: ReweighInput, out: O): O & AlignmentWeightsScalars;
  weigh(batch: DeviceReweighInput): DeviceAlignmentWeightsResult;
  weigh<O extends DeviceAlignmentWeightsOutputs>(
    batch: DeviceReweighInput,
    out: O,
  ): O & Pick<DeviceAlignmentWeightsResult, "result">;
  weigh(batch: ReweighInput | DeviceReweighInput, out?: object): object {
    // The logits decide whether the call is on the host or on the device.
    const { logits, tangents, labels, classes, transition, stream } = optionsOf(
      "batch",
      batch as ReweighInput & Pick<DeviceReweighInput, "stream">,
    );
    const input = {
      logits,
      tangents,
      labels,
      classes,
      transition,
      stream,
      loss: this.loss,
      backend: this.#backend,
    };
    return out === undefined ? alignmentWeights(input) : alignmentWeights(input, out);
  }

  toJSON(): LearningToReweightState {
    return { method: "learning-to-reweight", version: 1, loss: this.loss };
  }

  /** @throws LilawError `INCOMPATIBLE_STATE` for anything but a whole state whose values are possible */
  static fromJSON(
    state: LearningToReweightState,
    { backend }: Pick<LearningToReweightOptions, "backend"> = {},
  ): LearningToReweight {
    checkState(state, "learning-to-reweight");
    const { method: _, version: __, ...options } = state;
    return ofState(state, () => {
      const method = new LearningToReweight(backend === undefined ? options : { ...options, backend });
      sameMembers(options, { loss: method.loss });
      return method;
    });
  }
}
