import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { injectNoise, type Noise, parseNoise } from "../src/index.js";

const coded = (code: string) => expect.objectContaining({ code });
const sum = (values: Iterable<number>) => [...values].reduce((a, b) => a + b, 0);
const rowsOf = (matrix: Float64Array, classes: number) =>
  Array.from({ length: classes }, (_, from) => matrix.subarray(from * classes, (from + 1) * classes));

const rate = fc.double({ min: 0, max: 1, noNaN: true });

/** Labels of 2 to 6 classes, not all of which need occur. */
const labelled = fc.integer({ min: 2, max: 6 }).chain((classes) =>
  fc.record({
    classes: fc.constant(classes),
    labels: fc.array(fc.nat(classes - 1), { maxLength: 80 }).map((labels) => Int32Array.from(labels)),
    seed: fc.integer(),
  }),
);

const anyNoise = fc.oneof(
  fc.constant<Noise>({ kind: "none" }),
  fc.record({
    kind: fc.constantFrom("symmetric", "uniform", "pair-flip", "adjacent", "asymmetric", "background"),
    rate,
  }) as fc.Arbitrary<Noise>,
  fc.record({ kind: fc.constant("instance" as const), rate, rules: fc.constant([[1], [], []].slice(0, 2)) }),
);

/** The kinds that change every chosen label. */
const exactNoise = fc.record({
  kind: fc.constantFrom("symmetric", "pair-flip", "adjacent", "asymmetric"),
  rate,
}) as fc.Arbitrary<Extract<Noise, { kind: "symmetric" }>>;

