/** The addon and the backend "cuda" on device memory, without a GPU: the kernels run on the host (test/shim). */

import { spawnSync } from "node:child_process";
import * as native from "@lilaw/native";
import {
  alignmentWeightsCuda,
  DeviceBuffer,
  type DeviceDtype,
  DeviceResult,
  deviceMemory,
  metaGradientCuda,
  metaStepCuda,
  Stream,
  weightedLossCuda,
} from "@lilaw/native";
import { deviation, lossOf, paramsOf, readGolden } from "@lilaw/testing";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import * as core from "../../packages/core/src/index.js";
import { Random } from "../../packages/core/src/random.js";
import { noShimAddon } from "./shim-addon.js";
import { allLosses, errorsOf, nameOf, newOutputs, randomBatch } from "./support.js";

beforeEach(({ skip }) => skip(noShimAddon !== "", noShimAddon));

const things: { dispose(): void }[] = [];
/** Something that the test need not dispose. */
function kept<T extends { dispose(): void }>(thing: T): T {
  things.push(thing);
  return thing;
}
const make = <D extends DeviceDtype>(dtype: D, length: number) => kept(DeviceBuffer.create(dtype, length));
const onDevice = <D extends DeviceDtype>(dtype: D, array: native.HostArrays[D]) =>
  make(dtype, array.length).upload(array);

afterEach(() => {
  for (const thing of things.splice(0)) thing.dispose();
});

const usedBytes = () => {
  const { freeBytes, totalBytes } = deviceMemory();
  return totalBytes - freeBytes;
};

function labelsOnDevice(labels: native.NativeLabels) {
  if (labels instanceof Uint8Array) return onDevice("uint8", labels);
  return labels instanceof Int32Array ? onDevice("int32", labels) : onDevice("float32", labels);
}

/** The arguments of weightedLoss on the device, with room for all outputs. */
function toDevice(args: native.NativeWeightedLossArgs) {
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

/** All outputs on the host. */
function fetch({ result: _, terms, ...out }: ReturnType<typeof toDevice>["out"]) {
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

const some = (loss = allLosses[0]!, shape = { rows: 65, classes: 19, scale: 3 }) =>
  randomBatch(Random.from(5, "device"), loss, shape);

const code = (wanted: string, name = "") =>
  expect.objectContaining({
    code: wanted,
    message: expect.stringMatching(new RegExp(`^Expected .* for ${name}.* but received`)),
  });

/** float32 logits are only so near to those of the vectors. */
const nearGolden = (logits: Float32Array) =>
  1e-6 + 2 ** -22 * logits.reduce((most, z) => Math.max(most, Math.abs(z)), 0);

/**
 * Within 4 float32 ulp of float64, at the size of the terms; with focal loss, which raises 1 - u to the power of
 * gamma, within 1 + gamma times as many.
 */
function expectExact(
  args: native.NativeWeightedLossArgs,
  out: ReturnType<typeof newOutputs>,
  objective: number,
) {
  const power = typeof args.loss === "object" && args.loss.kind === "focal" ? args.loss.gamma : 0;
  for (const [name, error] of Object.entries(errorsOf(args, out, objective))) {
    expect(error, name).toBeLessThanOrEqual(4 * (1 + power));
  }
}

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
      const { objective, nonFiniteRows, invalidLabels } = there.out.result.download();
      expect([nonFiniteRows, invalidLabels]).toEqual([0, 0]);
      expectExact(args, out, objective);
      expect([...out.predictions]).toEqual(c.argmax);
      expect(deviation(out.losses, c.loss_per_sample)).toBeLessThan(tolerance);
      expect(deviation(out.weights, c.weight)).toBeLessThan(tolerance);
      expect(deviation(out.gradLogits, c[`grad_logits_${gradient}`].flat())).toBeLessThan(tolerance);
      expect(deviation([objective], [c.weighted_loss_mean])).toBeLessThan(tolerance);
    }
    for (const clamp of [false, true]) {
      const there = toDevice({ ...batch, gradient: "full" });
      const result = kept(DeviceResult.ofMetaGradient());
      const learningRate = { alpha: c.lr, beta: c.lr, delta: c.lr };
      const weightDecay = { alpha: c.weight_decay, beta: c.weight_decay, delta: c.weight_decay };
      metaStepCuda({ ...there.batch, params: there.params, learningRate, weightDecay, clamp }, result);
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
      objective: Number.NaN,
      nonFiniteRows: 0,
      invalidLabels: 2,
    });
    const losses = there.out.losses.download();
    expect(losses.findIndex((loss) => !Number.isNaN(loss))).toBe(2);
    const result = kept(DeviceResult.ofMetaGradient());
    const rates = { alpha: 1, beta: 1, delta: 1 };
    const step = {
      ...there.batch,
      params: there.params,
      learningRate: rates,
      weightDecay: rates,
      clamp: false,
    };
    metaStepCuda(step, result);
    expect(result.download().moved).toBe(0);
    expect([...there.params.download()]).toEqual(Object.values(args.params!));
  });
});

