import { type ErrorCode, LilawError } from "@lilaw/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  accuracy,
  auprc,
  auroc,
  effectiveSampleSize,
  multiclassAuroc,
  precisionAtK,
  predictedClasses,
  softmax,
} from "../src/index.js";

function code(action: () => unknown): ErrorCode | undefined {
  try {
    action();
  } catch (error) {
    if (error instanceof LilawError) return error.code;
    throw error;
  }
  return undefined;
}

/** Few distinct scores, so that ties are the rule. */
const ranked = fc.array(fc.record({ score: fc.integer({ min: -2, max: 2 }), positive: fc.boolean() }), {
  minLength: 1,
  maxLength: 30,
});
const scoresOf = (samples: { score: number }[]) => samples.map((s) => s.score);
const flagsOf = (samples: { positive: boolean }[]) => samples.map((s) => s.positive);

describe("auroc", () => {
  it("is the share of positive-negative pairs in the right order", () => {
    fc.assert(
      fc.property(ranked, (samples) => {
        let wins = 0;
        let pairs = 0;
        for (const p of samples.filter((s) => s.positive)) {
          for (const n of samples.filter((s) => !s.positive)) {
            wins += p.score > n.score ? 1 : p.score === n.score ? 0.5 : 0;
            pairs++;
          }
        }
        expect(auroc(scoresOf(samples), flagsOf(samples))).toBe(wins / pairs);
      }),
    );
  });

  it("turns around with the scores and ignores monotone maps", () => {
    fc.assert(
      fc.property(ranked, (samples) => {
        const value = auroc(scoresOf(samples), flagsOf(samples));
        fc.pre(!Number.isNaN(value));
        expect(
          auroc(
            scoresOf(samples).map((s) => -s),
            flagsOf(samples),
          ),
        ).toBeCloseTo(1 - value, 12);
        expect(auroc(scoresOf(samples).map(Math.exp), flagsOf(samples))).toBe(value);
      }),
    );
  });

  it("ranks infinities, and has no value for one side alone", () => {
    expect(auroc([Infinity, 0, -Infinity], [1, 0, 0])).toBe(1);
    expect(auroc([Infinity, Infinity], [1, 0])).toBe(0.5);
    expect(auroc([1, 2], [1, 1])).toBeNaN();
    expect(auroc([], [])).toBeNaN();
  });

  it("refuses NaN scores and unequal lengths", () => {
    expect(code(() => auroc([Number.NaN, 1], [0, 1]))).toBe("NON_FINITE");
    expect(code(() => auroc([1, 2, 3], [0, 1]))).toBe("LENGTH_MISMATCH");
  });
});

describe("auprc", () => {
  it("is the sum over thresholds of precision times recall gained", () => {
    fc.assert(
      fc.property(ranked, (samples) => {
        const total = samples.filter((s) => s.positive).length;
        fc.pre(total > 0);
        let area = 0;
        let recallBefore = 0;
        for (const threshold of [...new Set(scoresOf(samples))].sort((a, b) => b - a)) {
          const taken = samples.filter((s) => s.score >= threshold);
          const hits = taken.filter((s) => s.positive).length;
          area += (hits / taken.length) * (hits / total - recallBefore);
          recallBefore = hits / total;
        }
        expect(auprc(scoresOf(samples), flagsOf(samples))).toBeCloseTo(area, 12);
      }),
    );
  });

  it("has no value without positives", () => expect(auprc([1, 2], [0, 0])).toBeNaN());
});

