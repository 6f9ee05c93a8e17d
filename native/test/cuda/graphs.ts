/** Graphs: a step that is captured once and done at each launch; and work that is queued and not done yet. */
import { type DeviceBuffer, DeviceResult, metaStepCuda, Stream, weightedLossCuda } from "@lilaw/native";
import { describe, expect, it } from "vitest";
import { Random } from "../../../packages/core/src/random.js";
import { allLosses, nameOf, randomBatch } from "../support.js";
import { code, collected, kept, make, onDevice, some, stepArgs, toDevice, usedBytes } from "./support.js";

/** A step of LiLAW: weightedLoss of a batch, then metaStep on the same batch. */
function stepOn(stream: Stream, args = some()) {
  const there = toDevice(args);
  const meta = kept(DeviceResult.ofMetaGradient());
  const queue = () => {
    weightedLossCuda(there.args, there.out, stream);
    metaStepCuda(stepArgs(there), meta, stream);
  };
  /** Results of a step on new logits. */
  const after = (logits: Float32Array, work: () => void) => {
    there.batch.logits.upload(logits as never, stream);
    work();
    return {
      params: there.params.download(undefined, stream),
      gradLogits: there.out.gradLogits.download(undefined, stream),
      ...there.out.result.download(stream),
      ...meta.download(stream),
    };
  };
  return { ...there, queue, after };
}

const otherLogits = (count: number) => Array.from({ length: count }, (_, i) => randomLogits(i));
const randomLogits = (i: number) =>
  randomBatch(Random.from(6, "graph", i), allLosses[0]!, { rows: 65, classes: 19, scale: 3 }).logits;

describe("queued work", () => {
  it("is done when somebody waits, not before", () => {
    using stream = Stream.create();
    const { args, out } = toDevice(some());
    out.losses.upload(new Float32Array(65).fill(-7));
    weightedLossCuda(args, out, stream);
    // Another stream does not wait for this one.
    expect(out.losses.download()[0]).toBe(-7);
    expect(out.losses.download(undefined, stream)[0]).not.toBe(-7);
  });

  it("does not see what happens to its buffers and to the arrays they came from", () => {
    using stream = Stream.create();
    const args = some();
    const { losses } = (() => {
      const { args: there, out } = toDevice(args);
      weightedLossCuda(there, out);
      return { losses: out.losses.download() };
    })();
    const source = args.logits.slice();
    const there = toDevice({ ...args, logits: source });
    structuredClone(source, { transfer: [source.buffer as ArrayBuffer] });
    weightedLossCuda(there.args, there.out, stream);
    for (const input of [there.batch.logits, there.batch.labels, there.params]) input.dispose();
    expect(there.out.losses.download(undefined, stream)).toEqual(losses);
  });

  it("is done though its stream is disposed", () => {
    const stream = Stream.create();
    const { args, out } = toDevice(some());
    out.losses.upload(new Float32Array(65).fill(-7));
    weightedLossCuda(args, out, stream);
    stream.dispose();
    expect(out.losses.download()[0]).not.toBe(-7);
  });
});

