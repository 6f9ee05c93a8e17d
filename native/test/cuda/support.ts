/** Shared by the tests of the addon on device memory: buffers that are disposed automatically, and batches in them. */
import type * as native from "@lilaw/native";
import { DeviceBuffer, type DeviceDtype, DeviceResult, deviceMemory } from "@lilaw/native";
import { afterEach, beforeEach, expect } from "vitest";
import { Random } from "../../../packages/core/src/random.js";
import { noShimAddon } from "../shim-addon.js";
import { type Args, allLosses, errorsOf, type newOutputs, randomBatch } from "../support.js";

beforeEach(({ skip }) => skip(noShimAddon !== "", noShimAddon));

const things: { dispose(): void }[] = [];
/** Something that the test need not dispose. */
export function kept<T extends { dispose(): void }>(thing: T): T {
  things.push(thing);
  return thing;
}
export const make = <D extends DeviceDtype>(dtype: D, length: number) =>
  kept(DeviceBuffer.create(dtype, length));
export const onDevice = <D extends DeviceDtype>(dtype: D, array: native.HostArrays[D]) =>
  make(dtype, array.length).upload(array);

afterEach(() => {
  for (const thing of things.splice(0)) thing.dispose();
});

export const usedBytes = () => {
  const { freeBytes, totalBytes } = deviceMemory();
  return totalBytes - freeBytes;
};

function labelsOnDevice(labels: native.NativeLabels) {
  if (labels instanceof Uint8Array) return onDevice("uint8", labels);
  return labels instanceof Int32Array ? onDevice("int32", labels) : onDevice("float32", labels);
}

/** The arguments of weightedLoss on the device, with room for all outputs. */
export function toDevice(args: Args) {
  const rows = args.logits.length / args.classes;
  const { alpha, beta, delta } = args.params!;
  const floats = () => make("float32", rows);
  const { gradient, normalize, classes, loss } = args;
  const batch = {
    logits: onDevice("float32", args.logits),
    labels: labelsOnDevice(args.labels),
    classes,
    loss,
  };
  const params = onDevice("float64", Float64Array.of(alpha, beta, delta));
  const out = {
    result: kept(DeviceResult.ofWeightedLoss()),
    losses: floats(),
    weights: floats(),
    labelProbs: floats(),
    maxProbs: floats(),
    predictions: make("int32", rows),
    terms: { alpha: floats(), beta: floats(), delta: floats() },
    gradLogits: make("float32", args.logits.length),
  };
  return { batch, params, args: { ...batch, params, gradient, normalize }, out };
}

/** The arguments of metaStep on what {@link toDevice} gave. */
export const stepArgs = (
  { batch, params }: Pick<ReturnType<typeof toDevice>, "batch" | "params">,
  learningRate = 1,
  weightDecay = 1,
  clamp = false,
) => {
  const each = (value: number) => ({ alpha: value, beta: value, delta: value });
  return { ...batch, params, learningRate: each(learningRate), weightDecay: each(weightDecay), clamp };
};

/** All outputs on the host. */
export function fetch({ result: _, terms, ...out }: ReturnType<typeof toDevice>["out"]) {
  return {
    losses: out.losses.download(),
    weights: out.weights.download(),
    labelProbs: out.labelProbs.download(),
    maxProbs: out.maxProbs.download(),
    predictions: out.predictions.download(),
    terms: {
      alpha: terms.alpha.download(),
      beta: terms.beta.download(),
      delta: terms.delta.download(),
    },
    gradLogits: out.gradLogits.download(),
  } as ReturnType<typeof newOutputs>;
}

export const some = (loss = allLosses[0]!, shape = { rows: 65, classes: 19, scale: 3 }) =>
  randomBatch(Random.from(5, "device"), loss, shape);

export const code = (wanted: string, name = "") =>
  expect.objectContaining({
    code: wanted,
    message: expect.stringMatching(new RegExp(`^Expected .* for ${name}.* but received`)),
  });

/** float32 logits are only so near to those of the vectors. */
export const nearGolden = (logits: Float32Array) =>
  1e-6 + 2 ** -22 * logits.reduce((most, z) => Math.max(most, Math.abs(z)), 0);

/** Within 4 float32 ulp of float64, at the size of the terms. */
export function expectExact(args: Args, out: ReturnType<typeof newOutputs>, objective: number) {
  for (const [name, error] of Object.entries(errorsOf(args, out, objective))) {
    expect(error, name).toBeLessThanOrEqual(4);
  }
}

/** Collects garbage until `done`, some times. */
export async function collected(done: () => boolean) {
  const { setFlagsFromString } = await import("node:v8");
  const { runInNewContext } = await import("node:vm");
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc") as () => void;
  for (let i = 0; i < 20 && !done(); i++) {
    gc();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