describe("injectNoise", () => {
  it("flags exactly the labels that differ, and changes nothing it was given", () => {
    fc.assert(
      fc.property(labelled, anyNoise, ({ labels, classes, seed }, noise) => {
        const before = labels.slice();
        const noisy = injectNoise(labels, classes, noise, seed);
        expect(labels).toEqual(before);
        expect([...noisy.flags]).toEqual([...labels].map((label, i) => Number(label !== noisy.labels[i])));
        expect(noisy.rate).toBeCloseTo(labels.length === 0 ? 0 : sum(noisy.flags) / labels.length, 12);
        expect(noisy.labels.every((label) => label >= 0 && label < classes)).toBe(true);
      }),
    );
  });

  it("changes exactly round(rate * n) labels where every chosen label changes", () => {
    fc.assert(
      fc.property(labelled, exactNoise, ({ labels, classes, seed }, noise) => {
        const { flags } = injectNoise(labels, classes, noise, seed);
        expect(sum(flags)).toBe(Math.round(noise.rate * labels.length));
      }),
    );
  });

  it("never changes more than round(rate * n) labels where a chosen label may stay", () => {
    fc.assert(
      fc.property(labelled, rate, ({ labels, classes, seed }, rate) => {
        const { flags } = injectNoise(labels, classes, { kind: "uniform", rate }, seed);
        expect(sum(flags)).toBeLessThanOrEqual(Math.round(rate * labels.length));
      }),
    );
  });

  it("gives matrices whose rows are distributions, the realised one being the counts", () => {
    fc.assert(
      fc.property(labelled, anyNoise, ({ labels, classes, seed }, noise) => {
        const noisy = injectNoise(labels, classes, noise, seed);
        for (const row of rowsOf(noisy.transitionMatrix, classes)) expect(sum(row)).toBeCloseTo(1, 10);
        rowsOf(noisy.realisedMatrix, classes).forEach((row, from) => {
          const members = [...labels.keys()].filter((i) => labels[i] === from);
          const shares = Array.from(row, (_, to) => members.filter((i) => noisy.labels[i] === to).length);
          expect([...row]).toEqual(
            shares.map((share) => (members.length === 0 ? 0 : share / members.length)),
          );
        });
      }),
    );
  });

  it("depends on the seed alone", () => {
    fc.assert(
      fc.property(labelled, anyNoise, ({ labels, classes, seed }, noise) => {
        expect(injectNoise(labels, classes, noise, seed)).toEqual(injectNoise(labels, classes, noise, seed));
      }),
    );
    const labels = new Int32Array(200);
    const noise: Noise = { kind: "symmetric", rate: 0.5 };
    expect(injectNoise(labels, 10, noise, 1).flags).not.toEqual(injectNoise(labels, 10, noise, 2).flags);
    // With every sample chosen, only the new labels can differ.
    const all: Noise = { kind: "symmetric", rate: 1 };
    const drawn = (seed: number) => injectNoise(labels, 10, all, seed).labels.sort();
    expect(drawn(1)).not.toEqual(drawn(2));
    const rows: Noise = { kind: "asymmetric", rate: 1 };
    const matrix = (seed: number) => injectNoise(labels, 10, rows, seed).transitionMatrix;
    expect(matrix(1)).not.toEqual(matrix(2));
  });

  it("says whether the nominal matrix is diagonally dominant", () => {
    fc.assert(
      fc.property(labelled, anyNoise, ({ labels, classes, seed }, noise) => {
        const { transitionMatrix, diagonallyDominant } = injectNoise(labels, classes, noise, seed);
        const dominant = rowsOf(transitionMatrix, classes).every((row, from) =>
          row.every((value, to) => to === from || value < row[from]!),
        );
        expect(diagonallyDominant).toBe(dominant);
      }),
    );
  });

  const balanced = Int32Array.from({ length: 40_000 }, (_, i) => i % 4);
  const nominal: [Noise, number[][], boolean][] = [
    [
      { kind: "none" },
      [
        [1, 0, 0, 0],
        [0, 1, 0, 0],
        [0, 0, 1, 0],
        [0, 0, 0, 1],
      ],
      true,
    ],
    [
      { kind: "symmetric", rate: 0.6 },
      [
        [0.4, 0.2, 0.2, 0.2],
        [0.2, 0.4, 0.2, 0.2],
        [0.2, 0.2, 0.4, 0.2],
        [0.2, 0.2, 0.2, 0.4],
      ],
      true,
    ],
    [
      { kind: "uniform", rate: 0.8 },
      [
        [0.4, 0.2, 0.2, 0.2],
        [0.2, 0.4, 0.2, 0.2],
        [0.2, 0.2, 0.4, 0.2],
        [0.2, 0.2, 0.2, 0.4],
      ],
      true,
    ],
    [
      { kind: "pair-flip", rate: 0.6 },
      [
        [0.4, 0.6, 0, 0],
        [0, 0.4, 0.6, 0],
        [0, 0, 0.4, 0.6],
        [0.6, 0, 0, 0.4],
      ],
      false,
    ],
    [
      { kind: "adjacent", rate: 0.6 },
      [
        [0.4, 0.3, 0, 0.3],
        [0.3, 0.4, 0.3, 0],
        [0, 0.3, 0.4, 0.3],
        [0.3, 0, 0.3, 0.4],
      ],
      true,
    ],
    [
      { kind: "background", rate: 0.4, background: 3 },
      [
        [0.6, 0, 0, 0.4],
        [0, 0.6, 0, 0.4],
        [0, 0, 0.6, 0.4],
        [0, 0, 0, 1],
      ],
      true,
    ],
    [
      { kind: "instance", rate: 0.5, rules: [[1], [0, 2]] },
      [
        [0.5, 0.5, 0, 0],
        [0.25, 0.5, 0.25, 0],
        [0, 0, 1, 0],
        [0, 0, 0, 1],
      ],
      false,
    ],
    [
      {
        kind: "asymmetric",
        rate: 0.5,
        matrix: Float64Array.of(0, 0.5, 0.5, 0, 0.2, 0.8, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0),
      },
      [
        [0.5, 0.25, 0.25, 0],
        [0.1, 0.9, 0, 0],
        [0, 0, 0.5, 0.5],
        [0.5, 0, 0, 0.5],
      ],
      false,
    ],
  ];

  it.each(nominal)("%o has its nominal matrix, and realises it", (noise, rows, dominant) => {
    const noisy = injectNoise(balanced, 4, noise, 7);
    rows.flat().forEach((value, cell) => {
      expect(noisy.transitionMatrix[cell]).toBeCloseTo(value, 12);
      // 10,000 samples a class: four standard deviations.
      expect(Math.abs(noisy.realisedMatrix[cell]! - value)).toBeLessThan(0.02);
    });
    expect(noisy.diagonallyDominant).toBe(dominant);
  });

  it("draws a Dirichlet row over the other classes for each class", () => {
    const { transitionMatrix } = injectNoise(balanced, 4, { kind: "asymmetric", rate: 0.4 }, 3);
    const rows = rowsOf(transitionMatrix, 4);
    rows.forEach((row, from) => {
      expect(row[from]).toBeCloseTo(0.6, 12);
      expect(row.every((value) => value > 0)).toBe(true);
    });
    expect(new Set(rows.flatMap((row) => [...row])).size).toBeGreaterThan(12);
  });

  it("moves to one neighbour when there are but two classes", () => {
    const noisy = injectNoise(Int32Array.of(0, 1, 0, 1), 2, { kind: "adjacent", rate: 1 }, 1);
    expect([...noisy.labels]).toEqual([1, 0, 1, 0]);
    expect([...noisy.transitionMatrix]).toEqual([0, 1, 1, 0]);
  });

  it.each<[string, Noise]>([
    ["a rate above 1", { kind: "symmetric", rate: 1.5 }],
    ["a rate below 0", { kind: "uniform", rate: -0.1 }],
    ["NaN as rate", { kind: "pair-flip", rate: Number.NaN }],
    ["a matrix of other size", { kind: "asymmetric", rate: 0.5, matrix: new Float64Array(4) }],
    ["a matrix whose rows do not sum to 1", { kind: "asymmetric", rate: 0.5, matrix: new Float64Array(9) }],
    ["a NaN in the matrix", { kind: "asymmetric", rate: 0.5, matrix: new Float64Array(9).fill(Number.NaN) }],
    [
      "a negative probability",
      { kind: "asymmetric", rate: 0.5, matrix: Float64Array.of(-1, 2, 0, 1, 0, 0, 1, 0, 0) },
    ],
    ["a background that is no class", { kind: "background", rate: 0.5, background: 3 }],
    ["rules for more classes than there are", { kind: "instance", rate: 0.5, rules: [[], [], [], [0]] }],
    ["a rule that keeps the label", { kind: "instance", rate: 0.5, rules: [[0]] }],
    ["a rule to no class", { kind: "instance", rate: 0.5, rules: [[3]] }],
    ["a rule that repeats a label", { kind: "instance", rate: 0.5, rules: [[1, 1]] }],
  ])("refuses %s", (_, noise) => {
    expect(() => injectNoise(Int32Array.of(0, 1, 2), 3, noise, 1)).toThrow(coded("INVALID_ARGUMENT"));
  });

  it("refuses labels out of range, unknown kinds, one class and a wrong seed", () => {
    const symmetric: Noise = { kind: "symmetric", rate: 0.5 };
    const unknown = { kind: "gaussian", rate: 0.5 } as unknown as Noise;
    expect(() => injectNoise(Int32Array.of(0, 3), 3, symmetric, 1)).toThrow(coded("LABEL_OUT_OF_RANGE"));
    expect(() => injectNoise(Int32Array.of(0, -1), 3, symmetric, 1)).toThrow(coded("LABEL_OUT_OF_RANGE"));
    expect(() => injectNoise(Int32Array.of(0, 1), 3, unknown, 1)).toThrow(coded("UNKNOWN_NAME"));
    expect(() => injectNoise(Int32Array.of(0), 1, symmetric, 1)).toThrow(coded("INVALID_ARGUMENT"));
    expect(() => injectNoise(Int32Array.of(0), 0.5, symmetric, 1)).toThrow(coded("INVALID_ARGUMENT"));
    expect(() => injectNoise(Int32Array.of(0, 1), 2, symmetric, 0.5)).toThrow(coded("INVALID_ARGUMENT"));
  });
});

