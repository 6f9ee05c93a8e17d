/** The operations and methods of @lilaw/core on arrays of the device. */
import * as native from "@lilaw/native";
import { deviation } from "@lilaw/testing";
import { describe, expect, expectTypeOf, it } from "vitest";
import * as core from "../../../packages/core/src/index.js";
import { type Args, allLosses, nameOf } from "../support.js";
import { code, kept, make, onDevice, some, toDevice, usedBytes } from "./support.js";

const { LiLAW, LearningToReweight, LilawError } = core;

/** Objects that a call created on the device, disposed at the end of the test. */
function keptAll<T extends object>(made: T): T {
  for (const thing of Object.values(made)) kept(thing);
  return made;
}

const start = (args = some()) => Object.values(args.params!);
const lilawOf = ({ params, loss, gradient, normalize }: Args) =>
  new LiLAW({ ...params!, loss, gradient, normalize, learningRate: 1, backend: "cuda" });

describe("operations of @lilaw/core on the device", () => {
  it.each(allLosses.map((loss) => [nameOf(loss), loss] as const))(
    "%s: as over arrays of the host",
    (_, loss) => {
      const args = { ...some(loss), backend: "cuda", params: some(loss).params! } as const;
      const { batch, params } = toDevice(args);

      const wanted = core.weightedLoss(args);
      const made = keptAll(core.weightedLoss({ ...batch, params }));
      const { losses, weights, labelProbs, maxProbs, predictions, gradLogits, ...scalars } = wanted;
      const arrays = { losses, weights, labelProbs, maxProbs, predictions, gradLogits };
      for (const [name, array] of Object.entries(arrays)) {
        expect(made[name as keyof typeof arrays].download(), name).toEqual(array);
      }
      expect(made.result.download()).toEqual({ ...scalars, invalidLabels: 0 });

      const meta = kept(core.metaGradient({ ...batch, params }));
      expect(meta.download()).toEqual({ ...core.metaGradient(args), invalidLabels: 0, moved: 0 });

      const tangents = args.logits.toReversed();
      const aligned = keptAll(core.alignmentWeights({ ...batch, tangents: onDevice("float32", tangents) }));
      const right = core.alignmentWeights({ ...args, tangents });
      expect(aligned.alignments.download()).toEqual(right.alignments);
      expect(aligned.weights.download()).toEqual(right.weights);
      expect(aligned.result.download()).toEqual({ nonFiniteRows: 0, invalidLabels: 0 });
    },
  );

  it("gradient, normalize, sampleWeights and coefficients", () => {
    const sampleWeights = Float32Array.from({ length: 65 }, (_, i) => i / 65);
    const args = { ...some(), params: some().params!, sampleWeights, backend: "cuda" } as const;
    const { batch, params } = toDevice(args);
    const there = { ...batch, params, sampleWeights: onDevice("float32", sampleWeights) };
    const seen = new Set<string>();
    for (const gradient of ["full", "detached"] as const) {
      for (const normalize of ["none", "batch-mean"] as const) {
        const wanted = core.weightedLoss({ ...args, gradient, normalize }).gradLogits;
        const made = keptAll(core.weightedLoss({ ...there, gradient, normalize })).gradLogits.download();
        expect(made).toEqual(wanted);
        seen.add(String(wanted));
      }
    }
    expect(seen.size).toBe(4);
    const coefficients = there.sampleWeights;
    const meta = kept(core.metaGradient({ ...batch, params, coefficients })).download();
    expect(meta).toMatchObject(core.metaGradient({ ...args, coefficients: sampleWeights }));
  });

  it("only what is in `out`, which keeps the result it gets: no memory for any further call", () => {
    const { batch, params } = toDevice(some());
    const out = { gradLogits: make("float32", 65 * 19) };
    const first = core.weightedLoss({ ...batch, params }, out);
    kept(first.result);
    expect(first).toBe(out);
    expect(Object.keys(out)).toEqual(["gradLogits", "result"]);
    const used = usedBytes();
    for (let i = 0; i < 3; i++)
      expect(core.weightedLoss({ ...batch, params }, out).result).toBe(first.result);
    expect(usedBytes()).toBe(used);
    const { result } = first;
    const given = kept(native.DeviceResult.ofMetaGradient());
    expect(core.metaGradient({ ...batch, params }, given)).toBe(given);
    expect(given.download().objective).toBeCloseTo(result.download().objective, 12);
  });

  it("16-bit logits get 16-bit gradients", () => {
    const logits = make("bfloat16", 4).upload(Uint16Array.of(0x3f80, 0xc000, 0x3f80, 0xc000));
    const labels = onDevice("int32", Int32Array.of(0, 1));
    const made = keptAll(core.weightedLoss({ logits, labels, classes: 2, params: null }));
    expect(made.gradLogits.dtype).toBe("bfloat16");
    expect(made.losses.dtype).toBe("float32");
    const exact = core.weightedLoss({
      ...{ logits: Float64Array.of(1, -2, 1, -2), labels: Int32Array.of(0, 1) },
      ...{ classes: 2, params: null },
    });
    expect(deviation(made.losses.download(), exact.losses)).toBeLessThan(1e-6);
  });

  it("are queued on the stream that is named", () => {
    using stream = native.Stream.create();
    const { batch, params } = toDevice(some());
    const losses = make("float32", 65).upload(new Float32Array(65).fill(-7));
    kept(core.weightedLoss({ ...batch, params, stream }, { losses }).result);
    expect(losses.download()[0]).toBe(-7);
    expect(losses.download(undefined, stream)[0]).not.toBe(-7);
  });
});