describe("buffers", () => {
  it("take and give what they hold", () => {
    const arrays = {
      float32: Float32Array.of(1, -0.5, Number.NaN),
      float16: Uint16Array.of(1, 2, 65535),
      bfloat16: Uint16Array.of(1, 2, 65535),
      float64: Float64Array.of(1e300, -0, 3),
      int32: Int32Array.of(-1, 0, 2 ** 31 - 1),
      uint8: Uint8Array.of(0, 1, 255),
    };
    for (const [dtype, array] of Object.entries(arrays) as [DeviceDtype, Float32Array][]) {
      const buffer = onDevice(dtype, array as never);
      expect([buffer.dtype, buffer.length]).toEqual([dtype, 3]);
      expect(buffer.download()).toEqual(array);
      const out = array.slice().fill(7);
      expect(buffer.download(out as never)).toBe(out);
      expect(out).toEqual(array);
    }
  });

  it("slices are views, and outlive the whole", () => {
    const whole = onDevice(
      "int32",
      Int32Array.from({ length: 10 }, (_, i) => i),
    );
    const used = usedBytes();
    const middle = whole.slice(2, 6);
    const inner = middle.slice(1, 3);
    expect(usedBytes()).toBe(used);
    inner.upload(Int32Array.of(-3, -4));
    expect([...whole.download()]).toEqual([0, 1, 2, -3, -4, 5, 6, 7, 8, 9]);
    whole.dispose();
    middle.dispose();
    expect([...inner.download()]).toEqual([-3, -4]);
    expect(usedBytes()).toBe(used);
    inner.dispose();
    expect(usedBytes()).toBe(used - 40);
  });

  it("a batch may be a slice of a data set", () => {
    const args = some();
    const there = toDevice(args);
    weightedLossCuda(there.args, there.out);
    const wanted = there.out.losses.download();
    const labels = onDevice("int32", args.labels as Int32Array).slice(7, 20);
    const batch = { logits: there.batch.logits.slice(7 * 19, 20 * 19), labels };
    const losses = make("float32", 65);
    weightedLossCuda({ ...there.args, ...batch }, { result: there.out.result, losses: losses.slice(30, 43) });
    expect(losses.slice(30, 43).download()).toEqual(wanted.slice(7, 20));
  });

  it("give back all memory: disposed, at the end of a block, or collected", async () => {
    // What other tests dropped
    await collected(() => false);
    const used = usedBytes();
    {
      using stream = Stream.create();
      using buffer = DeviceBuffer.create("float64", 1000);
      buffer.upload(new Float64Array(1000), stream);
      expect(usedBytes()).toBeGreaterThanOrEqual(used + 8000);
    }
    expect(usedBytes()).toBe(used);
    const buffer = DeviceBuffer.create("uint8", 10);
    for (let i = 0; i < 2; i++) buffer.dispose();
    expect(usedBytes()).toBe(used);

    (() => void DeviceBuffer.create("uint8", 1 << 20).slice(1))();
    expect(usedBytes()).toBe(used + (1 << 20));
    await collected(() => usedBytes() === used);
    expect(usedBytes()).toBe(used);
  });

  it("that do not fit are refused", () => {
    const used = usedBytes();
    const { totalBytes } = deviceMemory();
    expect(() => DeviceBuffer.create("float32", totalBytes)).toThrow(code("OUT_OF_MEMORY"));
    expect(usedBytes()).toBe(used);
  });
});

