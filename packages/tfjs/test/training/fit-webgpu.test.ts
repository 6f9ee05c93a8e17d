import { deviation } from "@lilaw/testing";
import * as tf from "@tensorflow/tfjs-core";
import { type LayersModel, layers, sequential } from "@tensorflow/tfjs-layers";
import { expect, it } from "vitest";
import {
  type BatchRecord,
  type FitArgs,
  fit,
  fitDataset,
  type LiLAWWeighting,
  learningToReweight,
  lilaw,
  plain,
  randomWeights,
  type Weighting,
} from "../../src/index.js";
import { blobModel, blobTensors, imageTensors } from "../models.js";
import { describeWebGpu } from "../webgpu.js";

interface Training {
  weights: Float32Array;
  history: Record<string, number[]>;
  records: BatchRecord[];
  states: Uint8Array[];
}

type Blobs = ReturnType<typeof blobTensors>;
type Method = (valid: Blobs) => Weighting;

/** The results of a training on a backend, whose tensors stay on that backend. */
async function trainOn(
  backend: string,
  method: Method,
  args: FitArgs = {},
  build = blobModel,
): Promise<Training> {
  await tf.setBackend(backend);
  const [{ x, y }, valid] = [blobTensors(44), blobTensors(20, 2)];
  const model: LayersModel = build();
  const records: BatchRecord[] = [];
  const states: Uint8Array[] = [];
  const weighting = method(valid);
  const { history } = await fit(model, x, y, {
    ...{ verbose: 0, epochs: 3, batchSize: 16, validationData: [valid.x, valid.y] as [tf.Tensor, tf.Tensor] },
    ...(weighting.loss === "model" ? {} : { record: (r: BatchRecord) => void records.push(r) }),
    checkpoint: (state) => void states.push(state),
    weighting,
    ...args,
  });
  const values = await Promise.all(model.weights.map((weight) => weight.read().data<"float32">()));
  await tf.setBackend("webgpu");
  return {
    weights: Float32Array.from(values.flatMap((array) => [...array])),
    history: history as Record<string, number[]>,
    records,
    states,
  };
}

const transition = [
  [0.8, 0.2],
  [0.3, 0.7],
];

const methods: Record<string, Method> = {
  "plain, the model's own loss": () => plain(),
  "plain, loss on logits": () => plain({ loss: "cross-entropy" }),
  "random weights": () => randomWeights({ loss: "cross-entropy" }),
  lilaw: ({ x, y }) => lilaw({ validation: [x, y], learningRate: 0.5 }),
  "lilaw, clamped, own rates": ({ x, y }) =>
    lilaw({
      ...{ validation: [x, y], warmupEpochs: 0, alpha: 1, delta: 2.01, clamp: true },
      learningRate: { alpha: 0.1, beta: 2, delta: 3 },
      weightDecay: { alpha: 1, beta: 0, delta: 0.1 },
    }),
  "lilaw, one pass": ({ x, y }) => lilaw({ validation: [x, y], learningRate: 0.5, sharedForward: true }),
  "lilaw, batch mean": ({ x, y }) => lilaw({ validation: [x, y], normalize: "batch-mean", metaEvery: 2 }),
  "learning to reweight, tangent": ({ x, y }) => learningToReweight({ validation: [x, y] }),
  "plain, corrected": () => plain({ transition }),
  "lilaw, corrected": ({ x, y }) => lilaw({ transition, validation: [x, y], learningRate: 0.5 }),
  "learning to reweight, corrected": ({ x, y }) => learningToReweight({ transition, validation: [x, y] }),
  "learning to reweight, last layer": ({ x, y }) =>
    learningToReweight({ validation: [x, y], route: "last-layer" }),
};