describe("LiLAW on the device", () => {
  it.each(allLosses.map((loss) => [nameOf(loss), loss] as const))(
    "%s: takes the steps that it takes on the host",
    (_, loss) => {
      const args = some(loss);
      const host = lilawOf(args);
      using there = host.onDevice();
      const { batch } = toDevice(args);
      const out: core.DeviceWeightedLossOutputs = { weights: make("float32", 65) };
      for (let i = 0; i < 4; i++) {
        const { objective, weights } = host.weigh(args);
        const { result } = there.weigh(batch, out);
        // The last bits of the scalars may differ, where the device multiplies and adds at once.
        expect(result.download().objective).toBeCloseTo(objective, 10);
        expect(deviation(out.weights!.download(), weights)).toBeLessThan(1e-6);
        const wanted = host.metaStep(args);
        const meta = there.metaStep(batch).download();
        expect(meta.moved).toBe(1);
        expect(meta.alpha).toBeCloseTo(wanted.alpha, 10);
        expect(deviation(Object.values(there.readParams()), Object.values(host.params))).toBeLessThan(1e-12);
      }
      kept(out.result!);
      expect(there.readParams().alpha).not.toBe(10);
    },
  );

  it("clamps, and weighs with 1 during warm-up", () => {
    const args = some();
    const options = { alpha: 1, beta: 5, delta: 5, learningRate: 100, clamp: true } as const;
    const host = new LiLAW({ ...options, backend: "cuda" });
    using there = host.onDevice();
    const { batch } = toDevice(args);
    host.metaStep(args);
    there.metaStep(batch);
    expect(deviation(Object.values(there.readParams()), Object.values(host.params))).toBeLessThan(1e-12);
    expect(there.readParams().alpha).toBe(1);
    const { weights } = keptAll(there.weigh({ ...batch, warmup: true }));
    expect(new Set(weights.download())).toEqual(new Set([1]));
  });

  it("is a copy: neither moves the other; and goes on where it was, from JSON", () => {
    const args = some();
    const host = lilawOf(args);
    host.metaStep(args);
    const before = host.params;
    using there = host.onDevice();
    expect(there.readParams()).toEqual(before);
    const { batch } = toDevice(args);
    there.metaStep(batch);
    expect(host.params).toEqual(before);
    const again = LiLAW.fromJSON(JSON.parse(JSON.stringify(there)));
    expect(again.params).toEqual(there.readParams());
    expect({ ...again.toJSON(), ...before }).toEqual(host.toJSON());
    expect(there.loss).toBe("cross-entropy");
  });

  it("does not move when a logit is not finite, and says so", () => {
    using there = lilawOf(some()).onDevice();
    const { batch } = toDevice({ ...some(), logits: some().logits.fill(Number.NaN, 3, 4) });
    expect(there.metaStep(batch).download()).toMatchObject({
      moved: 0,
      nonFiniteRows: 1,
      objective: Number.NaN,
    });
    expect(Object.values(there.readParams())).toEqual(start());
  });

  it("a step is captured once and launched again and again, without memory", () => {
    using stream = native.Stream.create();
    const args = some();
    const host = lilawOf(args);
    using there = host.onDevice(stream);
    const { batch } = toDevice(args);
    const out = { gradLogits: make("float32", 65 * 19), result: kept(native.DeviceResult.ofWeightedLoss()) };
    using step = stream.capture(() => {
      there.weigh(batch, out);
      there.metaStep(batch);
    });
    const used = usedBytes();
    for (let i = 0; i < 5; i++) step.launch();
    for (let i = 0; i < 5; i++) {
      host.weigh(args);
      host.metaStep(args);
    }
    expect(deviation(Object.values(there.readParams()), Object.values(host.params))).toBeLessThan(1e-12);
    expect(usedBytes()).toBe(used);
  });

  it("gives back its memory, once, and works no more", () => {
    const { batch } = toDevice(some());
    const used = usedBytes();
    const there = new LiLAW().onDevice();
    expect(usedBytes()).toBe(used + 24 + 56);
    for (let i = 0; i < 2; i++) there.dispose();
    expect(usedBytes()).toBe(used);
    for (const use of [
      () => there.weigh(batch, { losses: make("float32", 65) }),
      () => there.metaStep(batch),
      () => there.readParams(),
      () => there.toJSON(),
    ]) {
      expect(use).toThrow(code("DISPOSED"));
      expect(use).toThrow(LilawError);
    }
  });

  it("is refused with a backend that computes elsewhere, or a stream that is gone", () => {
    expect(() => new LiLAW({ backend: "cpu" }).onDevice()).toThrow(code("INVALID_ARGUMENT", "backend"));
    const stream = native.Stream.create();
    stream.dispose();
    const used = usedBytes();
    expect(() => new LiLAW().onDevice(stream)).toThrow(code("DISPOSED", "stream"));
    expect(usedBytes()).toBe(used);
  });
});