it("a process and its workers end with buffers and streams alive", () => {
  const worker = `
    import { DeviceBuffer, Stream } from ${JSON.stringify(new URL("../dist/index.js", import.meta.url))};
    import { parentPort } from "node:worker_threads";
    globalThis.kept = [Stream.create(), DeviceBuffer.create("float32", 1000).slice(10)];
    globalThis.kept[1].upload(new Float32Array(990), globalThis.kept[0]);
    parentPort?.postMessage("go");`;
  const program = `${worker}
    import { Worker } from "node:worker_threads";
    const url = new URL("data:text/javascript," + encodeURIComponent(${JSON.stringify(worker)}));
    for (let round = 0; round < 3; round++) {
      await new Promise((done, failed) => {
        const worker = new Worker(url);
        worker.on("error", failed);
        worker.on("message", () => worker.terminate());
        worker.on("exit", done);
      });
    }
    const { deviceMemory } = await import(${JSON.stringify(new URL("../dist/index.js", import.meta.url))});
    const { freeBytes, totalBytes } = deviceMemory();
    console.log(totalBytes - freeBytes);`;
  const { status, stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", program], {
    encoding: "utf8",
  });
  // What the workers had is free; the main thread still has a buffer and the workspace of a stream.
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  expect(Number(stdout)).toBeGreaterThan(4000);
  expect(Number(stdout)).toBeLessThan(8000);
});

