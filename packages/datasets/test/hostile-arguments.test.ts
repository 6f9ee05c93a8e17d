import { join } from "node:path";
import { LilawError } from "@lilaw/core";
import { answer, anything, mostly } from "@lilaw/testing";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import {
  balancedRows,
  batches,
  datasetNames,
  injectNoise,
  loadDataset,
  type Noise,
  parseNoise,
  type Samples,
  splitSamples,
  takeSamples,
} from "../src/index.js";

const labels = fc.array(fc.nat(5), { maxLength: 30 }).map((list) => Int32Array.from(list));
const extremes = fc
  .array(fc.constantFrom(0, 1, 2, -1, 2 ** 31 - 1, -(2 ** 31)), { maxLength: 8 })
  .map((list) => Int32Array.from(list));
const anyLabels = mostly(fc.oneof(labels, extremes));
const count = fc.oneof(fc.nat(40), fc.constantFrom(2 ** 31 - 1, 2 ** 40, 2 ** 53 - 1));
const seed = mostly(fc.integer());

const runs = { numRuns: 3000 };

describe("hostile arguments get a right answer or an error with a code:", () => {
  it("parseNoise", () => {
    const text = fc.oneof(
      fc.string(),
      fc
        .array(
          fc.constantFrom(
            ...[
              "none",
              "symmetric",
              "instance",
              "background",
              "asymmetric",
              ":",
              ",",
              "=",
              "+",
              "1",
              "0.5",
              "1e-3",
            ],
            ...["-", "0x1", "99999", "NaN", " ", "\u0000", "__proto__"],
          ),
          { maxLength: 9 },
        )
        .map((parts) => parts.join("")),
    );
    fc.assert(
      fc.property(mostly(text), (noise) => {
        const parsed = answer(() => parseNoise(noise as string));
        if (parsed === undefined || parsed.kind === "none") return;
        expect(parsed.rate).toBeGreaterThanOrEqual(0);
        expect(parsed.rate).toBeLessThanOrEqual(1);
        answer(() => injectNoise(Int32Array.of(0, 1, 2, 1), 3, parsed, 1));
      }),
      runs,
    );
  });

  it("injectNoise", () => {
    const cells = fc.array(fc.oneof(fc.constantFrom(0, 1, 0.5, Number.NaN), fc.double()), { maxLength: 9 });
    const noise = fc.record(
      {
        kind: mostly(
          fc.constantFrom(
            ...[
              "none",
              "symmetric",
              "uniform",
              "pair-flip",
              "adjacent",
              "asymmetric",
              "background",
              "instance",
            ],
          ),
        ),
        rate: mostly(fc.double({ min: 0, max: 1, noNaN: true })),
        matrix: mostly(
          fc.oneof(
            cells.map((list) => Float64Array.from(list)),
            fc.constant(undefined),
          ),
        ),
        background: mostly(fc.nat(6)),
        rules: mostly(fc.array(mostly(fc.array(fc.nat(6), { maxLength: 3 })), { maxLength: 4 })),
      },
      { requiredKeys: ["kind"] },
    );
    const classes = mostly(
      fc.oneof(fc.integer({ min: 1, max: 6 }), fc.constantFrom(0, -1, 2 ** 31, 2 ** 53 - 1)),
    );
    fc.assert(
      fc.property(anyLabels, classes, mostly(noise), seed, (given, classes, noise, seed) => {
        const before = given instanceof Int32Array ? given.slice() : undefined;
        const noisy = answer(() =>
          injectNoise(given as Int32Array, classes as number, noise as Noise, seed as number),
        );
        if (noisy === undefined) return;
        expect(given).toEqual(before);
        const size = classes as number;
        expect(noisy.labels.every((label) => label >= 0 && label < size)).toBe(true);
        for (let from = 0; from < size; from++) {
          const row = noisy.transitionMatrix.subarray(from * size, (from + 1) * size);
          expect(row.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 5);
        }
      }),
      runs,
    );
  });

  it("splitSamples", () => {
    const options = fc.record(
      {
        seed,
        fraction: mostly(fc.double({ min: 0, max: 1 })),
        count: mostly(count),
        stratified: mostly(fc.boolean()),
        classNames: mostly(fc.array(fc.string())),
      },
      { requiredKeys: ["seed"] },
    );
    fc.assert(
      fc.property(mostly(fc.record({ labels: anyLabels })), mostly(options), (samples, options) => {
        const split = answer(() => splitSamples(samples as never, options as never));
        if (split === undefined) return;
        const rows = [...split.kept, ...split.heldOut].sort((a, b) => a - b);
        expect(rows).toEqual([...(samples as Samples).labels.keys()]);
        expect(Math.min(split.kept.length, split.heldOut.length)).toBeGreaterThan(0);
      }),
      runs,
    );
  });

  it("takeSamples", () => {
    const samples = fc.nat(4).chain((count) =>
      fc.record(
        {
          count: mostly(fc.constant(count)),
          shape: mostly(fc.constantFrom([2], [1, 2], [], [0])),
          features: mostly(fc.constantFrom(new Float32Array(2 * count), new Float32Array(count))),
          labels: mostly(fc.constant(new Int32Array(count))),
          rows: mostly(fc.constant(new Int32Array(count))),
          lines: mostly(fc.constant(new Int32Array(count))),
        },
        { requiredKeys: ["count", "shape", "features", "labels"] },
      ),
    );
    fc.assert(
      fc.property(mostly(samples), anyLabels, (samples, rows) => {
        const taken = answer(() => takeSamples(samples as Samples, rows as Int32Array));
        if (taken === undefined) return;
        const width = taken.shape.reduce((a, b) => a * b, 1);
        expect(taken.features).toHaveLength(taken.count * width);
        for (const list of [taken.labels, taken.rows, taken.lines ?? taken.labels])
          expect(list).toHaveLength(taken.count);
      }),
      runs,
    );
  });

  it("balancedRows", () => {
    fc.assert(
      fc.property(
        anyLabels,
        mostly(count),
        mostly(count),
        seed,
        mostly(fc.constant(undefined)),
        (labels, classes, perClass, seed, names) => {
          const rows = answer(() =>
            balancedRows(
              ...([labels, classes, perClass, seed, names] as never[] as [never, never, never, never]),
            ),
          );
          if (rows === undefined) return;
          expect(rows).toHaveLength((classes as number) * (perClass as number));
          expect(new Set(rows).size).toBe(rows.length);
        },
      ),
      runs,
    );
  });

  it("batches", () => {
    const size = fc.oneof(fc.nat(300), fc.constantFrom(2 ** 31, 2 ** 40, 2 ** 53 - 1));
    fc.assert(
      fc.property(mostly(size), mostly(count), seed, mostly(fc.nat()), (total, size, seed, epoch) => {
        const parts = answer(() => [
          ...batches(total as number, size as number, seed as number, epoch as number),
        ]);
        if (parts === undefined) return;
        const rows = parts.flatMap((part) => [...part]).sort((a, b) => a - b);
        expect(rows).toEqual([...new Array(total).keys()]);
      }),
      runs,
    );
  });

  it("loadDataset", async () => {
    vi.stubEnv("LILAW_DATA", "");
    vi.stubEnv("LILAW_CACHE", join(import.meta.dirname, "no-such-folder"));
    const options = fc.record(
      { dataDir: anything, cacheDir: anything, signal: anything, onProgress: anything },
      { requiredKeys: [] },
    );
    // Debian's package puts Fashion-MNIST into a folder that is searched whatever the options are.
    const names = datasetNames.filter((name) => name !== "fashion-mnist");
    const loading = fc.asyncProperty(
      mostly(fc.constantFrom(...names)),
      mostly(options),
      async (name, options) => {
        const given =
          typeof options === "object" && options !== null ? { ...options, offline: true } : options;
        const error = await loadDataset(
          (given === undefined ? "mnits" : name) as string,
          given as never,
        ).catch((caught: unknown) => caught);
        expect(error).toBeInstanceOf(LilawError);
      },
    );
    await fc.assert(loading, { numRuns: 500 });
    vi.unstubAllEnvs();
  });
});