describe("precisionAtK", () => {
  it("is the mean over every order of the ties", () => {
    const few = fc.array(fc.record({ score: fc.integer({ min: 0, max: 1 }), positive: fc.boolean() }), {
      minLength: 1,
      maxLength: 5,
    });
    fc.assert(
      fc.property(few, fc.nat(), (samples, draw) => {
        const k = (draw % samples.length) + 1;
        const orders = permutations(samples).filter((order) =>
          order.every((s, i) => i === 0 || order[i - 1]!.score >= s.score),
        );
        const hits = orders.map((order) => order.slice(0, k).filter((s) => s.positive).length / k);
        const mean = hits.reduce((a, b) => a + b, 0) / hits.length;
        expect(precisionAtK(scoresOf(samples), flagsOf(samples), k)).toBeCloseTo(mean, 12);
      }),
    );
  });

  it("refuses k outside 1 … N", () => {
    for (const k of [0, 3, 1.5, Number.NaN]) {
      expect(code(() => precisionAtK([1, 2], [0, 1], k))).toBe("INVALID_ARGUMENT");
    }
  });
});

describe("multiclassAuroc", () => {
  it("is the mean of the one-vs-rest areas over classes that occur", () => {
    const rows = fc.array(
      fc.record({ scores: fc.tuple(fc.nat(3), fc.nat(3), fc.nat(3), fc.nat(3)), label: fc.nat(2) }),
      { minLength: 2, maxLength: 20 },
    );
    fc.assert(
      fc.property(rows, (samples) => {
        const labels = samples.map((s) => s.label);
        const occurring = [...new Set(labels)];
        fc.pre(occurring.length > 1);
        const areas = occurring.map((c) =>
          auroc(
            samples.map((s) => s.scores[c]!),
            labels.map((label) => label === c),
          ),
        );
        const flat = Float32Array.from(samples.flatMap((s) => s.scores));
        const mean = areas.reduce((a, b) => a + b, 0) / areas.length;
        expect(multiclassAuroc(flat, labels, 4)).toBeCloseTo(mean, 12);
      }),
    );
  });

  it("with two classes and probabilities is the binary area", () => {
    const p = [0.125, 0.75, 0.5, 0.5, 0.875];
    const labels = [0, 1, 1, 0, 0];
    const both = p.flatMap((x) => [1 - x, x]);
    expect(multiclassAuroc(both, labels, 2)).toBe(auroc(p, labels));
  });

  it("refuses wrong lengths and labels", () => {
    expect(code(() => multiclassAuroc([1, 2, 3], [0, 1], 2))).toBe("LENGTH_MISMATCH");
    expect(code(() => multiclassAuroc([1, 2, 3, 4], [0, 2], 2))).toBe("LABEL_OUT_OF_RANGE");
    expect(code(() => multiclassAuroc([1, 2, 3, 4], [0, -1], 2))).toBe("LABEL_OUT_OF_RANGE");
  });
});

describe("softmax", () => {
  it("is exp(z) / sum exp(z), and survives large logits", () => {
    const probs = softmax([0, Math.log(3), 1000, 0], 2);
    expect(probs[0]).toBeCloseTo(0.25, 14);
    expect(probs[1]).toBeCloseTo(0.75, 14);
    expect([...probs.slice(2)]).toEqual([1, 0]);
  });
});

it("predictedClasses takes the lowest index on ties", () => {
  expect([...predictedClasses([1, 3, 3, 5, 5, 2], 3)]).toEqual([1, 0]);
});

it("accuracy is the share of equal entries", () => {
  expect(accuracy([1, 2, 3, 4], [1, 0, 3, 0])).toBe(0.5);
  expect(accuracy([], [])).toBeNaN();
  expect(code(() => accuracy([1], [1, 2]))).toBe("LENGTH_MISMATCH");
});

it("effectiveSampleSize counts equal weights, and one for a lone weight", () => {
  expect(effectiveSampleSize([2, 2, 0, 2])).toBe(3);
  expect(effectiveSampleSize([0, 7, 0])).toBe(1);
  expect(effectiveSampleSize([0, 0])).toBe(0);
  expect(code(() => effectiveSampleSize([1, -1]))).toBe("INVALID_ARGUMENT");
  expect(code(() => effectiveSampleSize([1, Number.NaN]))).toBe("INVALID_ARGUMENT");
});

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length <= 1) return [[...items]];
  return items.flatMap((item, i) =>
    permutations([...items.slice(0, i), ...items.slice(i + 1)]).map((rest) => [item, ...rest]),
  );
}
