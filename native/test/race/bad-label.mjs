/** Calls whose last label a Worker makes bad and good again, so that it may be gone when it is looked for. */
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { weightedLoss } from "../../dist/index.js";

if (!isMainThread) {
  parentPort.postMessage("writes");
  for (let i = 0; ; i++) workerData[workerData.length - 1] = i % 2 ? 9 : 0;
}

const rows = 2 ** 20;
const labels = new Int32Array(new SharedArrayBuffer(4 * rows));
const worker = new Worker(new URL(import.meta.url), { workerData: labels });
await new Promise((writes) => worker.once("message", writes));

const plain = { loss: "cross-entropy", params: null, gradient: "full", normalize: "none" };
const batch = { logits: new Float32Array(2 * rows), labels, classes: 2, ...plain };
const outcomes = new Set();
for (let i = 0; i < 300; i++) {
  try {
    weightedLoss(batch, {});
    outcomes.add("done");
  } catch ({ code, message }) {
    outcomes.add(code);
    const [, row, label] = /labels\[(\d+)\] but received (-?\d+)$/.exec(message);
    // Anything else was not in the array.
    if (Number(row) !== rows - 1 || label !== "9") throw new Error(message);
  }
}
await worker.terminate();
console.log([...outcomes].sort().join(" "));
