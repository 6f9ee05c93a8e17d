/** The operations in device memory against the golden vectors, float64 and the CPU. */
import * as native from "@lilaw/native";
import {
  alignmentWeightsCuda,
  DeviceResult,
  metaGradientCuda,
  metaStepCuda,
  Stream,
  weightedLossCuda,
} from "@lilaw/native";
import { deviation, lossOf, paramsOf, readGolden } from "@lilaw/testing";
import { describe, expect, it } from "vitest";
import * as core from "../../../packages/core/src/index.js";
import { allLosses, nameOf } from "../support.js";
import { expectExact, fetch, kept, make, nearGolden, onDevice, some, stepArgs, toDevice } from "./support.js";

describe("golden vectors in device memory", () => {
  it.each(readGolden().lilaw_cases.map((c) => [c.name, c] as const))("%s", (_, c) => {
    const batch = {
      ...{ logits: Float32Array.from(c.logits.flat()), labels: Int32Array.from(c.labels) },
      ...{ classes: c.logits[0]!.length, loss: lossOf(c), params: paramsOf(c), normalize: "none" as const },
    };
    const tolerance = nearGolden(batch.logits);
    for (const gradient of ["full", "detached"] as const) {
      const args = { ...batch, gradient };
      const there = toDevice(args);
      weightedLossCuda(there.args, there.out);
      const out = fetch(there.out);
      const { objective, gradParams, nonFiniteRows, invalidLabels } = there.out.result.download();
      expect([nonFiniteRows, invalidLabels]).toEqual([0, 0]);
      expectExact(args, out, objective);
      expect([...out.predictions]).toEqual(c.argmax);
      expect(deviation(Object.values(gradParams), Object.values(paramsOf(c.meta_grad)))).toBeLessThan(
        tolerance,
      );
      expect(deviation(out.losses, c.loss_per_sample)).toBeLessThan(tolerance);
      expect(deviation(out.weights, c.weight)).toBeLessThan(tolerance);
      expect(deviation(out.gradLogits, c[`grad_logits_${gradient}`].flat())).toBeLessThan(tolerance);
      expect(deviation([objective], [c.weighted_loss_mean])).toBeLessThan(tolerance);
    }
    for (const clamp of [false, true]) {
      const there = toDevice({ ...batch, gradient: "full" });
      const result = kept(DeviceResult.ofMetaGradient());
      metaStepCuda(stepArgs(there, c.lr, c.weight_decay, clamp), result);
      const after = Object.values(paramsOf(clamp ? c.updated_clamped : c.updated));
      expect(deviation(there.params.download(), after)).toBeLessThan(tolerance);
      const meta = result.download();
      expect(meta.moved).toBe(1);
      const gradient = Object.values(paramsOf(meta));
      expect(deviation(gradient, Object.values(paramsOf(c.meta_grad)))).toBeLessThan(tolerance);
    }
  });
});

describe("operations in device memory", () => {
  it.each(allLosses.map((loss) => [nameOf(loss), loss] as const))(
    "%s: as exact as on the CPU, the same bits every time, on any stream, in place",
    (_, loss) => {
      const args = some(loss);
      const once = toDevice(args);
      weightedLossCuda(once.args, once.out);
      const wanted = fetch(once.out);
      const scalars = once.out.result.download();
      expectExact(args, wanted, scalars.objective);

      using stream = Stream.create();
      const again = toDevice(args);
      weightedLossCuda(again.args, { ...again.out, gradLogits: again.batch.logits }, stream);
      stream.synchronize();
      expect(again.batch.logits.download()).toEqual(wanted.gradLogits);
      expect({ ...fetch(again.out), gradLogits: 0 }).toEqual({ ...wanted, gradLogits: 0 });
      expect(again.out.result.download(stream)).toEqual(scalars);

      const meta = kept(DeviceResult.ofMetaGradient());
      metaGradientCuda({ ...once.batch, params: once.params }, meta);
      const cpu = native.metaGradient({ ...args, params: args.params! });
      const { alpha, beta, delta, moved } = meta.download();
      expect(deviation([alpha, beta, delta], [cpu.alpha, cpu.beta, cpu.delta])).toBeLessThan(1e-5);
      expect(moved).toBe(0);
    },
  );

  it("alignmentWeights as on the CPU", () => {
    const args = some();
    const tangents = args.logits.toReversed();
    const wanted = { alignments: new Float32Array(65), weights: new Float32Array(65) };
    native.alignmentWeights({ ...args, tangents }, wanted);
    const { batch } = toDevice(args);
    const out = {
      result: kept(DeviceResult.ofAlignmentWeights()),
      alignments: make("float32", 65),
      weights: make("float32", 65),
    };
    alignmentWeightsCuda({ ...batch, tangents: onDevice("float32", tangents) }, out);
    expect(deviation(out.alignments.download(), wanted.alignments)).toBeLessThan(1e-5);
    expect(deviation(out.weights.download(), wanted.weights)).toBeLessThan(1e-5);
    expect(out.result.download()).toEqual({ nonFiniteRows: 0, invalidLabels: 0 });
  });

  it.each([
    // The value 1 and the value -2, and the bits of a gradient's entry
    ["float16", [0x3c00, 0xc000]],
    ["bfloat16", [0x3f80, 0xc000]],
  ] as const)("%s logits and gradients", (dtype, bits) => {
    const logits = onDevice(dtype, Uint16Array.from([...bits, ...bits]));
    const labels = onDevice("int32", Int32Array.of(0, 1));
    const out = {
      result: kept(DeviceResult.ofWeightedLoss()),
      losses: make("float32", 2),
      gradLogits: make(dtype, 4),
    };
    const rest = {
      classes: 2,
      loss: "cross-entropy",
      params: null,
      gradient: "full",
      normalize: "none",
    } as const;
    weightedLossCuda({ logits, labels, ...rest }, out);
    const exact = core.weightedLoss({
      logits: Float64Array.of(1, -2, 1, -2),
      labels: Int32Array.of(0, 1),
      ...rest,
    });
    expect(deviation(out.losses.download(), exact.losses)).toBeLessThan(1e-6);
    const value = (x: number) =>
      dtype === "bfloat16"
        ? new Float32Array(Uint32Array.of(x << 16).buffer)[0]!
        : (x & 0x8000 ? -1 : 1) * 2 ** (((x >> 10) & 31) - 15) * (1 + (x & 1023) / 1024);
    const gradient = [...out.gradLogits.download()].map(value);
    expect(deviation(gradient, exact.gradLogits)).toBeLessThan(2 ** -8);
  });

  it("labels that are none make their rows NaN and are counted; a step with them moves nothing", () => {
    const args = { ...some(), labels: new Int32Array(65).fill(19, 0, 2) };
    const there = toDevice(args);
    weightedLossCuda(there.args, there.out);
    expect(there.out.result.download()).toEqual({
      gradParams: { alpha: Number.NaN, beta: Number.NaN, delta: Number.NaN },
      objective: Number.NaN,
      nonFiniteRows: 0,
      invalidLabels: 2,
    });
    const losses = there.out.losses.download();
    expect(losses.findIndex((loss) => !Number.isNaN(loss))).toBe(2);
    const result = kept(DeviceResult.ofMetaGradient());
    metaStepCuda(stepArgs(there), result);
    expect(result.download().moved).toBe(0);
    expect([...there.params.download()]).toEqual(Object.values(args.params!));
  });
});
