import {
  alignmentWeights,
  type LilawParams,
  type Loss,
  losses as lossTable,
  metaGradient,
  TransitionMatrix,
  weightedLoss,
} from "@lilaw/core";
import {
  batches,
  deviation,
  lossOf,
  params,
  paramsOf,
  type RandomBatch,
  readGolden,
  readLossGolden,
} from "@lilaw/testing";
import * as tf from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type RowValueName, rowValueNames } from "../../src/kernels/contract.js";
import { kernels as all } from "../../src/kernels/index.js";
import { runKernel } from "../../src/kernels/register.js";
import { describeAsyncBackends } from "../webgpu.js";

const losses: Loss[] = [
  "cross-entropy",
  { kind: "focal", gamma: 2 },
  { kind: "focal", gamma: 0.5 },
  { kind: "label-smoothing", smoothing: 0.1 },
  "binary",
  "multi-label",
  { kind: "regression", range: 4 },
  { kind: "generalized-cross-entropy", q: 0.7 },
  { kind: "generalized-cross-entropy", q: 1 },
  { kind: "symmetric-cross-entropy", alpha: 0.1, beta: 1, A: -4 },
  "mean-absolute-error",
];
const nameOf = (loss: Loss) => (typeof loss === "string" ? loss : JSON.stringify(loss));

/** A class batch in float32, read as a batch of another loss. */
function asBatch({ logits, labels, classes }: RandomBatch, loss: Loss) {
  // TensorFlow's threads take denormal numbers for 0.
  const z = Float32Array.from(logits, (value) => (Math.abs(value) < 1e-30 ? 0 : value));
  const count = labels.length;
  if (loss === "multi-label") {
    const flags = Float32Array.from(z, (value, i) => ((i * 7 + Math.round(value)) % 3 === 0 ? 1 : 0));
    return { logits: z, labels: flags, classes, labelTensor: tf.tensor2d(flags, [count, classes]) };
  }
  const single = loss === "binary" || (typeof loss === "object" && loss.kind === "regression");
  if (!single) return { logits: z, labels, classes, labelTensor: tf.tensor1d(labels, "int32") };
  if (loss === "binary") {
    const bits = labels.map((y) => y % 2);
    return { logits: z.slice(0, count), labels: bits, classes: 1, labelTensor: tf.tensor1d(bits, "int32") };
  }
  const targets = Float32Array.from(labels);
  return { logits: z.slice(0, count), labels: targets, classes: 1, labelTensor: tf.tensor1d(targets) };
}

/** How labels come about: as they are, some as the next class, some as any class. */
const flips = fc.constantFrom("none", "pair", "any");

function transitionOf(flip: string, classes: number, loss: Loss): TransitionMatrix | null {
  if (flip === "none" || !lossTable.isOfLabelProb(loss)) return null;
  const indices = Array.from({ length: classes }, (_, k) => k);
  const share = (k: number, j: number) => {
    if (flip === "any") return 0.3 / classes;
    return j === (k + 1) % classes ? 0.3 : 0;
  };
  return new TransitionMatrix(indices.map((k) => indices.map((j) => share(k, j) + (j === k ? 0.7 : 0))));
}

const exact = (logits: Float32Array) => Float64Array.from(logits);

/** The values of the tensors that `compute` makes; WebGPU cannot be read synchronously. */
async function valuesOf(compute: () => tf.Tensor[]): Promise<number[][]> {
  const tensors = tf.tidy(compute);
  const values = await Promise.all(tensors.map((tensor) => tensor.data()));
  tf.dispose(tensors);
  return values.map((array) => [...array]);
}

const tolerance = 3e-5;