describeWebGpu("fit", () => {
  it.each(Object.entries(methods))("trains as the cpu backend does: %s", async (_, method) => {
    const classWeight = { 0: 1, 1: 1.5 };
    const sampleWeight = Float32Array.from({ length: 44 }, (_, i) => 1 + (i % 3));
    const [gpu, cpu] = [
      await trainOn("webgpu", method, { classWeight, sampleWeight }),
      await trainOn("cpu", method, { classWeight, sampleWeight }),
    ];
    expect(deviation(gpu.weights, cpu.weights)).toBeLessThan(2e-4);
    expect(Object.keys(gpu.history)).toEqual(Object.keys(cpu.history));
    for (const [name, values] of Object.entries(cpu.history)) {
      expect(deviation(gpu.history[name]!, values), name).toBeLessThan(2e-4);
    }
    expect(gpu.records.length).toBe(cpu.records.length);
    cpu.records.forEach((record, i) => {
      const { rows, predictions, terms = {}, ...values } = record;
      const own = gpu.records[i]!;
      expect(own.rows).toEqual(rows);
      expect(own.predictions).toEqual(predictions);
      expect(Object.keys(own.terms ?? {})).toEqual(Object.keys(terms));
      for (const name of ["losses", "labelProbs", "maxProbs", "weights"] as const) {
        expect(deviation(own[name], values[name]), name).toBeLessThan(1e-3);
      }
    });
  });

  it("gives L2RW's weights by central difference as the tangents do", async () => {
    const by = (route: "tangent" | "central-difference") =>
      trainOn("webgpu", ({ x, y }) => learningToReweight({ validation: [x, y], route }), { epochs: 1 });
    const [exact, difference] = [await by("tangent"), await by("central-difference")];
    const [a, b] = [exact.records[0]!.weights, difference.records[0]!.weights];
    const distance = a.reduce((sum, w, i) => sum + Math.abs(w - b[i]!), 0) / a.length;
    expect(distance).toBeLessThan(5e-3);
  });

  it.each(["lilaw", "learning to reweight, tangent"])("resumes bit for bit: %s", async (name) => {
    const whole = await trainOn("webgpu", methods[name]!);
    const rest = await trainOn("webgpu", methods[name]!, { resume: whole.states[0]! });
    expect(rest.weights).toEqual(whole.weights);
    expect(rest.history.alpha).toEqual(whole.history.alpha?.slice(1));
  });

  it("trains a CNN with dropout and batch normalisation", async () => {
    await tf.setBackend("webgpu");
    const { x, y } = imageTensors(48);
    for (const weighting of [lilaw({ warmupEpochs: 0 }), learningToReweight({ validation: [x, y] })]) {
      const model = sequential({
        layers: [
          layers.conv2d({ filters: 4, kernelSize: 3, activation: "relu", inputShape: [8, 8, 1] }),
          layers.maxPooling2d({ poolSize: 2 }),
          layers.batchNormalization(),
          layers.dropout({ rate: 0.2 }),
          layers.flatten(),
          layers.dense({ units: 2 }),
        ],
      });
      model.compile({ optimizer: tf.train.adam(0.01), loss: "meanSquaredError", metrics: ["accuracy"] });
      const { history } = await fit(model, x, y, { verbose: 0, epochs: 5, batchSize: 16, weighting });
      expect(history.loss!.at(-1)).toBeLessThan(history.loss![0] as number);
    }
  });

  it("refuses validation logits that are not finite, at the end of the epoch, and leaves the scalars", async () => {
    let weighting: LiLAWWeighting;
    const poisoned: Method = (valid) => {
      const x = tf.tensor2d(new Array(80).fill(Number.NaN), [20, 4]);
      weighting = lilaw({ validation: [x, valid.y], warmupEpochs: 0 });
      return weighting;
    };
    await expect(trainOn("webgpu", poisoned)).rejects.toMatchObject({ code: "NON_FINITE" });
    expect(weighting!.method.params).toEqual({ alpha: 10, beta: 2, delta: 6 });
  });

  it("trains on a dataset as on tensors", async () => {
    await tf.setBackend("webgpu");
    const [{ x, y }, valid] = [blobTensors(44), blobTensors(20, 2)];
    const validationData: [tf.Tensor, tf.Tensor] = [valid.x, valid.y];
    const dataset = {
      async iterator() {
        let start = 0;
        const next = async () => {
          if (start >= 44) return { value: null, done: true };
          const part = (tensor: tf.Tensor) => tf.slice(tensor, start, Math.min(16, 44 - start));
          // A computed tensor: one that lies on the device only.
          const value = { xs: part(x), ys: part(y), sampleWeight: tf.add(tf.cast(part(y), "float32"), 1) };
          start += 16;
          return { value, done: false };
        };
        return { next };
      },
    };
    const shared = {
      epochs: 2,
      verbose: 0,
      validationData,
      weighting: lilaw({ validationBatchSize: 8 }),
    } as const;
    const a = await fitDataset(blobModel(), dataset, shared as never);
    const sampleWeight = Float32Array.from(await y.data(), (label) => label + 1);
    const args = { ...shared, batchSize: 16, shuffle: false, sampleWeight, validationBatchSize: 32 };
    const b = await fit(blobModel(), x, y, args as never);
    expect(a.history.alpha).toEqual(b.history.alpha);
    expect(a.history.loss).toEqual(b.history.loss);
  });

  it("keeps its memory", async () => {
    await tf.setBackend("webgpu");
    const { x, y } = blobTensors(32);
    const model = blobModel();
    const train = () =>
      fit(model, x, y, {
        verbose: 0,
        batchSize: 16,
        weighting: lilaw({ validation: [x, y] }),
        record: () => {},
      });
    const noisy = blobModel("logits", { extra: [layers.dropout({ rate: 0.5 })] });
    const fail = () =>
      expect(
        fit(noisy, x, y, { verbose: 0, weighting: lilaw({ validation: [x, y], sharedForward: true }) }),
      ).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    await train();
    await fail();
    const before = tf.memory().numTensors;
    await train();
    await fail();
    expect(tf.memory().numTensors).toBe(before);
  });
});