it("Learning to Reweight on the device", () => {
  const args = some();
  const tangents = args.logits.toReversed();
  const l2rw = new LearningToReweight({ backend: "cuda" });
  const { batch } = toDevice(args);
  const there = { ...batch, tangents: onDevice("float32", tangents) };
  const made = keptAll(l2rw.weigh(there));
  expect(made.weights.download()).toEqual(l2rw.weigh({ ...args, tangents }).weights);
  const out = { weights: make("float32", 65) };
  const again = l2rw.weigh(there, out);
  kept(again.result);
  expect(again).toBe(out);
  expect(out.weights.download()).toEqual(made.weights.download());
  expect(() => new LearningToReweight({ backend: "reference" }).weigh(there)).toThrow(
    code("INVALID_ARGUMENT", "backend"),
  );
});

describe("host and device do not mix", () => {
  it("in any argument: an error at run time, and one of types before", () => {
    const host = { ...some(), params: some().params! };
    const { batch, params, args, out } = toDevice(host);
    const floats = new Float32Array(65);
    const lilaw = new LiLAW();
    const there = kept(lilaw.onDevice());
    const { labels, logits } = batch;
    const used = usedBytes();
    const refused = (name: string, use: () => unknown) => {
      expect(use).toThrow(code("INVALID_ARGUMENT", name));
      expect(use).toThrow(LilawError);
      expect(usedBytes()).toBe(used);
    };
    // Logits on the device, something else on the host.
    // @ts-expect-error labels
    refused("labels", () => core.weightedLoss({ ...args, labels: host.labels }));
    // @ts-expect-error params
    refused("params", () => core.weightedLoss({ ...args, params: host.params }));
    // @ts-expect-error sampleWeights
    refused("sampleWeights", () => core.weightedLoss({ ...args, sampleWeights: floats }));
    // @ts-expect-error an output
    refused("losses", () => core.weightedLoss(args, { losses: floats }));
    // @ts-expect-error coefficients
    refused("coefficients", () => core.metaGradient({ ...batch, params, coefficients: floats }));
    // @ts-expect-error tangents
    refused("tangents", () => core.alignmentWeights({ ...batch, tangents: host.logits }));
    // @ts-expect-error the scalars of the method
    refused("logits", () => lilaw.weigh(batch));
    // @ts-expect-error the scalars of the method
    refused("logits", () => lilaw.metaStep(batch));
    // Logits on the host, something else on the device.
    // @ts-expect-error labels
    refused("labels", () => core.weightedLoss({ ...host, labels }));
    // @ts-expect-error params
    refused("params", () => core.weightedLoss({ ...host, params }));
    // @ts-expect-error sampleWeights
    refused("sampleWeights", () => core.weightedLoss({ ...host, sampleWeights: out.losses }));
    // @ts-expect-error an output
    refused("out.losses", () => core.weightedLoss(host, { losses: out.losses }));
    // @ts-expect-error coefficients
    refused("coefficients", () => core.metaGradient({ ...host, coefficients: out.losses }));
    // @ts-expect-error tangents
    refused("tangents", () => core.alignmentWeights({ ...host, tangents: logits }));
    // @ts-expect-error a batch for the device
    refused("logits", () => there.metaStep(host));
    // @ts-expect-error a batch for the device
    refused("logits", () => there.weigh(host, {}));
  });

  it("the types say where things are", () => {
    const { batch, params } = toDevice(some());
    const made = keptAll(core.weightedLoss({ ...batch, params }));
    expectTypeOf(made.losses).toExtend<native.DeviceBuffer<"float32">>();
    expectTypeOf(made.losses).not.toExtend<Float32Array>();
    expectTypeOf(made.result.download().objective).toBeNumber();
    expectTypeOf(made).not.toHaveProperty("objective");
  });
});