describe.each([
  ["registered", all.registered],
  ["composed of tfjs operations", all.composed],
] as const)("kernels, %s,", (_, kernels) => {
  describeAsyncBackends("against @lilaw/core", () => {
    it.each(losses.map((loss) => [nameOf(loss), loss] as const))("weightedLoss, %s", async (_name, loss) => {
      await fc.assert(
        fc.asyncProperty(
          batches({ scale: 8 }),
          params,
          fc.constantFrom("full", "detached"),
          fc.constantFrom("none", "batch-mean"),
          fc.boolean(),
          flips,
          async (b, p, gradient, normalize, weighted, flip) => {
            const batch = asBatch(b, loss);
            const transition = transitionOf(flip, batch.classes, loss);
            const count = b.labels.length;
            const sampleWeights = Float32Array.from({ length: count }, (_, i) => 0.5 + i);
            const attributes = {
              loss,
              transition,
              params: weighted ? p : null,
              gradient,
              normalize,
            } as const;
            const floats = () => new Float64Array(count);
            const terms = { alpha: floats(), beta: floats(), delta: floats() };
            const expected = weightedLoss(
              { ...attributes, ...batch, logits: exact(batch.logits), sampleWeights },
              {
                losses: floats(),
                weights: floats(),
                labelProbs: floats(),
                maxProbs: floats(),
                predictions: new Int32Array(count),
                gradLogits: new Float64Array(batch.logits.length),
                ...(weighted ? { terms } : {}),
              },
            );
            const rowValues: readonly RowValueName[] = weighted ? rowValueNames : rowValueNames.slice(0, 5);
            const [objective, gradLogits, rows] = await valuesOf(() => {
              const inputs = {
                logits: tf.tensor2d(batch.logits, [count, batch.classes]),
                labels: batch.labelTensor,
                sampleWeights: tf.tensor1d(sampleWeights),
              };
              return kernels.weightedLoss(inputs, { ...attributes, rowValues });
            });
            expect(deviation(objective!, [expected.objective])).toBeLessThan(tolerance);
            expect(deviation(gradLogits!, expected.gradLogits)).toBeLessThan(tolerance);
            const all = { ...expected, ...terms };
            rowValues.forEach((name, i) => {
              const row = rows!.slice(i * count, (i + 1) * count);
              expect(deviation(row, all[name] as Float64Array), name).toBeLessThan(tolerance);
            });
            batch.labelTensor.dispose();
          },
        ),
        { numRuns: 25 },
      );
    });

    it.each(losses.map((loss) => [nameOf(loss), loss] as const))("metaGradient, %s", async (_name, loss) => {
      await fc.assert(
        fc.asyncProperty(batches({ scale: 8 }), params, fc.boolean(), flips, async (b, p, own, flip) => {
          const batch = asBatch(b, loss);
          const transition = transitionOf(flip, batch.classes, loss);
          const count = b.labels.length;
          const coefficients = own ? Float32Array.from({ length: count }, (_, i) => i - 1) : undefined;
          const expected = metaGradient({
            ...batch,
            logits: exact(batch.logits),
            loss,
            transition,
            params: p,
            coefficients,
          });
          const [values] = await valuesOf(() => {
            const inputs = {
              logits: tf.tensor2d(batch.logits, [count, batch.classes]),
              labels: batch.labelTensor,
              ...(coefficients && { coefficients: tf.tensor1d(coefficients) }),
            };
            return kernels.metaGradient(inputs, { loss, transition, params: p });
          });
          const sums = [0, 2, 4, 6].map((i) => values![i]! + values![i + 1]!);
          const { alpha, beta, delta, objective } = expected;
          expect(deviation(sums, [alpha, beta, delta, objective])).toBeLessThan(tolerance);
          batch.labelTensor.dispose();
        }),
        { numRuns: 25 },
      );
    });

    it.each(losses.map((loss) => [nameOf(loss), loss] as const))(
      "alignmentWeights, %s",
      async (_name, loss) => {
        await fc.assert(
          fc.asyncProperty(batches({ scale: 8 }), flips, async (b, flip) => {
            const batch = asBatch(b, loss);
            const transition = transitionOf(flip, batch.classes, loss);
            const count = b.labels.length;
            const tangents = batch.logits.map((_, i) => Math.sin(5 * i + 2));
            const expected = alignmentWeights({
              ...batch,
              logits: exact(batch.logits),
              tangents,
              loss,
              transition,
            });
            const [alignments, weights] = await valuesOf(() => {
              const shape: [number, number] = [count, batch.classes];
              const inputs = {
                logits: tf.tensor2d(batch.logits, shape),
                tangents: tf.tensor2d(tangents, shape),
                labels: batch.labelTensor,
              };
              return kernels.alignmentWeights(inputs, { loss, transition });
            });
            expect(deviation(alignments!, expected.alignments)).toBeLessThan(tolerance);
            // Where all but nothing is positive, a weight is a quotient of rounding errors.
            const positive = expected.alignments.reduce((sum, a) => sum + Math.max(0, a), 0);
            if (positive > 1e-2) expect(deviation(weights!, expected.weights)).toBeLessThan(1e-3);
            batch.labelTensor.dispose();
          }),
          { numRuns: 25 },
        );
      },
    );

    it("golden vectors", async () => {
      for (const c of readGolden().lilaw_cases) {
        // Logits of 1e4 carry 1e-3 of rounding in float32.
        const bound = Math.max(...c.logits.flat().map(Math.abs)) > 1000 ? 1e-3 : tolerance;
        const inputs = { logits: tf.tensor2d(c.logits), labels: tf.tensor1d(c.labels, "int32") };
        const shared = { loss: lossOf(c), params: paramsOf(c) as LilawParams };
        for (const gradient of ["full", "detached"] as const) {
          const attributes = {
            ...shared,
            gradient,
            normalize: "none",
            rowValues: ["weights", "predictions"],
          } as const;
          const [objective, grad, rows] = await valuesOf(() => kernels.weightedLoss(inputs, attributes));
          expect(deviation(objective!, [c.weighted_loss_mean]), c.name).toBeLessThan(bound);
          expect(deviation(grad!, c[`grad_logits_${gradient}`].flat()), c.name).toBeLessThan(bound);
          expect(deviation(rows!, [...c.weight, ...c.argmax]), c.name).toBeLessThan(bound);
        }
        const [values] = await valuesOf(() => kernels.metaGradient(inputs, shared));
        const { alpha, beta, delta } = c.meta_grad;
        const sums = [0, 2, 4].map((i) => values![i]! + values![i + 1]!);
        expect(deviation(sums, [alpha, beta, delta]), c.name).toBeLessThan(bound);
        tf.dispose(inputs);
      }
    });

    it.each(readLossGolden().map((c) => [c.name, c] as const))(
      "golden vectors of the losses of u, %s",
      async (_, c) => {
        const inputs = { logits: tf.tensor2d(c.logits), labels: tf.tensor1d(c.labels, "int32") };
        const transition = c.transition && new TransitionMatrix(c.transition);
        const shared = { loss: c.loss, transition };
        const gradients = [
          ["plain", null, "full"],
          ["detached", c.params, "detached"],
          ["full", c.params, "full"],
        ] as const;
        for (const [name, params, gradient] of gradients) {
          const rowValues = ["losses", "weights", "labelProbs", "maxProbs"] as const;
          const attributes = { ...shared, params, gradient, normalize: "none", rowValues } as const;
          const [objective, grad, rows] = await valuesOf(() => kernels.weightedLoss(inputs, attributes));
          const expected = name === "plain" ? c.objective_plain : c.objective_weighted;
          const weights = name === "plain" ? c.weights.map(() => 1) : c.weights;
          const expectedRows = [...c.losses, ...weights, ...c.label_probs, ...c.max_probs];
          expect(deviation(objective!, [expected]), name).toBeLessThan(tolerance);
          expect(deviation(grad!, c[`grad_logits_${name}`].flat()), name).toBeLessThan(tolerance);
          expect(deviation(rows!, expectedRows), name).toBeLessThan(tolerance);
        }
        const [values] = await valuesOf(() => kernels.metaGradient(inputs, { ...shared, params: c.params }));
        const { alpha, beta, delta } = c.meta_gradient;
        const sums = [0, 2, 4, 6].map((i) => values![i]! + values![i + 1]!);
        expect(deviation(sums, [alpha, beta, delta, c.objective_weighted])).toBeLessThan(tolerance);
        const [alignments, weights] = await valuesOf(() => {
          return kernels.alignmentWeights({ ...inputs, tangents: tf.tensor2d(c.tangents) }, shared);
        });
        expect(deviation(alignments!, c.alignments)).toBeLessThan(tolerance);
        expect(deviation(weights!, c.alignment_weights)).toBeLessThan(tolerance);
        tf.dispose(inputs);
      },
    );

    it.each<Loss>(["cross-entropy", "multi-label"])("scalars that have moved, %s", async (loss) => {
      const flags = loss === "multi-label";
      const labels = flags ? tf.tensor2d([0, 1, 1, 1, 0, 0], [3, 2]) : tf.tensor1d([0, 1, 1], "int32");
      const batch = { logits: tf.tensor2d([0, 1, 2, -1, 0.5, 3], [3, 2]), labels };
      const [start, end] = [
        { alpha: 8, beta: 3, delta: 6 },
        { alpha: 10, beta: 2, delta: 6.5 },
      ];
      const moved = tf.tensor1d([2, -1, 0.5]);
      const results = (params: LilawParams, inputs: typeof batch & { moved?: tf.Tensor1D }) => [
        ...kernels.weightedLoss(inputs, {
          ...{ loss, params, gradient: "full", normalize: "batch-mean" },
          rowValues: ["weights", "alpha"],
        }),
        ...kernels.metaGradient(inputs, { loss, params }),
      ];
      const [actual, expected] = [
        await valuesOf(() => results(start, { ...batch, moved })),
        await valuesOf(() => results(end, batch)),
      ];
      expect(deviation(actual.flat(), expected.flat())).toBeLessThan(1e-6);
      tf.dispose([batch, moved] as never);
    });

    it("a non-finite logit spoils its own row only", async () => {
      const inputs = {
        logits: tf.tensor2d([0, 1, Number.NaN, 1, 2, 0, 1, Number.POSITIVE_INFINITY], [4, 2]),
        labels: tf.tensor1d([0, 0, 1, 1], "int32"),
      };
      const shared = { loss: "cross-entropy", params: { alpha: 10, beta: 2, delta: 6 } } as const;
      for (const normalize of ["none", "batch-mean"] as const) {
        const attributes = {
          ...shared,
          gradient: "full",
          normalize,
          rowValues: ["weights", "predictions"],
        } as const;
        const [objective, gradient, rows] = await valuesOf(() => kernels.weightedLoss(inputs, attributes));
        expect(objective).toEqual([Number.NaN]);
        expect(gradient!.map(Number.isNaN)).toEqual([false, false, true, true, false, false, true, true]);
        expect(rows!.slice(0, 4).map(Number.isNaN)).toEqual([false, true, false, true]);
        expect(rows!.slice(4)).toEqual([1, -1, 0, -1]);
      }
      const [values] = await valuesOf(() => kernels.metaGradient(inputs, shared));
      expect(values![0]! + values![1]!).toBeNaN();
      expect(values![8]).toBe(2);
      tf.dispose(inputs);
    });

    it.runIf(kernels === all.composed).each<[string, Loss, number[], number[]]>([
      ["cross-entropy", "cross-entropy", [0, 3, -1, 1], [0, 1, 0, 1]],
      ["binary", "binary", [1, 2, -1, 0], [1, 1, 1, 0]],
      ["multi-label", "multi-label", [1, 0, 2, 0, Number.NaN, 1, 1, 0], [1, 0, 0, 0, 0, 0, 1, 0]],
      [
        "regression",
        { kind: "regression", range: 4 },
        [1, Number.NaN, Number.POSITIVE_INFINITY, 2],
        [1, 0, 0, 2],
      ],
    ])("a label that does not fit spoils its own row only, %s", async (_, loss, labels, replaced) => {
      const columns = loss === "cross-entropy" || loss === "multi-label" ? 2 : 1;
      const logits = tf.tensor2d([1, -1, 0.5, 0, 2, 1, -1, 0].slice(0, 4 * columns), [4, columns]);
      const settings = { loss, params: { alpha: 10, beta: 2, delta: 6 } };
      const run = (labels: number[]) => {
        const dtype = loss === "cross-entropy" || loss === "binary" ? "int32" : "float32";
        const inputs = { logits, labels: tf.tensor(labels, loss === "multi-label" ? [4, 2] : [4], dtype) };
        const attributes = {
          ...settings,
          gradient: "full",
          normalize: "none",
          rowValues: ["losses"],
        } as const;
        const tangents = tf.onesLike(logits);
        return [
          ...kernels.weightedLoss(inputs, attributes).slice(1),
          kernels.alignmentWeights({ ...inputs, tangents }, { loss })[0]!,
          kernels.metaGradient(inputs, settings)[0]!,
        ];
      };
      const [actual, expected] = [await valuesOf(() => run(labels)), await valuesOf(() => run(replaced))];
      for (const at of [0, 1, 2]) {
        const width = at === 0 ? columns : 1;
        const isSpoilt = (i: number) => [1, 2].includes(Math.floor(i / width));
        const marked = expected[at]!.map((value, i) => (isSpoilt(i) ? Number.NaN : value));
        expect(actual[at]).toEqual(marked);
      }
      expect([actual[3]![0], actual[3]![8]]).toEqual([Number.NaN, 2]);
      logits.dispose();
    });

    it("leaks no tensors", () => {
      tf.tidy(() => {
        const inputs = { logits: tf.ones([2, 3]), labels: tf.tensor1d([0, 2], "int32") };
        const shared = { loss: "cross-entropy", params: { alpha: 10, beta: 2, delta: 6 } } as const;
        const run = () => {
          const attributes = {
            ...shared,
            gradient: "full",
            normalize: "none",
            rowValues: ["losses"],
          } as const;
          return [...kernels.weightedLoss(inputs, attributes), ...kernels.metaGradient(inputs, shared)];
        };
        tf.dispose(run());
        const before = tf.memory().numTensors;
        const outputs = run();
        expect(tf.memory().numTensors - before).toBe(outputs.length);
      });
    });
  });
});

