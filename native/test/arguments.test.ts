/** Arguments that lie upon each other, that run code while they are read, and that are nothing of the kind. */
import { execFileSync } from "node:child_process";
import {
  alignmentWeights,
  metaGradient,
  type NativeParams,
  setCpuIsa,
  setThreads,
  weightedLoss,
} from "@lilaw/native";
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { Random } from "../../packages/core/src/random.js";
import { allLosses, hasAddon, newOutputs, noAddon, randomBatch } from "./support.js";

beforeEach(({ skip }) => skip(!hasAddon, noAddon));

const rows = 12;
const classes = 5;
const some = () => randomBatch(Random.from(5, "arguments"), allLosses[0]!, { rows, classes, scale: 3 });

describe("outputs that overlap", () => {
  const args = { ...some(), sampleWeights: new Float32Array(rows).fill(1) };
  const floats = new Float32Array(rows);
  const refused = (output: string, other: string) =>
    expect.objectContaining({
      code: "INVALID_ARGUMENT",
      message: `Expected memory apart from ${other} for ${output} but received arrays that overlap`,
    });

  it.each<[string, object, string, string]>([
    ["one array twice", { losses: floats, weights: floats }, "losses", "weights"],
    ["a part of another", { losses: args.logits.subarray(3, 3 + rows), weights: floats }, "losses", "logits"],
    ["the labels", { predictions: args.labels }, "predictions", "labels"],
    ["sample weights", { weights: args.sampleWeights }, "weights", "sampleWeights"],
    [
      "the gradient",
      { maxProbs: floats, gradLogits: args.logits, labelProbs: floats },
      "labelProbs",
      "maxProbs",
    ],
  ])("%s", (_, out, output, other) => {
    const before = structuredClone({ args, out });
    expect(() => weightedLoss(args, out)).toThrow(refused(output, other));
    expect({ args, out }).toEqual(before);
  });

  it("of alignmentWeights", () => {
    const tangents = args.logits.slice();
    const out = { alignments: floats, weights: floats };
    expect(() => alignmentWeights({ ...args, tangents }, out)).toThrow(refused("alignments", "weights"));
    expect(() => alignmentWeights({ ...args, tangents }, { weights: tangents.subarray(0, rows) })).toThrow(
      refused("weights", "tangents"),
    );
  });

  it("the gradient over a part of the logits, but not in their place", () => {
    const memory = new Float32Array(2 * rows * classes);
    const logits = memory.subarray(0, rows * classes);
    for (const start of [1, classes, rows * classes - 1]) {
      const gradLogits = memory.subarray(start, start + rows * classes);
      expect(() => weightedLoss({ ...args, logits }, { gradLogits })).toThrow(
        refused("gradLogits", "logits"),
      );
    }
    weightedLoss({ ...args, logits }, { gradLogits: memory.subarray(rows * classes) });
    weightedLoss({ ...args, logits }, { gradLogits: logits });
  });

  it("any places in one memory: refused exactly where they overlap", () => {
    const place = fc.integer({ min: 0, max: 150 });
    fc.assert(
      fc.property(place, place, place, place, fc.boolean(), (a, b, c, d, asks) => {
        const memory = new Float32Array(220);
        const at = (start: number, length: number) => memory.subarray(start, start + length);
        const logits = at(a, rows * classes);
        const out = {
          losses: at(b, rows),
          weights: at(c, rows),
          ...(asks && { gradLogits: at(d, rows * classes) }),
        };
        const spans: [start: number, length: number, output: boolean][] = [
          ...([
            [a, rows * classes, false],
            [b, rows, true],
            [c, rows, true],
          ] as const),
          ...(asks ? ([[d, rows * classes, true]] as const) : []),
        ].map(([start, length, output]) => [start, length, output]);
        const inPlace = (i: number, j: number) => i + j === 3 && i * j === 0 && a === d;
        const overlaps = spans.some(([p, n, output], i) =>
          spans.some(([q, m], j) => output && i !== j && p < q + m && q < p + n && !inPlace(i, j)),
        );
        const call = () => weightedLoss({ ...some(), logits }, out);
        if (overlaps) expect(call).toThrow(/^Expected memory apart from/);
        else expect(call).not.toThrow();
      }),
      { numRuns: 2000 },
    );
  });
});

it("a name on Object.prototype is no argument", () => {
  const args = { ...some(), params: { alpha: 10, beta: 2, delta: 6 } };
  const [loss, step] = [weightedLoss(args, {}), metaGradient(args)];
  const shared = Object.prototype as { sampleWeights?: unknown; coefficients?: unknown };
  shared.sampleWeights = new Float32Array(rows).fill(3);
  shared.coefficients = shared.sampleWeights;
  try {
    expect([weightedLoss(args, {}), metaGradient(args)]).toEqual([loss, step]);
  } finally {
    delete shared.sampleWeights;
    delete shared.coefficients;
  }
});

