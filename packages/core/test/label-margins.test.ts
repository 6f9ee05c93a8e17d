import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { labelMargins, weightedLoss } from "../src/index.js";

const logitsOf = (rows: number, classes: number) =>
  fc.array(fc.double({ min: -40, max: 40, noNaN: true }), {
    minLength: rows * classes,
    maxLength: rows * classes,
  });

function softmax(row: number[]): number[] {
  const top = Math.max(...row);
  const powers = row.map((z) => Math.exp(z - top));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((p) => p / sum);
}

describe("labelMargins", () => {
  it("is the label's probability minus the largest other one", () => {
    const batches = fc
      .tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 2, max: 5 }))
      .chain(([rows, classes]) =>
        fc.record({
          classes: fc.constant(classes),
          logits: logitsOf(rows, classes).map((values) => Float64Array.from(values)),
          labels: fc
            .array(fc.nat(classes - 1), { minLength: rows, maxLength: rows })
            .map((labels) => Int32Array.from(labels)),
        }),
      );
    fc.assert(
      fc.property(batches, ({ logits, labels, classes }) => {
        const { maxProbs } = weightedLoss({ logits, labels, classes, params: null, backend: "reference" });
        const { margins, rivals } = labelMargins({ logits, labels, classes, maxProbs });
        labels.forEach((label, row) => {
          const probs = softmax([...logits.subarray(row * classes, (row + 1) * classes)]);
          const others = probs.filter((_, k) => k !== label);
          expect(margins[row]).toBeCloseTo(probs[label]! - Math.max(...others), 12);
          expect(rivals[row]).not.toBe(label);
          expect(probs[rivals[row]!]).toBe(Math.max(...others));
        });
      }),
    );
  });

  it("keeps the digits of nearly equal probabilities", () => {
    const logits = Float64Array.of(1, 1 + 2 ** -40, -800);
    const maxProbs = Float64Array.of(0.5);
    const { margins } = labelMargins({ logits, labels: Int32Array.of(0), classes: 3, maxProbs });
    expect(margins[0]! / -(2 ** -41)).toBeCloseTo(1, 10);
  });

  it("is 1 with a single class, 2u - 1 with one logit, and NaN in rows that are", () => {
    const one = { logits: Float32Array.of(3), labels: Int32Array.of(0), maxProbs: Float32Array.of(1) };
    expect(labelMargins({ ...one, classes: 1 })).toEqual({
      margins: Float32Array.of(1),
      rivals: Int32Array.of(-1),
    });
    const logits = Float64Array.of(0.5, 0.5, Number.NaN);
    const binary = { logits, labels: Int32Array.of(1, 0, 1), loss: "binary", params: null } as const;
    const { labelProbs, maxProbs } = weightedLoss({ ...binary, backend: "reference" });
    const { margins, rivals } = labelMargins({ ...binary, maxProbs });
    expect(margins[0]).toBeCloseTo(2 * labelProbs[0]! - 1, 14);
    expect(margins[1]).toBe(-margins[0]!);
    expect(margins[2]).toBeNaN();
    expect([...rivals]).toEqual([0, 1, -1]);
    const nan = { logits: Float64Array.of(Number.NaN, 0), labels: Int32Array.of(0), classes: 2 };
    expect(labelMargins({ ...nan, maxProbs: Float64Array.of(Number.NaN) })).toEqual({
      margins: Float64Array.of(Number.NaN),
      rivals: Int32Array.of(-1),
    });
  });

  it("refuses what has no margin", () => {
    const logits = Float32Array.of(0, 1);
    const maxProbs = Float32Array.of(1);
    expect(() =>
      labelMargins({ logits, labels: Float32Array.of(0, 1), classes: 2, maxProbs, loss: "multi-label" }),
    ).toThrow('a loss of labels that are one class for loss but received "multi-label"');
    expect(() =>
      labelMargins({ logits, labels: Int32Array.of(0), classes: 2, maxProbs: new Float32Array(2) }),
    ).toThrow("maxProbs.length");
  });
});
