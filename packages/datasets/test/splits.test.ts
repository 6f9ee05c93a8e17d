import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { balancedRows, batches, type Samples, splitSamples, takeSamples } from "../src/index.js";

const coded = (code: string) => expect.objectContaining({ code });

/** Samples whose two features name their row, so that a wrong row is noticed. */
function samplesOf(labels: readonly number[]): Samples {
  const features = Float32Array.from(labels.flatMap((_, row) => [row, -row]));
  return { features, labels: Int32Array.from(labels), count: labels.length, shape: [2] };
}

const counts = (labels: Iterable<number>, classes: number) => {
  const result = new Array<number>(classes).fill(0);
  for (const label of labels) result[label]! += 1;
  return result;
};

const anyLabels = fc.array(fc.nat(4), { minLength: 2, maxLength: 60 });

/** Two to nine samples of each of one to five classes, shuffled. */
const fullLabels = fc.array(fc.integer({ min: 2, max: 9 }), { minLength: 1, maxLength: 5 }).chain((sizes) => {
  const labels = sizes.flatMap((size, label) => new Array<number>(size).fill(label));
  return fc.shuffledSubarray(labels, { minLength: labels.length });
});

describe("splitSamples", () => {
  it("parts all rows into two lists of the wanted length, in ascending order, by the seed alone", () => {
    fc.assert(
      fc.property(anyLabels, fc.nat(), fc.integer(), (labels, n, seed) => {
        const count = 1 + (n % (labels.length - 1));
        const split = splitSamples(samplesOf(labels), { count, seed });
        expect(split.heldOut).toHaveLength(count);
        expect([...split.kept, ...split.heldOut].sort((a, b) => a - b)).toEqual([...labels.keys()]);
        for (const rows of [split.kept, split.heldOut]) expect(rows).toEqual(rows.slice().sort());
        expect(splitSamples(samplesOf(labels), { count, seed })).toEqual(split);
      }),
    );
  });

  it("holds out of every class its share, and never all or nothing of it", () => {
    fc.assert(
      fc.property(fullLabels, fc.nat(), fc.integer(), (labels, n, seed) => {
        const classes = Math.max(...labels) + 1;
        const count = classes + (n % (labels.length - 2 * classes + 1));
        const { heldOut } = splitSamples(samplesOf(labels), { count, stratified: true, seed });
        expect(heldOut).toHaveLength(count);
        const total = counts(labels, classes);
        counts(
          Array.from(heldOut, (row) => labels[row]!),
          classes,
        ).forEach((held, label) => {
          expect(held).toBeGreaterThanOrEqual(1);
          expect(held).toBeLessThan(total[label]!);
        });
      }),
    );
  });

  it("is exact where the shares are whole numbers", () => {
    const labels = Array.from({ length: 100 }, (_, i) => (i < 60 ? 0 : i < 90 ? 1 : 2));
    const { heldOut } = splitSamples(samplesOf(labels), { fraction: 0.2, stratified: true, seed: 1 });
    expect(
      counts(
        Array.from(heldOut, (row) => labels[row]!),
        3,
      ),
    ).toEqual([12, 6, 2]);
  });

  it("takes from the big classes what the rare ones need to stay", () => {
    const labels = [9, 2, 2, 2].flatMap((size, label) => new Array<number>(size).fill(label));
    const { heldOut } = splitSamples(samplesOf(labels), { count: 4, stratified: true, seed: 1 });
    expect(Array.from(heldOut, (row) => labels[row])).toEqual([0, 1, 2, 3]);
  });

  it("rounds the fraction, and differs by seed", () => {
    const samples = samplesOf(new Array(101).fill(0));
    const split = splitSamples(samples, { fraction: 0.15, seed: 1 });
    expect(split.heldOut).toHaveLength(15);
    expect(splitSamples(samples, { fraction: 0.15, seed: 2 })).not.toEqual(split);
  });

  it.each([
    ["a class with one sample", [0, 0, 0, 1], 2],
    ["a class without samples", [0, 0, 2, 2], 2],
    ["fewer held out than classes", [0, 0, 0, 1, 1, 1], 1],
    ["fewer kept than classes", [0, 0, 0, 1, 1, 1], 5],
  ])("refuses to stratify %s", (_, labels, count) => {
    expect(() => splitSamples(samplesOf(labels), { count, stratified: true, seed: 1 })).toThrow(
      coded("EMPTY_CLASS"),
    );
  });

  it.each([
    {},
    { count: 2, fraction: 0.5 },
    { count: 0 },
    { count: 4 },
    { count: 1.5 },
    { fraction: 0 },
    { fraction: 1 },
    { fraction: 0.1 },
    { fraction: Number.NaN },
  ])("refuses %o of four samples", (options) => {
    expect(() => splitSamples(samplesOf([0, 0, 1, 1]), { ...options, seed: 1 })).toThrow(
      coded("INVALID_ARGUMENT"),
    );
  });
});