describe("graphs", () => {
  it.each(allLosses.map((loss) => [nameOf(loss), loss] as const))(
    "%s: launched, a step gives what it gives queued, with what is in the memory by then",
    (_, loss) => {
      using stream = Stream.create();
      const args = some(loss);
      const batches = otherLogits(4).map((logits) => logits.slice(0, args.logits.length));
      const queued = stepOn(stream, args);
      const wanted = batches.map((logits) => queued.after(logits, queued.queue));

      const step = stepOn(stream, args);
      using graph = stream.capture(step.queue);
      stream.synchronize();
      // Captured is not done.
      expect([...step.params.download()]).toEqual([10, 2, 6]);
      expect(batches.map((logits) => step.after(logits, () => graph.launch()))).toEqual(wanted);
      expect(new Set(wanted.map(({ params }) => params[0])).size).toBe(4);
    },
  );

  it("launched many times before anybody waits", () => {
    using stream = Stream.create();
    const [queued, step] = [stepOn(stream), stepOn(stream)];
    using graph = stream.capture(step.queue);
    for (let i = 0; i < 5; i++) queued.queue();
    for (let i = 0; i < 5; i++) graph.launch();
    expect(step.params.download(undefined, stream)).toEqual(queued.params.download(undefined, stream));
  });

  it("keep the memory of their buffers, and give it back", () => {
    using stream = Stream.create();
    const [queued, step] = [stepOn(stream), stepOn(stream)];
    queued.queue();
    const wanted = queued.params.download(undefined, stream);
    const graph = stream.capture(step.queue);
    const used = usedBytes();
    step.batch.logits.dispose();
    step.batch.labels.dispose();
    expect(usedBytes()).toBe(used);
    graph.launch();
    for (let i = 0; i < 2; i++) graph.dispose();
    expect(usedBytes()).toBe(used - (65 * 19 + 65) * 4);
    expect(step.params.download(undefined, stream)).toEqual(wanted);
  });

  it("are collected", async () => {
    using stream = Stream.create();
    const step = stepOn(stream);
    (() => void stream.capture(step.queue))();
    const used = usedBytes();
    step.batch.logits.dispose();
    expect(usedBytes()).toBe(used);
    await collected(() => usedBytes() < used);
    expect(usedBytes()).toBe(used - 65 * 19 * 4);
  });

  it("cannot be launched when they or their streams are disposed", () => {
    const stream = Stream.create();
    const step = stepOn(stream);
    const graph = stream.capture(step.queue);
    stream.dispose();
    expect(() => graph.launch()).toThrow(code("DISPOSED", "stream"));
    graph.dispose();
    expect(() => graph.launch()).toThrow(code("DISPOSED", "this"));
  });

  it("are part of no other", () => {
    using stream = Stream.create();
    const step = stepOn(stream);
    using graph = stream.capture(step.queue);
    expect(() => stream.capture(() => graph.launch())).toThrow(code("INVALID_ARGUMENT", "stream"));
    expect(() => stream.capture(() => void stream.capture(step.queue))).toThrow(
      code("INVALID_ARGUMENT", "this"),
    );
  });

  type Use = (stream: Stream, buffer: DeviceBuffer<"float32">) => unknown;
  it.each<[string, Use, string, string]>([
    ["a synchronize", (stream) => stream.synchronize(), "INVALID_ARGUMENT", "this"],
    ["an upload", (stream, b) => b.upload(new Float32Array(3), stream), "INVALID_ARGUMENT", "stream"],
    ["a download", (stream, b) => b.download(undefined, stream), "INVALID_ARGUMENT", "stream"],
    ["nothing", () => undefined, "INVALID_ARGUMENT", "record"],
    ["work on another stream", () => stepOn(kept(Stream.create())).queue(), "INVALID_ARGUMENT", "record"],
    ["a promise", async () => undefined, "INVALID_ARGUMENT", "record"],
  ])("do not capture %s, and the stream goes on", (_, use, wanted, name) => {
    using stream = Stream.create();
    const buffer = make("float32", 3);
    expect(() => stream.capture(() => use(stream, buffer) as undefined)).toThrow(code(wanted, name));
    const step = stepOn(stream);
    using graph = stream.capture(step.queue);
    graph.launch();
    expect(step.params.download(undefined, stream)[0]).not.toBe(10);
  });

  it("end with the stream that is disposed while it captures", () => {
    const used = usedBytes();
    const stream = Stream.create();
    expect(() => stream.capture(() => stream.dispose())).toThrow(code("DISPOSED", "this"));
    expect(usedBytes()).toBe(used);
  });

  it("throw what the function throws, and keep nothing", () => {
    using stream = Stream.create();
    const step = stepOn(stream);
    const used = usedBytes();
    const failed = new Error("of the function");
    const capture = () =>
      stream.capture(() => {
        step.queue();
        throw failed;
      });
    expect(capture).toThrow(failed);
    expect(usedBytes()).toBe(used);
    stream.synchronize();
    expect([...step.params.download()]).toEqual([10, 2, 6]);
  });

  it("allocate while they capture", () => {
    using stream = Stream.create();
    const step = stepOn(stream);
    let late: DeviceBuffer<"float32"> | undefined;
    using graph = stream.capture(() => {
      late = onDevice("float32", new Float32Array(65));
      weightedLossCuda(step.args, { result: step.out.result, losses: late }, stream);
    });
    graph.launch();
    weightedLossCuda(step.args, step.out, stream);
    expect(late!.download(undefined, stream)).toEqual(step.out.losses.download(undefined, stream));
  });
});
