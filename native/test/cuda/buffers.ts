/** Buffers: what they hold, their slices, and the end of their memory. */
import { spawnSync } from "node:child_process";
import { DeviceBuffer, type DeviceDtype, deviceMemory, Stream, weightedLossCuda } from "@lilaw/native";
import { describe, expect, it } from "vitest";
import { code, collected, make, onDevice, some, toDevice, usedBytes } from "./support.js";

describe("buffers", () => {
  it("take and give what they hold", () => {
    const arrays = {
      float32: Float32Array.of(1, -0.5, Number.NaN),
      float16: Uint16Array.of(1, 2, 65535),
      bfloat16: Uint16Array.of(1, 2, 65535),
      float64: Float64Array.of(1e300, -0, 3),
      int32: Int32Array.of(-1, 0, 2 ** 31 - 1),
      uint8: Uint8Array.of(0, 1, 255),
    };
    for (const [dtype, array] of Object.entries(arrays) as [DeviceDtype, Float32Array][]) {
      const buffer = onDevice(dtype, array as never);
      expect([buffer.dtype, buffer.length]).toEqual([dtype, 3]);
      expect(buffer.download()).toEqual(array);
      const out = array.slice().fill(7);
      expect(buffer.download(out as never)).toBe(out);
      expect(out).toEqual(array);
    }
  });

  it("slices are views, and outlive the whole", () => {
    const whole = onDevice(
      "int32",
      Int32Array.from({ length: 10 }, (_, i) => i),
    );
    const used = usedBytes();
    const middle = whole.slice(2, 6);
    const inner = middle.slice(1, 3);
    expect(usedBytes()).toBe(used);
    inner.upload(Int32Array.of(-3, -4));
    expect([...whole.download()]).toEqual([0, 1, 2, -3, -4, 5, 6, 7, 8, 9]);
    whole.dispose();
    middle.dispose();
    expect([...inner.download()]).toEqual([-3, -4]);
    expect(usedBytes()).toBe(used);
    inner.dispose();
    expect(usedBytes()).toBe(used - 40);
  });

  it("a batch may be a slice of a data set", () => {
    const args = some();
    const there = toDevice(args);
    weightedLossCuda(there.args, there.out);
    const wanted = there.out.losses.download();
    const labels = onDevice("int32", args.labels as Int32Array).slice(7, 20);
    const batch = { logits: there.batch.logits.slice(7 * 19, 20 * 19), labels };
    const losses = make("float32", 65);
    weightedLossCuda({ ...there.args, ...batch }, { result: there.out.result, losses: losses.slice(30, 43) });
    expect(losses.slice(30, 43).download()).toEqual(wanted.slice(7, 20));
  });

  it("give back all memory: disposed, at the end of a block, or collected", async () => {
    // Buffers that other tests did not dispose
    await collected(() => false);
    const used = usedBytes();
    {
      using stream = Stream.create();
      using buffer = DeviceBuffer.create("float64", 1000);
      buffer.upload(new Float64Array(1000), stream);
      expect(usedBytes()).toBeGreaterThanOrEqual(used + 8000);
    }
    expect(usedBytes()).toBe(used);
    const buffer = DeviceBuffer.create("uint8", 10);
    for (let i = 0; i < 2; i++) buffer.dispose();
    expect(usedBytes()).toBe(used);

    (() => void DeviceBuffer.create("uint8", 1 << 20).slice(1))();
    expect(usedBytes()).toBe(used + (1 << 20));
    await collected(() => usedBytes() === used);
    expect(usedBytes()).toBe(used);
  });

  it("that do not fit are refused", () => {
    const used = usedBytes();
    const { totalBytes } = deviceMemory();
    expect(() => DeviceBuffer.create("float32", totalBytes)).toThrow(code("OUT_OF_MEMORY"));
    expect(usedBytes()).toBe(used);
  });
});

it("a process and its workers end with buffers, streams and graphs alive, and work queued", () => {
  const worker = `
    import { DeviceBuffer, DeviceResult, Stream, weightedLossCuda } from ${JSON.stringify(new URL("../../dist/index.js", import.meta.url))};
    import { parentPort } from "node:worker_threads";
    const stream = Stream.create();
    const losses = DeviceBuffer.create("float32", 1000).slice(10);
    const logits = DeviceBuffer.create("float32", 990).upload(new Float32Array(990), stream);
    const labels = DeviceBuffer.create("int32", 990).upload(new Int32Array(990), stream);
    const args = { logits, labels, classes: 1, loss: "binary", params: null, gradient: "full", normalize: "none" };
    const out = { result: DeviceResult.ofWeightedLoss(), losses };
    const graph = stream.capture(() => weightedLossCuda(args, out, stream));
    for (let i = 0; i < 10; i++) graph.launch();
    globalThis.kept = [stream, graph, out];
    parentPort?.postMessage("go");`;
  const program = `${worker}
    import { Worker } from "node:worker_threads";
    const url = new URL("data:text/javascript," + encodeURIComponent(${JSON.stringify(worker)}));
    for (let round = 0; round < 3; round++) {
      await new Promise((done, failed) => {
        const worker = new Worker(url);
        worker.on("error", failed);
        worker.on("message", () => worker.terminate());
        worker.on("exit", done);
      });
    }
    const { deviceMemory } = await import(${JSON.stringify(new URL("../../dist/index.js", import.meta.url))});
    const { freeBytes, totalBytes } = deviceMemory();
    console.log(totalBytes - freeBytes);`;
  const { status, stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", program], {
    encoding: "utf8",
  });
  // Sanitizers say of the shim's fibres that they do not know them.
  const complaints = stderr.replace(/^.*makecontext\/swapcontext.*\n/m, "");
  // The memory of the workers is free; the main thread still has three buffers and the workspace of a stream.
  expect({ status, complaints }).toEqual({ status: 0, complaints: "" });
  expect(Number(stdout)).toBeGreaterThan(12_000);
  expect(Number(stdout)).toBeLessThan(16_000);
});
