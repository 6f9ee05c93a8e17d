import type { AlignmentWeightsOutputs, AlignmentWeightsScalars, FloatArray, Loss } from "../backend.js";
import { type BackendChoice, getBackend } from "../backends/select.js";
import type { DeviceAlignmentWeightsOutputs, DeviceAlignmentWeightsResult } from "../device.js";
import { expected } from "../errors.js";
import { type BatchInput, checkBatch, checkLength, checkLoss, isOnDevice, newFloats } from "./arguments.js";
import { alignmentWeightsOnDevice, type DeviceAlignmentWeightsInput } from "./on-device.js";

export interface AlignmentWeightsInput<A extends FloatArray = FloatArray> extends BatchInput<A> {
  /** [B, C], the change of the logits along the validation gradient: d/dt logits(theta + t V) at t = 0 */
  readonly tangents: FloatArray;
  /** Default `"cross-entropy"` */
  readonly loss?: Loss | undefined;
  readonly backend?: BackendChoice | undefined;
}

export interface AlignmentWeightsResult<A extends FloatArray = FloatArray> extends AlignmentWeightsScalars {
  alignments: A;
  weights: A;
}

/**
 * Learning to Reweight (arXiv 1803.09050, algorithm 1): the alignment of each row's loss gradient with the
 * validation gradient, a_i = sum_k dL_i/dz_k tangent_ik, and the weight max(0, a_i) / sum_j max(0, a_j).
 * All weights are 0 when no alignment is positive.
 *
 * A NaN or infinite logit or tangent makes its row NaN and is counted in `nonFiniteRows`; the weights of the other
 * rows are normalised without it. With `out` only the arrays in it are computed, and `out` is returned.
 *
 * With arrays of the device it goes as {@link weightedLoss} does, and throws what that throws.
 *
 * @throws LilawError `INVALID_ARGUMENT`, `LENGTH_MISMATCH`, `LABEL_OUT_OF_RANGE`, `NON_FINITE` (a regression
 *   target), `UNKNOWN_NAME`, `BACKEND_UNAVAILABLE`; nothing is written then
 */
export function alignmentWeights<A extends FloatArray>(
  input: AlignmentWeightsInput<A>,
): AlignmentWeightsResult<A>;
export function alignmentWeights<O extends AlignmentWeightsOutputs>(
  input: AlignmentWeightsInput,
  out: O,
): O & AlignmentWeightsScalars;
export function alignmentWeights(input: DeviceAlignmentWeightsInput): DeviceAlignmentWeightsResult;
export function alignmentWeights<O extends DeviceAlignmentWeightsOutputs>(
  input: DeviceAlignmentWeightsInput,
  out: O,
): O & Pick<DeviceAlignmentWeightsResult, "result">;
export function alignmentWeights(
  input: AlignmentWeightsInput | DeviceAlignmentWeightsInput,
  out?: AlignmentWeightsOutputs | DeviceAlignmentWeightsOutputs,
): object {
  return isOnDevice(input)
    ? alignmentWeightsOnDevice(input, out as DeviceAlignmentWeightsOutputs)
    : alignmentWeightsOnHost(input, out as AlignmentWeightsOutputs);
}

function alignmentWeightsOnHost(
  input: AlignmentWeightsInput,
  out?: AlignmentWeightsOutputs,
): AlignmentWeightsOutputs & AlignmentWeightsScalars {
  const loss = checkLoss(input.loss ?? "cross-entropy");
  const { batch, count } = checkBatch(input, loss);
  const { logits, labels, classes } = batch;
  const { tangents } = input;
  if (tangents === undefined) throw expected("INVALID_ARGUMENT", "a float array", "tangents", tangents);
  checkLength("tangents", tangents, logits.length);
  checkLength("out.alignments", out?.alignments, count);
  checkLength("out.weights", out?.weights, count);
  const outputs = out ?? { alignments: newFloats(logits, count), weights: newFloats(logits, count) };
  const args = { logits, labels, classes, loss, tangents };
  return Object.assign(outputs, getBackend(input.backend).alignmentWeights(args, outputs));
}
