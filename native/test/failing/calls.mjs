/**
 * Calls of the addon whose memory runs out, named by LILAW_NATIVE_PATH: each allocation in turn fails, alone or with all that
 * follow it. `node calls.mjs [tfjs-node]`: with a module, the operations of TensorFlow as well. Prints a line a call.
 */
import { createRequire } from "node:module";
import { isDeepStrictEqual } from "node:util";
import {
  alignmentWeights,
  cpuIsa,
  load,
  metaGradient,
  opSettings,
  setCpuIsa,
  setThreads,
  weightedLoss,
} from "../../dist/index.js";

const { binding, failures } = load();
if (binding === null) throw new Error(JSON.stringify(failures));
const rows = 400;
const classes = 100;
setThreads(3);

const floats = (length, f = (i) => ((i * 31) % 23) / 4) => Float32Array.from({ length }, (_, i) => f(i));
const batches = ["cross-entropy", "multi-label"].map((loss) => ({
  logits: floats(rows * classes),
  tangents: floats(rows * classes, (i) => (i % 13) - 6),
  labels:
    loss === "multi-label"
      ? Uint8Array.from({ length: rows * classes }, (_, i) => i % 2)
      : Int32Array.from({ length: rows }, (_, i) => i % classes),
  ...{ classes, loss, params: { alpha: 10, beta: 2, delta: 6 }, gradient: "full", normalize: "none" },
}));
const losses = () => ({ losses: new Float32Array(rows), gradLogits: new Float32Array(rows * classes) });
const weights = () => ({ alignments: new Float32Array(rows), weights: new Float32Array(rows) });

/** Calls that give something to compare: what they return and what they fill. */
const calls = {};
for (const batch of batches) {
  const bad = { ...batch, labels: batch.labels.map((label, i) => (i === 7 ? 200 : label)) };
  const refused = async (call) => {
    try {
      return await call();
    } catch (error) {
      if (error.code !== "LABEL_OUT_OF_RANGE" || !error.message.includes("labels[7]")) throw error;
      return error.message;
    }
  };
  calls[`weightedLoss ${batch.loss}`] = async () => {
    const out = losses();
    return [weightedLoss(batch, out), out];
  };
  calls[`metaGradient ${batch.loss}`] = async () => metaGradient(batch);
  calls[`alignmentWeights ${batch.loss}`] = async () => {
    const out = weights();
    return [alignmentWeights(batch, out), out];
  };
  calls[`weightedLoss ${batch.loss}, a bad label`] = () => refused(async () => weightedLoss(bad, losses()));
}
calls["setCpuIsa, cpuIsa, cudaInfo"] = async () => {
  setCpuIsa(cpuIsa());
  return binding.cudaInfo();
};

const [, , tfjsNode] = process.argv;
if (tfjsNode) {
  const tf = createRequire(import.meta.url)(tfjsNode);
  const backend = tf.backend();
  // Registered once only
  binding.failAllocations(3, 1);
  try {
    binding.registerTensorFlowOps();
  } catch (error) {
    if (error.code !== "OUT_OF_MEMORY") throw error;
  }
  binding.failAllocations();
  const reason = binding.registerTensorFlowOps();
  if (reason !== "") throw new Error(reason);
  const [{ logits, tangents }] = batches;
  const z = tf.tensor(logits, [rows, classes]);
  const t = tf.tensor(tangents, [rows, classes]);
  const y = tf.tensor(batches[1].labels, [rows, classes], "float32");
  const settings = (more) =>
    tf.tensor1d(opSettings({ loss: "multi-label", params: { alpha: 10, beta: 2, delta: 6 }, ...more }));
  const execute = async (name, attributes, inputs, outputs) => {
    try {
      const given = backend.executeMultipleOutputs(name, attributes, inputs, outputs);
      return given.map((tensor) => {
        const values = tensor.dataSync();
        tensor.dispose();
        return values;
      });
    } catch (error) {
      const message = String(error.message);
      if (message.includes("Expected memory for an operation but received none"))
        error.code = "OUT_OF_MEMORY";
      throw error;
    }
  };
  const rowTensors = [{ name: "row_tensors", type: backend.binding.TF_ATTR_INT, value: 1 }];
  const all = settings({ rowMask: 255 });
  const plain = settings({});
  calls.LilawWeightedLoss = () => execute("LilawWeightedLoss", rowTensors, [z, y, all], 3);
  calls.LilawMetaGradient = () => execute("LilawMetaGradient", [], [z, y, plain], 1);
  calls.LilawAlignmentWeights = () => execute("LilawAlignmentWeights", [], [z, t, y, plain], 2);
}

for (const [name, call] of Object.entries(calls)) {
  const expected = await call();
  for (let i = 0; i < 3; i++) await call();
  const before = binding.liveAllocations();
  let failed = 0;
  let refused = 0;
  for (const many of [1, 2 ** 40]) {
    for (let number = 0, reached = true; reached; number++) {
      binding.failAllocations(number, many);
      const from = binding.allAllocations();
      let outcome;
      try {
        outcome = await call();
      } catch (error) {
        outcome = error;
      }
      binding.failAllocations();
      reached = number < binding.allAllocations() - from;
      if (reached) failed++;
      if (outcome instanceof Error) {
        if (outcome.code !== "OUT_OF_MEMORY" || !outcome.message.includes("Expected memory for "))
          throw outcome;
        refused++;
      } else if (!isDeepStrictEqual(outcome, expected)) {
        throw new Error(`${name} gave something else`);
      }
      if (!isDeepStrictEqual(await call(), expected))
        throw new Error(`${name} gave something else afterwards`);
    }
  }
  const leaked = binding.liveAllocations() - before;
  if (leaked > 0) throw new Error(`${name} leaked ${leaked} of ${failed} times`);
  console.log(`${name}: ${failed} allocations failed, ${refused} calls refused`);
}
console.log("done");