it("a proxy of logits is refused with a code, a long text in a short message", () => {
  const args = { ...some(), params: null };
  const refused = expect.objectContaining({ code: "INVALID_ARGUMENT" });
  expect(() => weightedLoss({ ...args, logits: new Proxy(args.logits, {}) }, {})).toThrow(refused);
  const { proxy, revoke } = Proxy.revocable({ kind: "focal", gamma: 2 } as const, {});
  revoke();
  expect(() => weightedLoss({ ...args, loss: proxy }, {})).toThrow(refused);
  const long = { ...args, loss: "x".repeat(1e5) as never };
  expect(() => weightedLoss(long, {})).toThrow(/^.{1,500}$/);
  const text = { ...args, logits: "é".repeat(1e5) as never };
  expect(() => weightedLoss(text, {})).toThrow(/^Expected .{1,100} but received é{149}$/);
});

it("a gradient whose factor is beyond float32 has no NaN", () => {
  const logits = Float32Array.of(0, -3e38, 1, -3e38);
  const gradLogits = new Float32Array(4);
  const args = { ...some(), logits, labels: Int32Array.of(1), classes: 4 };
  weightedLoss({ ...args, sampleWeights: Float32Array.of(-3e38) }, { gradLogits });
  expect(gradLogits.some(Number.isNaN)).toBe(false);
  expect(Math.abs(gradLogits[3]!)).toBe(0);
});

it("a gradient below the normal floats keeps its digits where a long row rises far above its first logits", () => {
  const classes = 459;
  const logits = Float32Array.from({ length: classes }, (_, k) => (k === 407 ? 36 : k === 41 ? 37 : 0));
  const gradLogits = new Float32Array(classes);
  const args = { ...some(), logits, labels: Int32Array.of(30), classes, params: null } as const;
  weightedLoss({ ...args, sampleWeights: Float32Array.of(1e-39) }, { gradLogits });
  const exact = (1 / (1 + Math.E)) * Math.fround(1e-39);
  expect(Math.abs(gradLogits[407]! - exact)).toBeLessThan(2 ** -148);
});

it("a gradient whose factor is infinite is NaN, however small the probability", () => {
  const logits = Float32Array.of(0, -3e38, 1, -3e38);
  const gradLogits = new Float32Array(4);
  const args = { ...some(), logits, labels: Int32Array.of(1), classes: 4, gradient: "detached" } as const;
  const loss = { kind: "label-smoothing", smoothing: 0.1 } as const;
  weightedLoss({ ...args, loss, sampleWeights: Float32Array.of(Number.NEGATIVE_INFINITY) }, { gradLogits });
  expect(gradLogits.every(Number.isNaN)).toBe(true);
});

describe("arguments that make calls of their own while they are read", () => {
  const other = { ...some(), params: { alpha: 1, beta: -3, delta: 0.5 } };

  /** The object with one property that calls in before it gives its value. */
  function calling<T extends object>(whole: T, name: keyof T, call: () => void): T {
    const value = whole[name];
    return Object.defineProperty({ ...whole }, name, {
      enumerable: true,
      get: () => {
        call();
        return value;
      },
    });
  }

  it("every property of weightedLoss", () => {
    const args = { ...some(), loss: { kind: "focal", gamma: 2 } as const, normalize: "batch-mean" as const };
    const wanted = newOutputs(args);
    const scalars = weightedLoss(args, wanted);
    const call = () => void weightedLoss(other, {});
    const params = args.params as NativeParams;
    const check = (given: typeof args, out: ReturnType<typeof newOutputs>) => {
      expect(weightedLoss(given, out)).toEqual(scalars);
      expect({ ...out }).toEqual(wanted);
    };
    for (const name of Object.keys(args) as (keyof typeof args)[]) {
      check(calling(args, name, call), newOutputs(args));
    }
    for (const name of ["alpha", "beta", "delta"] as const) {
      check({ ...args, params: calling(params, name, call) }, newOutputs(args));
    }
    for (const name of ["kind", "gamma"] as const) {
      check({ ...args, loss: calling(args.loss, name, call) }, newOutputs(args));
    }
    for (const name of Object.keys(wanted) as (keyof typeof wanted)[]) {
      check(args, calling(newOutputs(args), name, call));
    }
  });

  it("metaGradient and alignmentWeights", () => {
    const args = { ...some(), params: { alpha: 10, beta: 2, delta: 6 } };
    const wanted = metaGradient(args);
    for (const name of ["alpha", "beta", "delta"] as const) {
      const params = calling(args.params, name, () => void metaGradient(other));
      expect(metaGradient({ ...args, params })).toEqual(wanted);
    }
    for (const name of ["loss", "classes", "coefficients"] as const) {
      const given = calling({ ...args, coefficients: undefined }, name, () => void metaGradient(other));
      expect(metaGradient(given)).toEqual(wanted);
    }
    const bad = { ...other, logits: other.logits.map(() => Number.NaN) };
    const tangents = args.logits.toReversed();
    const call = () => void alignmentWeights({ ...bad, tangents }, {});
    expect(alignmentWeights(calling({ ...args, tangents }, "tangents", call), {})).toEqual({
      nonFiniteRows: 0,
    });
  });

  it("a number that is computed when it is needed is none", () => {
    const computed = {
      valueOf: () => {
        weightedLoss(other, {});
        return 10;
      },
    };
    for (const name of ["alpha", "beta", "delta"]) {
      const params = { alpha: 10, beta: 2, delta: 6, [name]: computed } as unknown as NativeParams;
      const refused = expect.objectContaining({
        code: "INVALID_ARGUMENT",
        message: `Expected a number for params.${name} but received an object`,
      });
      expect(() => weightedLoss({ ...some(), params }, {})).toThrow(refused);
    }
  });
});

