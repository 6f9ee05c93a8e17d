/** Invalid arguments of all kinds. */
import * as native from "@lilaw/native";
import { type DeviceBuffer, DeviceResult, metaStepCuda, Stream, weightedLossCuda } from "@lilaw/native";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { code, kept, make, onDevice, some, toDevice, usedBytes } from "./support.js";

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
          weightedLossCuda(t.args, { ...t.out, result: { buffer: make("uint8", 49).slice(1) } as never }),
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

  it("what a worker gets for a buffer: a copy of it is none", () => {
    const there = toDevice(some());
    const logits = structuredClone(there.batch.logits);
    expect(() => weightedLossCuda({ ...there.args, logits }, there.out)).toThrow(
      code("INVALID_ARGUMENT", "logits"),
    );
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
    const { args, out } = toDevice(some());
    using graph = stream.capture(() => weightedLossCuda(args, out, stream));
    const anything = fc.oneof(
      fc.constantFrom<unknown>(...handles, gone, stream, graph, ...handles),
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
      streamBeginCapture: [stream],
      streamEndCapture: [stream, {}],
      streamAbandonCapture: [stream],
      graphLaunch: [graph, stream],
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