describe("what the kernels refuse", () => {
  it.each<[string, (there: ReturnType<typeof toDevice>) => unknown, string, string]>([
    [
      "an unknown loss",
      ({ args }) => core.weightedLoss({ ...args, loss: "hinge" as never }),
      "UNKNOWN_NAME",
      "loss",
    ],
    [
      "an unknown gradient",
      ({ args }) => core.weightedLoss({ ...args, gradient: "none" as never }),
      "INVALID_ARGUMENT",
      "gradient",
    ],
    [
      "no classes",
      ({ args }) => core.weightedLoss({ ...args, classes: undefined as never }),
      "INVALID_ARGUMENT",
      "classes",
    ],
    [
      "classes that do not divide",
      ({ args }) => core.weightedLoss({ ...args, classes: 18 }),
      "LENGTH_MISMATCH",
      "logits.length",
    ],
    [
      "short labels",
      ({ args }) => core.weightedLoss({ ...args, labels: make("int32", 64) }),
      "LENGTH_MISMATCH",
      "labels",
    ],
    [
      "an output twice",
      ({ args, out }) => core.weightedLoss(args, { losses: out.losses, weights: out.losses }),
      "INVALID_ARGUMENT",
      "(losses|weights)",
    ],
    [
      "a disposed array",
      ({ args, params }) => {
        params.dispose();
        return core.weightedLoss(args);
      },
      "DISPOSED",
      "params",
    ],
  ])("%s, and what was made for the call is free again", (_, use, wanted, name) => {
    const there = toDevice(some());
    there.params.download();
    let used = usedBytes();
    if (wanted === "DISPOSED") used -= 24;
    if (name === "labels") used += 4 * 64;
    expect(() => use(there)).toThrow(code(wanted, name));
    expect(usedBytes()).toBe(used);
  });

  it("more than fits", () => {
    const { totalBytes } = native.deviceMemory();
    const used = usedBytes();
    // The logits fit, their gradient does not any more.
    const rows = Math.floor(((totalBytes - used) * 0.6) / 400);
    const there = {
      logits: make("float32", rows * 100),
      labels: make("int32", rows),
      classes: 100,
      params: null,
    };
    const before = usedBytes();
    expect(() => core.weightedLoss(there)).toThrow(code("OUT_OF_MEMORY"));
    expect(() => core.weightedLoss(there)).toThrow(LilawError);
    expect(usedBytes()).toBe(before);
  });
});
