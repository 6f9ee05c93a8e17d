import { execFile } from "node:child_process";
import { promisify } from "node:util";
import {
  alignmentWeights,
  load,
  type NativeWeightedLossArgs,
  registerTensorFlowOps,
  setCpuIsa,
  setThreads,
  weightedLoss,
} from "@lilaw/native";
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { Random } from "../../packages/core/src/random.js";
import { allLosses, hasAddon, nameOf, newOutputs, noAddon, randomBatch } from "./support.js";

beforeEach(({ skip }) => skip(!hasAddon, noAddon));

const some = (loss = allLosses[0]!, shape = { rows: 65, classes: 19, scale: 3 }) =>
  randomBatch(Random.from(5, "addon"), loss, shape);

/** Takes the memory of an array away from this thread. */
const transfer = (array: Float32Array) => structuredClone(array, { transfer: [array.buffer as ArrayBuffer] });

/** Node with a program that sees the built package as `native`; whole output, or an error with it. */
const node = (program: string, env: Record<string, string> = {}) =>
  promisify(execFile)(
    process.execPath,
    [
      ...["--input-type=module", "-e"],
      `import * as native from ${JSON.stringify(new URL("../dist/index.js", import.meta.url))};\n${program}`,
    ],
    { env: { ...process.env, ...env } },
  );

describe("outputs", () => {
  it("only those asked for, whichever they are", () => {
    const args = some();
    const all = newOutputs(args);
    weightedLoss(args, all);
    for (const name of Object.keys(all) as (keyof typeof all)[]) {
      const one = { [name]: newOutputs(args)[name] };
      weightedLoss(args, one);
      expect(one[name]).toEqual(all[name]);
    }
    expect(weightedLoss(args, {})).toEqual(weightedLoss(args, all));

    const tangents = args.logits.toReversed();
    const alignments = new Float32Array(65);
    const weights = new Float32Array(65);
    const alone = new Float32Array(65);
    alignmentWeights({ ...args, tangents }, { alignments, weights });
    alignmentWeights({ ...args, tangents }, { weights: alone });
    expect(alone).toEqual(weights);
    expect(alignmentWeights({ ...args, tangents }, {})).toEqual({ nonFiniteRows: 0 });
  });

  it.each(allLosses.map((loss) => [nameOf(loss), loss] as const))("%s: gradient in place", (_, loss) => {
    for (const [normalize, classes] of [
      ["none", 19],
      ["batch-mean", 19],
      ["none", 700],
    ] as const) {
      const args = { ...some(loss, { rows: 65, classes, scale: 3 }), normalize };
      // A row whose largest logit is far above its first ones.
      if (classes === 700) args.logits[650] = 100;
      const apart = newOutputs(args);
      const { objective } = weightedLoss(args, apart);
      const logits = args.logits.slice();
      const place = { ...newOutputs(args), gradLogits: logits };
      expect(weightedLoss({ ...args, logits }, place).objective).toBe(objective);
      expect(place).toEqual(apart);
    }
  });

  it("arrays that start anywhere", () => {
    const args = some();
    const wanted = newOutputs(args);
    weightedLoss(args, wanted);
    for (const offset of [1, 2, 3, 5, 7]) {
      const shifted = (array: Float32Array) => {
        const memory = new Float32Array(array.length + offset + 1).fill(-7);
        memory.set(array, offset);
        return { memory, view: memory.subarray(offset, offset + array.length) };
      };
      const { view: logits } = shifted(args.logits);
      const { view: gradLogits, memory } = shifted(wanted.gradLogits.map(() => 0));
      weightedLoss({ ...args, logits }, { gradLogits });
      expect(gradLogits).toEqual(wanted.gradLogits);
      expect([memory[offset - 1], memory.at(-1)]).toEqual([-7, -7]);
    }
  });
});

