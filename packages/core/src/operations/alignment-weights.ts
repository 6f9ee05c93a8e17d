import type {
  AlignmentWeightsArgs,
  AlignmentWeightsOutputs,
  AlignmentWeightsScalars,
  FloatArray,
} from "../backend.js";
import { type BackendChoice, getBackend } from "../backends/select.js";
import type { DeviceAlignmentWeightsOutputs, DeviceAlignmentWeightsResult } from "../device.js";
import type { Loss } from "../losses.js";
import { lengthOf } from "../typed-array.js";
import {
  type BatchInput,
  checkApart,
  checkBatch,
  checkFloats,
  checkLength,
  checkLoss,
  checkOut,
  isOnDevice,
  newFloats,
  optionsOf,
} from "./arguments.js";
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
 * rows are normalised without it. Weights are computed before the alignments are rounded: an alignment beyond the range
 * of a Float32Array is infinite there, but its weight is right. With `out`, only the arrays in it are computed, and `out`
 * is returned; its arrays must not share memory with each other or with the inputs.
 *
 * With arrays of the device it works, and throws, as {@link weightedLoss} does.
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
  const { logits, tangents, labels, classes, transition, loss, backend, stream } = optionsOf(
    "input",
    input as AlignmentWeightsInput & Pick<DeviceAlignmentWeightsInput, "stream">,
  );
  const once = { logits, tangents, labels, classes, transition, loss, backend };
  return isOnDevice(logits)
    ? alignmentWeightsOnDevice({ ...once, stream } as object as DeviceAlignmentWeightsInput, out as object)
    : alignmentWeightsOnHost(once, out as AlignmentWeightsOutputs);
}

/** @param input a copy, for which all getters of the caller's object have already run */
function alignmentWeightsOnHost(
  input: AlignmentWeightsInput,
  out?: AlignmentWeightsOutputs,
): AlignmentWeightsOutputs & AlignmentWeightsScalars {
  const loss = checkLoss(input.loss ?? "cross-entropy");
  const given = out == null ? undefined : readOutputs(out);
  const { batch, count } = checkBatch(input, loss);
  const { logits } = batch;
  const { tangents } = input;
  checkFloats("tangents", tangents, lengthOf(logits));
  const args = { ...batch, tangents };
  if (given !== undefined) checkOutputs(given, args, count);
  const outputs = given ?? allocate(logits, count);
  return Object.assign(out ?? outputs, getBackend(input.backend).alignmentWeights(args, outputs));
}

function allocate(logits: FloatArray, count: number): AlignmentWeightsOutputs {
  return { alignments: newFloats(logits, count), weights: newFloats(logits, count) };
}

/** Names of the arrays of a call, as {@link checkOutputs} lists them. */
const names = ["logits", "labels", "tangents", "out.alignments", "out.weights"];

/** The output arrays, read once and not checked. */
function readOutputs(out: AlignmentWeightsOutputs): AlignmentWeightsOutputs {
  checkOut(out, ["nonFiniteRows"]);
  const { alignments, weights } = optionsOf("out", out);
  return { alignments, weights } as AlignmentWeightsOutputs;
}

function checkOutputs(
  { alignments, weights }: AlignmentWeightsOutputs,
  { logits, labels, tangents }: AlignmentWeightsArgs,
  count: number,
): void {
  checkLength("out.alignments", alignments, count);
  checkLength("out.weights", weights, count);
  checkApart(names, [logits, labels, tangents, alignments, weights], 3);
}
