import { alignmentWeights, metaGradient, weightedLoss } from "@lilaw/core";
import { deviation, lossOf, paramsOf, readGolden } from "@lilaw/testing";
import * as tf from "@tensorflow/tfjs-core";
import { expect, it, vi } from "vitest";
import * as operations from "../../src/index.js";
import { kernels } from "../../src/kernels/index.js";
import { describeWebGpu } from "../webgpu.js";

const params = { alpha: 10, beta: 2, delta: 6 };
const shared = { loss: "cross-entropy", params } as const;
const plainAttributes = { ...shared, gradient: "full", normalize: "none", rowValues: [] } as const;

async function valuesOf(tensors: tf.Tensor[]): Promise<Float32Array[]> {
  const values = await Promise.all(tensors.map((tensor) => tensor.data<"float32">()));
  tf.dispose(tensors);
  return values;
}

function batchOf(count: number, classes: number) {
  const wave = (step: number) =>
    Float32Array.from({ length: count * classes }, (_, i) => 8 * Math.sin(step * i));
  const labels = Int32Array.from({ length: count }, (_, i) => (i * 7) % classes);
  const [logits, tangents] = [wave(1.7), wave(0.3)];
  const tensors = {
    logits: tf.tensor2d(logits, [count, classes]),
    tangents: tf.tensor2d(tangents, [count, classes]),
    labels: tf.tensor1d(labels, "int32"),
  };
  const exact = { ...shared, logits: Float64Array.from(logits), labels, classes };
  return { exact, tangents: Float64Array.from(tangents), tensors };
}

interface Backend {
  readonly device: { readonly limits: object };
  runWebGPUProgram(program: { variableNames: string[] }, inputs: object[], ...rest: unknown[]): object;
}
const backend = () => tf.backend() as unknown as Backend;