describe("bad input", () => {
  const good = some();
  const out = newOutputs(good);
  const call =
    (change: object, outputs: object = out) =>
    () =>
      weightedLoss({ ...good, ...change } as NativeWeightedLossArgs, outputs);

  it.each([
    ["logits of another type", call({ logits: new Float64Array(65 * 19) }), "INVALID_ARGUMENT", "logits"],
    [
      "no logits",
      () => (load().binding!.weightedLoss as unknown as (...args: number[]) => void)(65, 19, 0, 0, 0, 0),
      "INVALID_ARGUMENT",
      "logits",
    ],
    ["classes that do not divide", call({ classes: 18 }), "INVALID_ARGUMENT", "rows"],
    ["no classes", call({ classes: 0 }), "INVALID_ARGUMENT", "rows"],
    ["NaN classes", call({ classes: Number.NaN }), "INVALID_ARGUMENT", "rows"],
    ["short labels", call({ labels: new Int32Array(64) }), "LENGTH_MISMATCH", "labels"],
    ["labels of another type", call({ labels: new Uint8Array(65) }), "INVALID_ARGUMENT", "labels"],
    ["a label too large", call({ labels: new Int32Array(65).fill(19) }), "LABEL_OUT_OF_RANGE", "labels[0]"],
    ["a label below 0", call({ labels: new Int32Array(65).fill(-1) }), "LABEL_OUT_OF_RANGE", "labels[0]"],
    ["gamma below 0", call({ loss: { kind: "focal", gamma: -1 } }), "INVALID_ARGUMENT", "gamma"],
    [
      "smoothing of 1",
      call({ loss: { kind: "label-smoothing", smoothing: 1 } }),
      "INVALID_ARGUMENT",
      "smoothing",
    ],
    ["a short output", call({}, { losses: new Float32Array(64) }), "LENGTH_MISMATCH", "losses"],
    [
      "an output of another type",
      call({}, { predictions: new Float32Array(65) }),
      "INVALID_ARGUMENT",
      "predictions",
    ],
    ["terms without params", call({ params: null }), "INVALID_ARGUMENT", "params"],
    ["threads below 0", () => setThreads(-1), "INVALID_ARGUMENT", "threads"],
    ["too many threads", () => setThreads(257), "INVALID_ARGUMENT", "threads"],
    ["an unknown instruction set", () => setCpuIsa("mmx"), "UNSUPPORTED", "instruction set"],
  ])("%s", (_, run, code, name) => {
    const before = structuredClone(out);
    expect(run).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(/^Expected .* for .* but received /) }),
    );
    expect(run).toThrow(name);
    expect(out).toEqual(before);
  });

  it("detached arrays", () => {
    const args = some();
    transfer(args.logits);
    expect(() => weightedLoss(args, {})).toThrow(/Expected/);
    const losses = new Float32Array(65);
    transfer(losses);
    expect(() => weightedLoss(some(), { losses })).toThrow(
      expect.objectContaining({ code: "LENGTH_MISMATCH" }),
    );
  });

  it("LILAW_CPU that cannot run", async () => {
    const program = `try { native.weightedLoss({ logits: new Float32Array(2), labels: new Int32Array(1), classes: 2,
      loss: "cross-entropy", params: null, gradient: "full", normalize: "none" }, {}) }
      catch ({ code, message }) { console.log(code, message) }`;
    const { stdout } = await node(program, { LILAW_CPU: "avx1024" });
    expect(stdout).toMatch(/^UNSUPPORTED Expected .* for LILAW_CPU but received "avx1024"/);
  });

  it("anything at all, in any place, throws or works and never crashes", () => {
    const binding = load().binding!;
    const anything = fc.oneof(
      fc.anything(),
      fc.integer({ min: -3, max: 40 }),
      fc.double(),
      fc.float32Array({ maxLength: 40 }),
      fc.float64Array({ maxLength: 6 }),
      fc.int32Array({ min: -2, max: 8, maxLength: 40 }),
      fc.uint8Array({ max: 2, maxLength: 40 }),
      fc.constantFrom(
        undefined,
        null,
        Symbol("s"),
        2 ** 31,
        2 ** 53,
        new SharedArrayBuffer(8),
        new DataView(new ArrayBuffer(8)),
      ),
    );
    // Arrays that fit each other, so that many calls get far; then some arguments are replaced.
    const call = fc
      .record({
        rows: fc.integer({ min: 1, max: 6 }),
        classes: fc.integer({ min: 1, max: 6 }),
        kind: fc.integer({ min: -1, max: 8 }),
      })
      .chain(({ rows, classes, kind }) => {
        const floats = (n: number) => fc.float32Array({ minLength: n, maxLength: n });
        const ints = fc.int32Array({ min: 0, max: classes - 1, minLength: rows, maxLength: rows });
        const flags = fc.uint8Array({ max: 1, minLength: rows * classes, maxLength: rows * classes });
        const labels = kind === 4 ? flags : kind === 5 ? floats(rows) : ints;
        const parameters = fc.array(fc.double({ min: 0, max: 1 }), { maxLength: 3 });
        const loss = fc.oneof(
          fc.constant(kind),
          parameters.map((values) => Float64Array.of(kind, ...values)),
        );
        const transition = fc.option(floats(classes * classes), { freq: 2 });
        const batch = [rows, classes, loss, floats(rows * classes), labels, transition];
        const params = fc.float64Array({ minLength: 3, maxLength: 3 });
        const rest = {
          weightedLoss: [
            ...[params, 0, 1, floats(rows), floats(rows), floats(rows), floats(rows), floats(rows), ints],
            ...[floats(rows), floats(rows), floats(rows), floats(rows * classes), new Uint8Array(24)],
          ],
          metaGradient: [params, floats(rows), new Uint8Array(56)],
          alignmentWeights: [floats(rows * classes), floats(rows), floats(rows), new Uint8Array(16)],
        };
        const arbitrary = (value: unknown) =>
          value !== null && typeof value === "object" && "generate" in value
            ? (value as fc.Arbitrary<unknown>)
            : fc.constant(value);
        return fc
          .constantFrom(...(Object.keys(rest) as (keyof typeof rest)[]))
          .chain((name) =>
            fc.tuple(
              fc.constant(name),
              fc.tuple(...[...batch, ...rest[name]].map(arbitrary)) as fc.Arbitrary<unknown[]>,
              fc.array(fc.tuple(fc.nat({ max: 24 }), anything), { maxLength: 2 }),
            ),
          );
      });
    let worked = 0;
    fc.assert(
      fc.property(call, ([name, args, changes]) => {
        for (const [at, value] of changes) args[at] = value;
        try {
          (binding[name] as (...args: unknown[]) => void)(...args);
          worked++;
        } catch (error) {
          expect((error as Error).message).toMatch(/^(Expected|Cannot convert)/);
        }
      }),
      { numRuns: 4000, seed: 1 },
    );
    expect(worked).toBeGreaterThan(500);
  });
});

