/**
 * Calls while a Worker writes anything to all their inputs: `node all-inputs.mjs INSTRUCTION-SET LOSS`, the loss as JSON.
 * Every array has a margin, in which nothing may be written.
 */
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { alignmentWeights, metaGradient, setCpuIsa, weightedLoss } from "../../dist/index.js";

if (!isMainThread) {
  const { inputs, labels, bad } = workerData;
  /** NaN, infinities, the largest and the smallest, zeros, small numbers */
  const values = [Number.NaN, Infinity, -Infinity, 3.4e38, -3.4e38, 1e-45, 0, -0, 1, 100];
  let state = 1;
  const below = (limit) => {
    state = (state * 1103515245 + 12345) & 0x7fffffff;
    return (state >> 8) % limit;
  };
  parentPort.postMessage("writes");
  for (;;) {
    for (const input of inputs) input[below(input.length)] = values[below(values.length)];
    const at = below(labels.length);
    // Bad ones for a moment only: no call would ever begin.
    labels[at] = below(4) === 0 ? bad : below(2);
    labels[at] = 0;
  }
}

const [, , isa, lossText] = process.argv;
const loss = JSON.parse(lossText);
setCpuIsa(isa);
const perClass = loss === "multi-label";
const single = loss === "binary" || loss.kind === "regression";
const Labels = perClass ? Uint8Array : loss.kind === "regression" ? Float32Array : Int32Array;
const bad = loss.kind === "regression" ? Number.NaN : 200;

const margin = 32;
const made = [];
function array(Type, length) {
  const whole = new Type(new SharedArrayBuffer((length + 2 * margin) * Type.BYTES_PER_ELEMENT)).fill(7);
  made.push(whole);
  return whole.subarray(margin, margin + length).fill(0);
}

let done = 0;
function call(operation) {
  try {
    operation();
    done++;
  } catch (error) {
    // A label as it was, or is not any more.
    const { code, message } = error;
    if (!/^(LABEL_OUT_OF_RANGE|INVALID_ARGUMENT)$/.test(code) || !/ labels\[\d+\] /.test(message))
      throw error;
  }
}

for (const [rows, width] of [
  [64, 19],
  [40, 700],
]) {
  const classes = single ? 1 : width;
  const floats = (length) => array(Float32Array, length);
  const logits = floats(rows * classes);
  const tangents = floats(rows * classes);
  const sampleWeights = floats(rows);
  const coefficients = floats(rows);
  const labels = array(Labels, perClass ? rows * classes : rows);
  const inputs = [logits, tangents, sampleWeights, coefficients];
  const worker = new Worker(new URL(import.meta.url), { workerData: { inputs, labels, bad } });
  await new Promise((writes) => worker.once("message", writes));

  const params = { alpha: 10, beta: 2, delta: 6 };
  const choices = { params, gradient: "full", normalize: "batch-mean" };
  const batch = { logits, labels, classes, loss, tangents, sampleWeights, coefficients, ...choices };
  const out = {
    gradLogits: floats(rows * classes),
    losses: floats(rows),
    predictions: array(Int32Array, rows),
  };
  const weights = floats(rows);
  for (let i = 0; i < 400; i++) {
    call(() => weightedLoss(batch, out));
    call(() => weightedLoss(batch, { gradLogits: logits }));
    call(() => metaGradient(batch));
    call(() => alignmentWeights(batch, { weights }));
    for (const at of out.predictions) {
      if (at < -1 || at >= Math.max(2, classes)) throw new Error(`the prediction ${at}`);
    }
  }
  await worker.terminate();
}
for (const whole of made) {
  if ([...whole.subarray(0, margin), ...whole.subarray(-margin)].some((x) => x !== 7)) {
    throw new Error("written beyond an array");
  }
}
if (done === 0) throw new Error("no call was done");
console.log("done");