describeWebGpu("kernels", () => {
  // From many rows a workgroup to many classes a lane, and batches that do not fill their last workgroup.
  it.each([
    [1, 1],
    [1, 63],
    [257, 64],
    [300, 1000],
    [9001, 2],
    [11, 5],
  ])("%i rows of %i classes, and the same bits again", async (count, classes) => {
    const { exact, tangents, tensors } = batchOf(count, classes);
    const { logits, labels } = tensors;
    const compute = () =>
      valuesOf([
        ...kernels.registered.weightedLoss(
          { logits, labels },
          { ...plainAttributes, normalize: "batch-mean" },
        ),
        ...kernels.registered.metaGradient({ logits, labels }, shared),
        ...kernels.registered.alignmentWeights(tensors, shared),
      ]);
    const results = await compute();
    expect(await compute()).toEqual(results);
    tf.dispose(tensors);

    const [objective, gradLogits, values, alignments, weights] = results;
    const loss = weightedLoss(
      { ...exact, normalize: "batch-mean" },
      { gradLogits: new Float64Array(count * classes) },
    );
    const meta = metaGradient(exact);
    const alignment = alignmentWeights({ ...exact, tangents });
    expect(deviation(objective!, [loss.objective])).toBeLessThan(3e-5);
    const scaled = (gradient: ArrayLike<number>) => Array.from(gradient, (g) => g * count);
    expect(deviation(scaled(gradLogits!), scaled(loss.gradLogits))).toBeLessThan(3e-5);
    const high = [0, 2, 4, 6, 8].map((i) => values![i]!);
    expect(deviation(high, [meta.alpha, meta.beta, meta.delta, meta.objective, 0])).toBeLessThan(3e-5);
    expect(deviation(alignments!, alignment.alignments)).toBeLessThan(3e-5);
    expect(deviation(scaled(weights!), scaled(alignment.weights))).toBeLessThan(3e-5);
  });

  it.each(["cross-entropy", { kind: "focal", gamma: 0.5 }] as const)(
    "keep the digits of confident rows, %j",
    async (loss) => {
      const gaps = [7, 12, 16, 30, 50]; // p from 0.998 to 1 - 4e-22
      const logits = Float64Array.from(gaps.flatMap((gap) => [gap, 0, 0]));
      const batch = { loss, params, logits, labels: new Int32Array(gaps.length), classes: 3 };
      const expected = weightedLoss(batch, {
        losses: new Float64Array(gaps.length),
        gradLogits: new Float64Array(logits.length),
      });
      const inputs = {
        logits: tf.tensor2d(Float32Array.from(logits), [gaps.length, 3]),
        labels: tf.zeros([gaps.length], "int32"),
      };
      const attributes = { ...plainAttributes, loss, rowValues: ["losses"] } as const;
      const [, gradLogits, losses] = await valuesOf(kernels.registered.weightedLoss(inputs, attributes));
      const relative = (actual: Float32Array, exact: Float64Array) =>
        deviation(
          actual.map((x, i) => x / exact[i]!),
          exact.map(() => 1),
        );
      expect(relative(losses!, expected.losses)).toBeLessThan(3e-5);
      expect(relative(gradLogits!, expected.gradLogits)).toBeLessThan(3e-5);
    },
  );

  it("make the weight of a row NaN whose tangents are not finite, and of no other", async () => {
    const inputs = {
      logits: tf.ones([3, 2]),
      tangents: tf.tensor2d([1, -1, Number.POSITIVE_INFINITY, 0, Number.NaN, 0], [3, 2]),
      labels: tf.tensor1d([1, 0, 1], "int32"),
    };
    const [alignments, weights] = await valuesOf(kernels.registered.alignmentWeights(inputs, shared));
    expect([...alignments!]).toEqual([1, Number.NaN, Number.NaN]);
    expect([...weights!]).toEqual([1, Number.NaN, Number.NaN]);
  });

  it("are one program each, and two where the gradient waits for a mean", async () => {
    const { tensors } = batchOf(40, 3);
    const programs = vi.spyOn(backend(), "runWebGPUProgram");
    const countOf = async (compute: () => tf.Tensor[]) => {
      programs.mockClear();
      const { kernelNames } = await tf.profile(() => compute());
      expect(kernelNames.filter((name) => !name.startsWith("Lilaw"))).toEqual([]);
      return programs.mock.calls.length;
    };
    const { weightedLoss, metaGradient, alignmentWeights } = kernels.registered;
    const attributes = { ...plainAttributes, rowValues: ["losses", "weights"] } as const;
    const counts = [
      await countOf(() => weightedLoss(tensors, attributes)),
      await countOf(() => weightedLoss(tensors, { ...attributes, normalize: "batch-mean" })),
      await countOf(() => metaGradient(tensors, shared)),
      await countOf(() => alignmentWeights(tensors, shared)),
    ];
    programs.mockRestore();
    expect(counts).toEqual([1, 2, 1, 1]);
  });

  it("are the same bits where tfjs spreads the workgroups over two dimensions", async () => {
    const { tensors } = batchOf(300, 11);
    const compute = () =>
      valuesOf([
        ...kernels.registered.weightedLoss(tensors, { ...plainAttributes, rowValues: ["losses"] }),
        ...kernels.registered.metaGradient(tensors, shared),
        ...kernels.registered.alignmentWeights(tensors, shared),
      ]);
    const inLine = await compute();
    const { device } = backend();
    const { limits } = device;
    const limitTo = (value: object) => Object.defineProperty(device, "limits", { value, configurable: true });
    limitTo({ maxComputeWorkgroupsPerDimension: 5 });
    const inPlane = await compute();
    limitTo(limits);
    expect(inPlane).toEqual(inLine);
  });

  it("keep no memory, over many calls and batches of all sizes", async () => {
    const batches = [batchOf(5, 3), batchOf(700, 2), batchOf(64, 3)];
    const compute = async (times: number) => {
      for (let i = 0; i < times; i++) {
        const { tensors } = batches[i % batches.length]!;
        const { weightedLoss, metaGradient, alignmentWeights } = kernels.registered;
        tf.dispose(weightedLoss(tensors, { ...plainAttributes, normalize: "batch-mean" }));
        tf.dispose(weightedLoss(tensors, { ...plainAttributes, rowValues: ["losses"] }));
        tf.dispose(alignmentWeights(tensors, shared));
        await valuesOf(metaGradient(tensors, shared));
      }
      return tf.memory();
    };
    const before = await compute(6);
    expect(await compute(400)).toEqual(before);
  });

  it("say so when a device refuses a program, as it would with another way to bind outputs", async () => {
    const { tensors } = batchOf(4, 3);
    const gpu = backend();
    const run = gpu.runWebGPUProgram.bind(gpu);
    const changed = vi.spyOn(gpu, "runWebGPUProgram").mockImplementation((program, inputs, ...rest) => {
      program.variableNames.reverse();
      return run(program, inputs.reverse(), ...rest);
    });
    const compute = () =>
      kernels.registered.weightedLoss(tensors, { ...plainAttributes, rowValues: ["delta"] });
    await valuesOf(compute());
    changed.mockRestore();
    expect(compute).toThrow(expect.objectContaining({ code: "BACKEND_UNAVAILABLE" }));
  });

  it("make a row NaN whose label, on the device, is no class", async () => {
    const labels = tf.tensor1d([0, 2, 1], "int32");
    const of = (classes: number) => ({ logits: tf.ones<tf.Rank.R2>([3, classes]), labels });
    // A program with three classes takes the labels from the host to the device.
    tf.dispose(kernels.registered.metaGradient(of(3), shared));
    const [, gradLogits] = await valuesOf(kernels.registered.weightedLoss(of(2), plainAttributes));
    expect([...gradLogits!].map(Number.isNaN)).toEqual([false, false, true, true, false, false]);
    const [values] = await valuesOf(kernels.registered.metaGradient(of(2), shared));
    expect(values![8]).toBe(1);
  });

  it("refuse inputs of the wrong length", () => {
    const logits = tf.ones<tf.Rank.R2>([3, 2]);
    const labels = tf.tensor1d([0, 1, 0], "int32");
    const run = (inputs: object) => () =>
      kernels.registered.weightedLoss({ logits, labels, ...inputs }, plainAttributes);
    const mismatch = (message: string) => expect.objectContaining({ code: "LENGTH_MISMATCH", message });
    expect(run({ labels: tf.tensor1d([0, 1], "int32") })).toThrow(
      mismatch("Expected 3 for labels.length but received 2"),
    );
    expect(run({ sampleWeights: tf.ones([4]) })).toThrow(
      mismatch("Expected 3 for sampleWeights.length but received 4"),
    );
  });
});

describeWebGpu("the operation weightedLoss", () => {
  it.each(readGolden().lilaw_cases)("golden $name, with its gradient", async (c) => {
    const tolerance = Math.max(...c.logits.flat().map(Math.abs)) > 1000 ? 1e-3 : 3e-5;
    const options = { labels: Int32Array.from(c.labels), params: paramsOf(c), loss: lossOf(c) };
    const tripled = tf.valueAndGrad((z) => tf.mul(operations.weightedLoss(z as tf.Tensor2D, options), 3));
    const { value, grad } = tripled(tf.tensor2d(c.logits));
    const third = (values: Float32Array) => values.map((x) => x / 3);
    const [objective, gradLogits] = await valuesOf([value, grad]);
    expect(deviation(third(objective!), [c.weighted_loss_mean])).toBeLessThan(tolerance);
    expect(deviation(third(gradLogits!), c.grad_logits_full.flat())).toBeLessThan(tolerance);
  });
});