describe("threads of Node", () => {
  const work = `
    const batch = () => ({ logits: new Float32Array(2000 * 100).fill(1), labels: new Int32Array(2000), classes: 100,
      loss: "cross-entropy", params: null, gradient: "full", normalize: "none" });
    native.setThreads(4);
    const out = () => ({ gradLogits: new Float32Array(2000 * 100) });
    const { objective } = native.weightedLoss(batch(), out());
    if (Math.abs(objective - Math.log(100)) > 1e-5) throw new Error("objective " + objective);`;
  const workers = (count: number, then: string) => `
    import { Worker } from "node:worker_threads";
    const source = ${JSON.stringify(`import * as native from ${JSON.stringify(new URL("../dist/index.js", import.meta.url))};`)} + ${JSON.stringify(work)} + ${JSON.stringify(then)};
    const url = new URL("data:text/javascript," + encodeURIComponent(source));
    for (let round = 0; round < 3; round++) {
      await Promise.all(Array.from({ length: ${count} }, () => new Promise((done, failed) => {
        const worker = new Worker(url);
        worker.on("error", failed);
        worker.on("message", () => worker.terminate());
        worker.on("exit", done);
      })));
    }
    console.log("done");`;

  it("workers that load the addon, compute and end; the main thread never does", async () => {
    const program = workers(4, "");
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [
      ...["--input-type=module", "-e", program],
    ]);
    expect({ stdout, stderr }).toEqual({ stdout: "done\n", stderr: "" });
  });

  it("workers that are terminated amid their work", async () => {
    const then = `
      import { parentPort } from "node:worker_threads";
      parentPort.postMessage("go");
      for (;;) native.weightedLoss(batch(), out());`;
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [
      ...["--input-type=module", "-e", workers(3, then)],
    ]);
    expect({ stdout, stderr }).toEqual({ stdout: "done\n", stderr: "" });
  });
});

describe("registerTensorFlowOps", () => {
  it("gives the reason where no TensorFlow is loaded", () => {
    expect(registerTensorFlowOps()).toBe("no TensorFlow is loaded in this process");
  });

  it("gives a reason, and loadTensorFlowQuietly loads, where there is no addon", async () => {
    const program = "console.log(native.registerTensorFlowOps(), native.loadTensorFlowQuietly(() => 7));";
    const { stdout, stderr } = await node(program, { LILAW_NATIVE_PATH: "/nowhere/lilaw.node" });
    expect({ stdout, stderr }).toEqual({ stdout: "@lilaw/native has no addon here 7\n", stderr: "" });
  });
});
