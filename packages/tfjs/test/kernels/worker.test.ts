import { createRequire } from "node:module";
import { Worker } from "node:worker_threads";
import { getBackend, weightedLoss } from "@lilaw/core";
import { deviation } from "@lilaw/testing";
import { expect, it } from "vitest";
import { useBackend } from "../../src/node.js";
import { describeBackend, reasonAgainst } from "../backends.js";

/** The worker loads the built package, as users do, and returns a gradient and how it was computed. */
const program = `
  const { parentPort, workerData } = require("node:worker_threads");
  (async () => {
    const { useBackend } = await import(workerData.node);
    await useBackend("tensorflow");
    const { kernels } = await import(workerData.kernels);
    const tf = await import(workerData.tf);
    const { logits, labels, shape } = workerData;
    const attributes = {
      loss: "cross-entropy", params: { alpha: 10, beta: 2, delta: 6 },
      gradient: "full", normalize: "none", rowValues: [],
    };
    for (let i = 0; i < 50; i++) {
      const inputs = { logits: tf.tensor2d(logits, shape), labels: tf.tensor1d(labels, "int32") };
      const [, gradient] = kernels.registered.weightedLoss(inputs, attributes);
      if (i === 49) parentPort.postMessage({ gradient: gradient.dataSync(), fallback: kernels.fallback("tensorflow") });
    }
  })();`;

const reason = await reasonAgainst(() => useBackend("tensorflow"));

describeBackend("worker threads run the operations", "tensorflow", reason, () => {
  it("three at a time, on the ops that one of them registered", async () => {
    const logits = Float32Array.from({ length: 640 }, (_, i) => Math.sin(7 * i) * 4);
    const labels = Int32Array.from({ length: 64 }, (_, i) => i % 10);
    const { resolve } = createRequire(import.meta.url);
    const workerData = {
      ...{ logits, labels, shape: [64, 10] },
      ...{ node: resolve("@lilaw/tfjs/node"), kernels: resolve("@lilaw/tfjs/kernels") },
      tf: resolve("@tensorflow/tfjs-core"),
    };
    const { gradLogits } = weightedLoss({
      logits: Float64Array.from(logits),
      labels,
      classes: 10,
      params: { alpha: 10, beta: 2, delta: 6 },
    });
    const answers = [0, 1, 2].map(
      () =>
        new Promise<{ gradient: Float32Array; fallback?: string }>((answer, fail) => {
          const worker = new Worker(program, { eval: true, workerData });
          worker.on("message", answer);
          worker.on("error", fail);
        }),
    );
    for (const { gradient, fallback } of await Promise.all(answers)) {
      expect(deviation(gradient, gradLogits)).toBeLessThan(1e-6);
      expect(fallback === undefined).toBe(getBackend("auto").name !== "reference");
    }
  });
});
