/** Operations on shared memory into which another thread writes meanwhile. */
import { Worker } from "node:worker_threads";
import { Random } from "@lilaw/core";
import { type Ending, FaultFound } from "../kind.js";
import { checkRefusal } from "../refusals.js";
import { type Form, operations, outputsOf, randomCall } from "./call.js";
import { chance, pick } from "./values.js";

/**
 * The other thread, which writes one of two values into some elements of an array while it is told to. `control`
 * holds: whether it should write, whether it writes, the first element, the number of elements, and the two values.
 */
const writer = `
const { workerData: { control, memory } } = require("node:worker_threads");
const places = new Int32Array(memory);
for (;;) {
  Atomics.wait(control, 0, 0);
  const [, , first, count, a, b] = control;
  Atomics.store(control, 1, 1);
  while (Atomics.load(control, 0) === 1) {
    for (let i = 0; i < count; i++) places[first + i] = a;
    for (let i = 0; i < count; i++) places[first + i] = b;
  }
  Atomics.store(control, 1, 0);
  Atomics.notify(control, 1);
}`;

/** The values that are written: labels that are no classes, and bits of numbers that are not finite. */
const written = [-1, 0, 1, 2 ** 31 - 1, -(2 ** 31), 0x7f800000, 0x7fc00000, 0x3f800000];

export function openRaces(): (seed: number, index: number) => Promise<Ending> {
  const control = new Int32Array(new SharedArrayBuffer(6 * 4));
  const memory = new SharedArrayBuffer(4 << 20);
  const worker = new Worker(writer, { eval: true, workerData: { control, memory } });
  worker.unref();

  return async (seed, index) => {
    const random = Random.from(seed, "race", index);
    const form = pick(random, ["reference", "cpu", "auto", "native"] as const) satisfies Form;
    const call = randomCall(pick(random, operations), form, random, chance(random, 0.05) ? 40_000 : 40);
    const { labels, logits } = call.args as { labels: Int32Array; logits: Float32Array };
    // The array is at the end of its memory, so that reads beyond it are noticed.
    const name = chance(random, 0.7) || !(logits instanceof Float32Array) ? "labels" : "logits";
    const array = name === "labels" ? labels : logits;
    if (
      !(array instanceof Int32Array || array instanceof Float32Array) ||
      array.byteLength > memory.byteLength
    )
      return "right";
    const shared = new (array.constructor as typeof Int32Array)(
      memory as never,
      memory.byteLength - array.byteLength,
      array.length,
    );
    shared.set(array as Int32Array);
    call.args[name] = shared;
    const outputs = outputsOf(call);

    const first = random.int(array.length);
    const count = 1 + random.int(Math.min(8, array.length - first));
    control.set(
      [(memory.byteLength - array.byteLength) / 4 + first, count, pick(random, written), array[first]!],
      2,
    );
    Atomics.store(control, 0, 1);
    Atomics.notify(control, 0);
    while (Atomics.load(control, 1) === 0);
    try {
      for (let round = 0; round < 5; round++) await attempt(call, array.length);
    } finally {
      Atomics.store(control, 0, 0);
      while (Atomics.load(control, 1) === 1);
    }
    call.memory.checkUntouched(outputs, "beside the outputs, in a race");
    return "right";
  };
}

/** Any result is right, and so is any refusal that names an element of the array. */
async function attempt(call: ReturnType<typeof randomCall>, length: number): Promise<void> {
  try {
    call.run();
  } catch (error) {
    checkRefusal(error, call.thrower);
    const { message } = error as Error;
    const place = Number(/labels\[(\d+)\]/.exec(message)?.[1] ?? 0);
    const received = /received (-?\d+)$/.exec(message)?.[1];
    if (
      place >= length ||
      (received !== undefined && /labels\[/.test(message) && !isPossible(Number(received), call))
    ) {
      throw new FaultFound("silentDifferences", `${call.operation}, ${call.form}, race: ${message}`);
    }
  }
}

/** Whether the label that an error names can have been in the array. */
function isPossible(label: number, call: ReturnType<typeof randomCall>): boolean {
  // The kernels take some labels as bytes.
  const isWritten = written.some((value) => value === label || (value & 0xff) === label);
  return isWritten || (Number.isInteger(label) && label >= 0 && label < Math.max(2, call.meant.classes));
}