/** Collects garbage until `done`, some times. */
async function collected(done: () => boolean) {
  const { setFlagsFromString } = await import("node:v8");
  const { runInNewContext } = await import("node:vm");
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc") as () => void;
  for (let i = 0; i < 20 && !done(); i++) {
    gc();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe("bad input", () => {
  type Call = () => unknown;
  const call = (change: (there: ReturnType<typeof toDevice>) => Call) => () => change(toDevice(some()))();
  const disposed = <T extends { dispose(): void }>(thing: T) => {
    thing.dispose();
    return thing;
  };

  it.each<[string, Call, string, string]>([
    ["dtype", () => make("int64" as never, 3), "INVALID_ARGUMENT", "dtype"],
    ["no elements", () => make("int32", 0), "INVALID_ARGUMENT", "length"],
    ["half an element", () => make("int32", 0.5), "INVALID_ARGUMENT", "length"],
    ["too many elements", () => make("int32", 2 ** 50), "INVALID_ARGUMENT", "length"],
    ["a short upload", () => make("int32", 3).upload(new Int32Array(2)), "LENGTH_MISMATCH", "source"],
    [
      "another upload",
      () => make("int32", 3).upload(new Float32Array(3) as never),
      "INVALID_ARGUMENT",
      "source",
    ],
    ["a short download", () => make("int32", 3).download(new Int32Array(2)), "LENGTH_MISMATCH", "out"],
    ["no stream", () => make("int32", 3).download(undefined, null as never), "INVALID_ARGUMENT", "stream"],
    [
      "a disposed stream",
      () => make("int32", 3).download(undefined, disposed(Stream.create())),
      "DISPOSED",
      "stream",
    ],
    ["a stream disposed before", () => disposed(Stream.create()).synchronize(), "DISPOSED", "this"],
    ["a disposed buffer", () => disposed(make("int32", 3)).download(), "DISPOSED", "this"],
    ["a slice of a disposed buffer", () => disposed(make("int32", 3)).slice(1), "DISPOSED", "this"],
    ["an empty slice", () => make("int32", 3).slice(2, 2), "INVALID_ARGUMENT", "begin and end"],
    ["a slice beyond the end", () => make("int32", 3).slice(2, 4), "INVALID_ARGUMENT", "begin and end"],
    ["a slice before the start", () => make("int32", 3).slice(-1), "INVALID_ARGUMENT", "begin and end"],
    [
      "disposed logits",
      call((t) => () => weightedLossCuda({ ...t.args, logits: disposed(t.batch.logits) }, t.out)),
      "DISPOSED",
      "logits",
    ],
    [
      "logits on the host",
      call((t) => () => weightedLossCuda({ ...t.args, logits: new Float32Array(65 * 19) as never }, t.out)),
      "INVALID_ARGUMENT",
      "logits",
    ],
    [
      "integer logits",
      call((t) => () => weightedLossCuda({ ...t.args, logits: make("int32", 65 * 19) as never }, t.out)),
      "INVALID_ARGUMENT",
      "logits",
    ],
    [
      "short labels",
      call((t) => () => weightedLossCuda({ ...t.args, labels: make("int32", 64) }, t.out)),
      "LENGTH_MISMATCH",
      "labels",
    ],
    [
      "labels of another type",
      call((t) => () => weightedLossCuda({ ...t.args, labels: make("float32", 65) }, t.out)),
      "INVALID_ARGUMENT",
      "labels",
    ],
    [
      "short params",
      call((t) => () => weightedLossCuda({ ...t.args, params: make("float64", 2) }, t.out)),
      "LENGTH_MISMATCH",
      "params",
    ],
    [
      "a gradient of another type",
      call((t) => () => weightedLossCuda(t.args, { ...t.out, gradLogits: make("bfloat16", 65 * 19) })),
      "INVALID_ARGUMENT",
      "gradLogits",
    ],
    [
      "a disposed output",
      call((t) => () => weightedLossCuda(t.args, { ...t.out, losses: disposed(t.out.losses) })),
      "DISPOSED",
      "losses",
    ],
    ["no result", call((t) => () => weightedLossCuda(t.args, {} as never)), "INVALID_ARGUMENT", "result"],
    [
      "a result between bytes",
      call(
        (t) => () =>
          weightedLossCuda(t.args, { ...t.out, result: { buffer: make("uint8", 25).slice(1) } as never }),
      ),
      "INVALID_ARGUMENT",
      "the start of result",
    ],
    [
      "the result of another",
      call(
        (t) => () =>
          weightedLossCuda(t.args, { ...t.out, result: kept(DeviceResult.ofMetaGradient()) as never }),
      ),
      "LENGTH_MISMATCH",
      "result",
    ],
    [
      "outputs in one place",
      call((t) => () => weightedLossCuda(t.args, { ...t.out, losses: t.out.weights })),
      "INVALID_ARGUMENT",
      "(losses|weights)",
    ],
    [
      "a disposed stream to queue on",
      call((t) => () => weightedLossCuda(t.args, t.out, disposed(Stream.create()))),
      "DISPOSED",
      "stream",
    ],
    [
      "a negative rate",
      call(
        (t) => () =>
          metaStepCuda(
            {
              ...t.args,
              params: t.params,
              clamp: false,
              learningRate: { alpha: -1, beta: 0, delta: 0 },
              weightDecay: { alpha: 0, beta: 0, delta: 0 },
            },
            kept(DeviceResult.ofMetaGradient()),
          ),
      ),
      "INVALID_ARGUMENT",
      "learning_rate",
    ],
  ])("%s", (_, run, wanted, name) => expect(run).toThrow(code(wanted, name)));

  it("says of which type a buffer is where another array is expected", () => {
    const logits: unknown = onDevice("float32", some().logits);
    const received = "for logits but received a DeviceBuffer of float32";
    expect(() => native.weightedLoss({ ...some(), logits: logits as Float32Array }, {})).toThrow(received);
    const labels: unknown = logits;
    const there = toDevice(some());
    expect(() =>
      weightedLossCuda({ ...there.args, labels: labels as DeviceBuffer<"int32"> }, there.out),
    ).toThrow("Expected a DeviceBuffer of int32 for labels but received a DeviceBuffer of float32");
  });

  it("gradients that overlap the logits, but not in place", () => {
    const args = some();
    const there = toDevice(args);
    const both = make("float32", args.logits.length + 1);
    const logits = both.slice(0, args.logits.length).upload(args.logits);
    const gradLogits = both.slice(1);
    expect(() => weightedLossCuda({ ...there.args, logits }, { ...there.out, gradLogits })).toThrow(
      code("INVALID_ARGUMENT", "gradLogits"),
    );
    expect(logits.download()).toEqual(args.logits);
  });

  it("anything at all, in any place, throws or works and never crashes", () => {
    const binding = native.load().binding!;
    const handles = (["float32", "bfloat16", "float64", "int32", "uint8"] as const).flatMap((dtype) =>
      [1, 2, 3, 4, 6, 16, 24, 56].map((length): DeviceBuffer => make(dtype, length)),
    );
    const gone = make("float32", 4);
    gone.dispose();
    using stream = Stream.create();
    const anything = fc.oneof(
      fc.constantFrom<unknown>(...handles, gone, stream, ...handles),
      fc.integer({ min: -1, max: 6 }),
      fc.anything(),
      fc.constantFrom<unknown>(null, undefined, Symbol("s"), {}, 2 ** 53, Float32Array.of(1, 2)),
    );
    const [f32, , f64, i32, u8] = [0, 8, 16, 24, 32].map((at) => handles.slice(at, at + 8));
    // rows = 2, classes = 2 where they fit
    const batch = [2, 2, 0, 0, f32![3], i32![1]];
    const params = f64![2];
    const calls = () => ({
      weightedLossCuda: [...batch, params, 0, 1, f32![1], ...Array(8).fill(null), null, u8![6], stream],
      metaGradientCuda: [...batch, params, null, u8![7], stream],
      metaStepCuda: [...batch, params, f32![1], u8![7], 1, 1, 1, 0, 0, 0, 1, stream],
      alignmentWeightsCuda: [...batch, f32![3], f32![1], null, u8![5], stream],
      bufferCreate: [{}, 0, 2],
      bufferSlice: [{}, f32![3], 1, 2],
      streamCreate: [{}],
      bufferUpload: [f32![1], Float32Array.of(1, 2), stream],
      bufferDownload: [f32![1], Float32Array.of(1, 2), stream],
      bufferDispose: [gone],
      streamSynchronize: [stream],
    });
    const makers = {
      bufferCreate: binding.bufferDispose,
      bufferSlice: binding.bufferDispose,
      streamCreate: binding.streamDispose,
    };
    // The labels are classes, whatever else happens.
    binding.bufferUpload(i32![1]!, Int32Array.of(0, 1), stream);
    const used = usedBytes();
    let worked = 0;
    fc.assert(
      fc.property(
        fc.constantFrom(...(Object.keys(calls()) as (keyof ReturnType<typeof calls>)[])),
        fc.array(fc.tuple(fc.nat({ max: 23 }), anything), { maxLength: 2 }),
        (name, changes) => {
          const args: unknown[] = calls()[name];
          for (const [at, value] of changes) args[at] = value;
          if (name === "bufferDispose" && args[0] !== gone) return;
          try {
            (binding[name] as (...args: unknown[]) => void)(...args);
            worked++;
            if (name in makers) makers[name as keyof typeof makers](args[0] as never);
          } catch (error) {
            expect((error as Error).message).toMatch(/^(Expected|Cannot convert)/);
          }
        },
      ),
      { numRuns: 1500, seed: 1 },
    );
    expect(worked).toBeGreaterThan(300);
    expect(usedBytes()).toBe(used);
  });
});

describe('the backend "cuda" of @lilaw/core', () => {
  it("is what auto takes where there is a device, and says so", () => {
    expect(core.getBackend().name).toBe("cuda");
    expect(core.backendReport()).toEqual({
      backend: "cuda",
      detail: "the host, through the shim",
      unavailable: [],
    });
  });

  it.each(readGolden().lilaw_cases.map((c) => [c.name, c] as const))("golden %s", (_, c) => {
    const batch = {
      logits: Float32Array.from(c.logits.flat()),
      labels: Int32Array.from(c.labels),
      classes: c.logits[0]!.length,
      loss: lossOf(c),
      params: paramsOf(c),
      backend: "cuda",
    } as const;
    const tolerance = nearGolden(batch.logits);
    const result = core.weightedLoss(batch);
    expect([...result.predictions]).toEqual(c.argmax);
    expect(deviation(result.losses, c.loss_per_sample)).toBeLessThan(tolerance);
    expect(deviation(result.weights, c.weight)).toBeLessThan(tolerance);
    expect(deviation(result.gradLogits, c.grad_logits_full.flat())).toBeLessThan(tolerance);
    const meta = Object.values(paramsOf(core.metaGradient(batch)));
    expect(deviation(meta, Object.values(paramsOf(c.meta_grad)))).toBeLessThan(tolerance);
  });

  it.each(allLosses.map((loss) => [nameOf(loss), loss] as const))(
    "%s: as on the CPU, the same bits every time, and no memory kept",
    (_, loss) => {
      const args = { ...some(loss), sampleWeights: Float32Array.from({ length: 65 }, (_, i) => i / 65) };
      const params = args.params!;
      const tangents = args.logits.toReversed();
      const everything = (backend: "cuda" | "cpu") => {
        const out = newOutputs(args);
        const { objective, nonFiniteRows } = core.weightedLoss({ ...args, backend }, out);
        const meta = core.metaGradient({ ...args, params, backend });
        const aligned = core.alignmentWeights({ ...args, tangents, backend });
        return { out, scalars: { objective, nonFiniteRows }, meta, aligned };
      };
      const once = everything("cuda");
      const used = usedBytes();
      expect(everything("cuda")).toEqual(once);
      expect(usedBytes()).toBe(used);
      const cpu = everything("cpu");
      expect(Object.keys(once.meta)).toEqual(Object.keys(cpu.meta));
      expect(once.out.predictions).toEqual(cpu.out.predictions);
      for (const name of ["losses", "weights", "labelProbs", "maxProbs", "gradLogits"] as const) {
        expect(deviation(once.out[name], cpu.out[name]), name).toBeLessThan(1e-5);
      }
      expect(deviation(once.out.terms!.delta, cpu.out.terms!.delta)).toBeLessThan(1e-5);
      expect(deviation(Object.values(once.meta), Object.values(cpu.meta))).toBeLessThan(1e-5);
      expect(deviation(Object.values(once.scalars), Object.values(cpu.scalars))).toBeLessThan(1e-5);
      expect(deviation(once.aligned.weights, cpu.aligned.weights)).toBeLessThan(1e-5);
    },
  );

  it("leaves float64 to the reference, and refuses it when named", () => {
    const args = { ...some(), logits: Float64Array.from(some().logits), params: some().params! };
    const exact = core.weightedLoss({ ...args, backend: "reference" });
    expect(core.weightedLoss(args)).toEqual(exact);
    expect(() => core.weightedLoss({ ...args, backend: "cuda" })).toThrow(code("INVALID_ARGUMENT", "logits"));
  });

  it("refuses labels that are none, and writes and keeps nothing then", () => {
    const args = { ...some(), labels: new Int32Array(65).fill(19) };
    const out = newOutputs(args);
    const before = structuredClone(out);
    const used = usedBytes();
    const refused = code("LABEL_OUT_OF_RANGE", "labels");
    expect(() => core.weightedLoss({ ...args, backend: "cuda" }, out)).toThrow(refused);
    // Straight to the backend, past the checks of the operation
    expect(() => core.getBackend("cuda").weightedLoss(args, out)).toThrow(refused);
    expect(out).toEqual(before);
    expect(usedBytes()).toBe(used);
  });
});