describe("takeSamples", () => {
  it("copies rows in the given order, repeats included", () => {
    const taken = takeSamples(samplesOf([5, 6, 7]), Int32Array.of(2, 0, 2));
    expect(taken).toEqual({
      features: Float32Array.of(2, -2, 0, -0, 2, -2),
      labels: Int32Array.of(7, 5, 7),
      count: 3,
      shape: [2],
      rows: Int32Array.of(2, 0, 2),
    });
  });

  it("keeps the rows and lines of the source, also when samples are taken twice", () => {
    const source = { ...samplesOf([5, 6, 7, 8]), lines: Int32Array.of(2, 3, 7, 8) };
    const taken = takeSamples(takeSamples(source, Int32Array.of(3, 2, 1)), Int32Array.of(1, 0));
    expect(taken).toMatchObject({ rows: Int32Array.of(2, 3), lines: Int32Array.of(7, 8) });
  });

  it("keeps the shape when no row is taken, and refuses rows that are not there", () => {
    expect(takeSamples(samplesOf([0]), new Int32Array())).toMatchObject({ count: 0, shape: [2] });
    expect(() => takeSamples(samplesOf([0]), Int32Array.of(1))).toThrow(coded("INVALID_ARGUMENT"));
    expect(() => takeSamples(samplesOf([0]), Int32Array.of(-1))).toThrow(coded("INVALID_ARGUMENT"));
  });
});

describe("balancedRows", () => {
  it("takes as many distinct rows of every class, by the seed alone", () => {
    fc.assert(
      fc.property(fullLabels, fc.integer(), (list, seed) => {
        const labels = Int32Array.from(list);
        const classes = Math.max(...list) + 1;
        const rows = balancedRows(labels, classes, 2, seed);
        expect(new Set(rows).size).toBe(2 * classes);
        expect(
          counts(
            Array.from(rows, (row) => labels[row]!),
            classes,
          ),
        ).toEqual(new Array(classes).fill(2));
        expect(balancedRows(labels, classes, 2, seed)).toEqual(rows);
      }),
    );
  });

  it("refuses a class with too few samples, and labels out of range", () => {
    expect(() => balancedRows(Int32Array.of(0, 0, 1), 2, 2, 1)).toThrow(coded("EMPTY_CLASS"));
    expect(() => balancedRows(Int32Array.of(0, 2), 2, 1, 1)).toThrow(coded("LABEL_OUT_OF_RANGE"));
    expect(() => balancedRows(Int32Array.of(0, 1), 2, 0, 1)).toThrow(coded("INVALID_ARGUMENT"));
  });
});

describe("batches", () => {
  it("covers every row once, in full batches but for the last", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 64 }), (count, size) => {
        const parts = [...batches(count, size, 1, 0)];
        expect(parts.flatMap((part) => [...part]).sort((a, b) => a - b)).toEqual([...Array(count).keys()]);
        expect(parts.slice(0, -1).every((part) => part.length === size)).toBe(true);
      }),
    );
  });

  it("depends on seed and epoch alone", () => {
    const order = (seed: number, epoch: number) => [...batches(50, 50, seed, epoch)][0]!;
    expect(order(1, 2)).toEqual(order(1, 2));
    expect(order(1, 2)).not.toEqual(order(1, 3));
    expect(order(1, 2)).not.toEqual(order(2, 2));
  });

  it("refuses nonsense at the call, not at the first batch", () => {
    expect(() => batches(0, 1, 1, 0)).toThrow(coded("INVALID_ARGUMENT"));
    expect(() => batches(10, 0, 1, 0)).toThrow(coded("INVALID_ARGUMENT"));
  });
});