describe("time grows no faster than the input:", () => {
  it("one label of two thousand million classes is refused at once", () => {
    const far = Int32Array.of(0, 0, 2 ** 31 - 1, 2 ** 31 - 1);
    const empty = expect.objectContaining({
      code: "EMPTY_CLASS",
      message: expect.stringContaining("class 1 "),
    });
    expect(() => splitSamples({ labels: far }, { count: 2, stratified: true, seed: 1 })).toThrow(empty);
    expect(() => balancedRows(far, 2 ** 31, 1, 1)).toThrow(empty);
  });

  // Searching all classes for each sample would take minutes here.
  it("two hundred thousand classes of three samples are split", { timeout: 20_000 }, () => {
    const classes = 200_000;
    const all = Int32Array.from({ length: 3 * classes }, (_, row) => row % classes);
    const { heldOut } = splitSamples({ labels: all }, { fraction: 0.5, stratified: true, seed: 1 });
    const held = new Uint8Array(classes);
    for (const row of heldOut) held[row % classes]! += 1;
    expect(held.every((size) => size === 1 || size === 2)).toBe(true);
  });
});

describe("what is told to people:", () => {
  it.each([
    ["asymmetric:0.3", 2],
    ["pair-flip:0.3", 2],
    ["adjacent:0.3", 2],
    ["adjacent:0.3", 3],
    ["instance:0.3:0=1,1=0", 2],
  ])("%s with %i classes is noted as symmetric, and is", (text, classes) => {
    const labels = Int32Array.from({ length: 60 }, (_, row) => row % classes);
    const noisy = injectNoise(labels, classes, parseNoise(text), 1);
    const kind = text.split(":")[0];
    expect(noisy.note).toBe(`with ${classes} classes this ${kind} noise is the symmetric one`);
    const symmetric = injectNoise(labels, classes, { kind: "symmetric", rate: 0.3 }, 1);
    expect(noisy).toEqual({ ...symmetric, note: noisy.note });
  });

  it.each([
    ["symmetric:0.3", 2],
    ["asymmetric:0.3", 3],
    ["uniform:0.3", 2],
    ["background:0.3", 2],
    ["none", 2],
    ["none", 1],
    ["uniform:0.3", 1],
  ])("%s with %i classes has no note", (text, classes) => {
    expect(injectNoise(new Int32Array(5), classes, parseNoise(text), 1)).not.toHaveProperty("note");
  });

  it("classes by index and name", () => {
    const labels = Int32Array.of(0, 0, 1, 1, 2);
    const classNames = ["setosa", "versicolor", "virginica"];
    expect(() => splitSamples({ labels }, { count: 3, stratified: true, classNames, seed: 1 })).toThrow(
      "Expected at least 2 samples for a stratified split for class 2 (virginica) but received 1",
    );
    expect(() => balancedRows(labels, 3, 2, 1, classNames)).toThrow(
      "Expected at least 2 samples for class 2 (virginica) but received 1",
    );
    expect(() => balancedRows(labels, 3, 2, 1)).toThrow("for class 2 but received 1");
  });

  it.each(["symmetric:0x1", "symmetric: ", "instance:0.5:1=2,1=3", "symmetric:1_0"])(
    "%s is not read as something else",
    (text) => {
      expect(() => parseNoise(text)).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
    },
  );

  it("features that do not fit their count are refused, not filled up with zeros", () => {
    const samples = { features: new Float32Array(3), labels: new Int32Array(2), count: 2, shape: [2] };
    expect(() => takeSamples(samples, Int32Array.of(1))).toThrow(
      expect.objectContaining({ code: "LENGTH_MISMATCH" }),
    );
  });
});