describeAsyncBackends("bad labels", (backend) => {
  it("get one error with a code, wherever the kernel runs", () => {
    const inputs = { logits: tf.ones([2, 3]), labels: tf.tensor1d([0, 3], "int32") };
    const attributes = { loss: "cross-entropy", params: { alpha: 10, beta: 2, delta: 6 } } as const;
    expect(() => runKernel("metaGradient", inputs, attributes)).toThrow(
      expect.objectContaining({
        code: "LABEL_OUT_OF_RANGE",
        message: "Expected an integer in [0, 3) for labels[1] but received 3",
      }),
    );
  });

  it("leave no tensor behind", () => {
    const inputs = { logits: tf.ones([2, 3]), labels: tf.tensor1d([0, 3], "int32") };
    const attributes = { loss: "cross-entropy", params: { alpha: 10, beta: 2, delta: 6 } } as const;
    const fails = () => expect(() => runKernel("metaGradient", inputs, attributes)).toThrow();
    fails(); // a backend may keep constants
    const before = tf.memory().numTensors;
    fails();
    expect(tf.memory().numTensors).toBe(before);
  });

  if (backend === "wasm") {
    it("wasm: inputs and outputs lie on its heap, which may grow meanwhile", () => {
      const { wasm } = tf.backend() as unknown as { wasm: { HEAPU8: Uint8Array } };
      const size = wasm.HEAPU8.length;
      const logits = tf.ones<tf.Rank.R2>([Math.floor(size / 4 / 100), 25]); // its gradient does not fit what is left
      const labels = tf.zeros([logits.shape[0]], "int32");
      while (wasm.HEAPU8.length === size) {
        const attributes = { loss: "cross-entropy", params: null, gradient: "full" } as const;
        const [objective, gradLogits] = all.registered.weightedLoss(
          { logits, labels },
          { ...attributes, normalize: "none", rowValues: [] },
        );
        expect(objective!.dataSync()[0]).toBeCloseTo(Math.log(25), 5);
        expect(tf.sum(gradLogits!).dataSync()[0]).toBeCloseTo(0, 4);
      }
      expect(wasm.HEAPU8.length).toBeGreaterThan(size);
    });

    it("wasm: inputs may come from another backend, which makes its heap grow", async () => {
      const { wasm } = tf.backend() as unknown as { wasm: { HEAPU8: Uint8Array } };
      const size = wasm.HEAPU8.length;
      await tf.setBackend("cpu");
      const logits = tf.zeros<tf.Rank.R2>([Math.ceil(size / 4 / 25), 25]); // does not fit what is left
      const labels = tf.zeros([logits.shape[0]], "int32");
      await tf.setBackend("wasm");
      const attributes = { loss: "cross-entropy", params: null, gradient: "full" } as const;
      const outputs = all.registered.weightedLoss(
        { logits, labels },
        { ...attributes, normalize: "none", rowValues: [] },
      );
      expect(outputs[0]!.dataSync()[0]).toBeCloseTo(Math.log(25), 5);
      expect(wasm.HEAPU8.length).toBeGreaterThan(size);
      tf.dispose([logits, labels, ...outputs]);
    });
  }

  if (backend !== "tensorflow") return;
  it("TensorFlow runs the native ops where the addon is built", async () => {
    const { getBackend } = await import("@lilaw/core");
    expect(all.fallback("tensorflow") === undefined).toBe(getBackend("auto").name !== "reference");
  });
});

describeAsyncBackends("a kernel that is run as such", () => {
  it("has a gradient: that of the objective on the logits", async () => {
    const settings = { loss: "cross-entropy", params: { alpha: 10, beta: 2, delta: 6 } } as const;
    const attributes = { ...settings, gradient: "full", normalize: "none", rowValues: [] } as const;
    const labels = tf.tensor1d([1, 0], "int32");
    const run = (logits: tf.Tensor) => all.registered.weightedLoss({ logits, labels }, attributes);
    const [gradient, expected] = await valuesOf(() => {
      const logits = tf.tensor2d([2, -1, 0, 1, 0.5, -2], [2, 3]);
      return [tf.grad((z) => tf.mul(run(z)[0]!, 3))(logits), tf.mul(run(logits)[1]!, 3)];
    });
    labels.dispose();
    expect(Math.max(...expected!)).toBeGreaterThan(0.1);
    expect(gradient).toEqual(expected);
  });
});