describe("errors have a code", () => {
  const junk: unknown[] = [undefined, null, 7, "text", 5n, Symbol("s"), {}, [], () => 0, Number.NaN];
  const properties = [
    "logits",
    "labels",
    "classes",
    "loss",
    "params",
    "sampleWeights",
    "tangents",
    "coefficients",
  ];
  const operations = [
    ["weightedLoss", weightedLoss],
    ["metaGradient", metaGradient],
    ["alignmentWeights", alignmentWeights],
  ] as [string, (...args: unknown[]) => unknown][];

  it.each(operations)("%s", (_, operation) => {
    const whole = { ...some(), tangents: new Float32Array(rows * classes) };
    const calls = junk.flatMap((value): unknown[][] => [
      [value, {}],
      [whole, value],
      ...properties.map((name) => [{ ...whole, [name]: value }, {}]),
      ...["losses", "weights", "predictions", "gradLogits"].map((name) => [whole, { [name]: value }]),
      ...["alpha", "beta", "delta"].map((name) => [
        { ...whole, params: { ...whole.params, [name]: value } },
        {},
      ]),
      ...["gamma", "kind"].map((name) => [
        { ...whole, loss: { kind: "focal", gamma: 1, [name]: value } },
        {},
      ]),
    ]);
    const coded = expect.objectContaining({
      code: expect.stringMatching(/^[A-Z_]+$/),
      message: expect.stringMatching(/^Expected .* for .* but received /),
    });
    let refused = 0;
    for (const call of calls) {
      try {
        operation(...call);
      } catch (error) {
        refused++;
        expect(error).toEqual(coded);
      }
    }
    expect(refused).toBeGreaterThan(calls.length / 3);
  });

  it.each([1.5, Number.NaN, 2 ** 32, -(2 ** 32), "2", null, {}])("setThreads(%j)", (count) => {
    expect(() => setThreads(count as number)).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
  });

  it.each([5, null, {}])("setCpuIsa(%j)", (name) => {
    expect(() => setCpuIsa(name as never)).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
  });
});

describe("LILAW_CPU", () => {
  it("a name that there is not: the first use of the kernels throws, with the names there are", () => {
    const dist = JSON.stringify(new URL("../dist/index.js", import.meta.url));
    const program = `
      const { cpuIsa, diagnose, describe, load, metaGradient } = await import(${dist});
      const told = (call) => { try { return call(); } catch ({ code, message }) { return { code, message }; } };
      const batch = { logits: new Float32Array(2), labels: new Int32Array(1), classes: 2, loss: "cross-entropy" };
      console.log(JSON.stringify([
        load().binding !== null,
        told(() => cpuIsa()),
        told(() => metaGradient({ ...batch, params: { alpha: 10, beta: 2, delta: 6 } })),
        diagnose().cpu,
        describe(diagnose()),
      ]));`;
    const output = execFileSync(process.execPath, ["--input-type=module", "-e", program], {
      env: { ...process.env, LILAW_CPU: "typo" },
      encoding: "utf8",
    });
    const [loads, isa, call, cpu, lines] = JSON.parse(output);
    const message = expect.stringMatching(
      /^Expected (avx512, avx2 or sse2|neon|baseline).* for LILAW_CPU but received "typo"$/,
    );
    expect([loads, isa, call]).toEqual([
      true,
      { code: "UNSUPPORTED", message },
      { code: "UNSUPPORTED", message },
    ]);
    expect(cpu).toEqual({ reason: message });
    expect(lines).toMatch(/^cpu kernels {2}none: Expected .* for LILAW_CPU but received "typo"$/m);
  });
});
