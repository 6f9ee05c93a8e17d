import type { FloatArray, LilawParams, MetaGradient } from "../backend.js";
import { type BackendChoice, getBackend } from "../backends/select.js";
import type { DeviceMetaGradient, DeviceResult } from "../device.js";
import type { Loss } from "../losses.js";
import {
  type BatchInput,
  checkBatch,
  checkLength,
  checkLoss,
  checkParams,
  isOnDevice,
  optionsOf,
} from "./arguments.js";
import { type DeviceMetaGradientInput, metaGradientOnDevice } from "./on-device.js";

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
 * With arrays of the device it is queued on `stream` and writes its numbers to a result on the device: `out` if given.
 *
 * @throws LilawError as {@link weightedLoss}
 */
export function metaGradient(input: MetaGradientInput): MetaGradient;
export function metaGradient(
  input: DeviceMetaGradientInput,
  out?: DeviceResult<DeviceMetaGradient>,
): DeviceResult<DeviceMetaGradient>;
export function metaGradient(
  input: MetaGradientInput | DeviceMetaGradientInput,
  out?: DeviceResult<DeviceMetaGradient>,
): MetaGradient | DeviceResult<DeviceMetaGradient> {
  const { logits, labels, classes, transition, params, loss, coefficients, backend, stream } = optionsOf(
    "input",
    input as MetaGradientInput & Pick<DeviceMetaGradientInput, "stream">,
  );
  const once = { logits, labels, classes, transition, params, loss, coefficients, backend };
  return isOnDevice(logits)
    ? metaGradientOnDevice({ ...once, stream } as object as DeviceMetaGradientInput, out)
    : metaGradientOnHost(once);
}

/** @param input a copy, for which all getters of the caller's object have already run */
function metaGradientOnHost(input: MetaGradientInput): MetaGradient {
  const loss = checkLoss(input.loss ?? "cross-entropy");
  const params = checkParams(input.params);
  const { batch, count } = checkBatch(input, loss);
  const { coefficients } = input;
  checkLength("coefficients", coefficients, count);
  return getBackend(input.backend).metaGradient({ ...batch, params, coefficients });
}