describe("parseNoise", () => {
  it.each<[string, Noise]>([
    ["none", { kind: "none" }],
    ["symmetric:0.5", { kind: "symmetric", rate: 0.5 }],
    ["uniform:1", { kind: "uniform", rate: 1 }],
    ["pair-flip:0.45", { kind: "pair-flip", rate: 0.45 }],
    ["adjacent:0", { kind: "adjacent", rate: 0 }],
    ["asymmetric:3e-1", { kind: "asymmetric", rate: 0.3 }],
    ["background:0.4", { kind: "background", rate: 0.4 }],
    ["background:0.4:3", { kind: "background", rate: 0.4, background: 3 }],
    ["instance:0.2:1=7,3=1+2", { kind: "instance", rate: 0.2, rules: [[], [7], [], [1, 2]] }],
  ])("reads %s", (text, noise) => {
    expect(parseNoise(text)).toEqual(noise);
  });

  it.each([
    "symmetric",
    "symmetric:",
    "symmetric:half",
    "symmetric:1.1",
    "symmetric:-0.1",
    "symmetric:NaN",
    "symmetric:0.5:3",
    "none:0.5",
    "background:0.4:x",
    "background:0.4:1:2",
    "instance:0.2",
    "instance:0.2:1",
    "instance:0.2:1=2=3",
    "instance:0.2:1=",
  ])("refuses %s", (text) => {
    expect(() => parseNoise(text)).toThrow(coded("INVALID_ARGUMENT"));
  });

  it("refuses unknown kinds by naming the known ones", () => {
    expect(() => parseNoise("gaussian:0.5")).toThrow(coded("UNKNOWN_NAME"));
    expect(() => parseNoise("")).toThrow(/symmetric/);
  });
});
