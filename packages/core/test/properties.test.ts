import { batches, deviation, params, type RandomBatch } from "@lilaw/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  alignmentWeights,
  type LilawParams,
  type Loss,
  metaGradient,
  type WeightedLossInput,
  weightedLoss,
} from "../src/index.js";

const classLosses: Loss[] = [
  "cross-entropy",
  { kind: "focal", gamma: 2 },
  { kind: "focal", gamma: 0.5 },
  { kind: "label-smoothing", smoothing: 0.1 },
  { kind: "generalized-cross-entropy", q: 0.7 },
  { kind: "symmetric-cross-entropy", alpha: 0.1, beta: 1, A: -4 },
  "mean-absolute-error",
];
const allLosses: Loss[] = [...classLosses, "binary", "multi-label", { kind: "regression", range: 4 }];
const nameOf = (loss: Loss) => (typeof loss === "string" ? loss : JSON.stringify(loss));

/** A class batch read as a batch of another loss: one logit a row, or one-hot targets. */
function asInput(
  b: RandomBatch,
  loss: Loss,
): Pick<WeightedLossInput, "logits" | "labels" | "classes" | "loss"> {
  const first = b.logits.slice(0, b.labels.length);
  if (loss === "binary") return { logits: first, labels: b.labels.map((y) => y % 2), loss };
  if (loss === "multi-label") {
    return {
      ...b,
      labels: Uint8Array.from(b.logits, (z, i) => ((i * 7 + Math.round(z)) % 3 === 0 ? 1 : 0)),
      loss,
    };
  }
  if (typeof loss === "object" && loss.kind === "regression") {
    return { logits: first, labels: Float64Array.from(b.labels), loss };
  }
  return { ...b, loss };
}

/** Directional derivative of f at x by central differences, with the step that balances both errors. */
function slopeAlong(f: (x: Float64Array) => number, x: Float64Array, direction: Float64Array): number {
  const step = 1e-5;
  const at = (t: number) => f(x.map((value, i) => value + t * direction[i]!));
  return (at(step) - at(-step)) / (2 * step);
}

const dot = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a, (value, i) => value * b[i]!).reduce((sum, value) => sum + value, 0);

/** The same batch without ties: they are kinks, where a finite difference means nothing. */
function untied(b: RandomBatch): RandomBatch {
  const logits = b.logits.map((z, i) => Math.round(z * 32) / 32 + 0.001 + 0.002 * (i % b.classes));
  return { ...b, logits };
}

const untiedBatches = batches({ scale: 4 }).map(untied);

describe.each(classLosses)("softmax losses: $kind", (loss) => {
  it.each(["full", "detached"] as const)("%s gradient rows sum to 0", (gradient) => {
    fc.assert(
      fc.property(batches({ scale: 30 }), params, (b, p) => {
        const { gradLogits } = weightedLoss({ ...b, params: p, loss, gradient });
        for (let i = 0; i < b.labels.length; i++) {
          const row = gradLogits.subarray(i * b.classes, (i + 1) * b.classes);
          expect(Math.abs(row.reduce((sum, g) => sum + g, 0))).toBeLessThan(1e-12);
        }
      }),
    );
  });

  it("adding a constant to a row changes nothing", () => {
    fc.assert(
      fc.property(batches(), params, fc.integer({ min: -512, max: 512 }), (b, p, shift) => {
        const quantised = b.logits.map((z) => Math.round(z * 1024) / 1024); // so that the shift is exact
        const here = weightedLoss({ ...b, logits: quantised, params: p, loss });
        const there = weightedLoss({ ...b, logits: quantised.map((z) => z + shift), params: p, loss });
        expect(there.losses).toEqual(here.losses);
        expect(there.weights).toEqual(here.weights);
        expect(there.gradLogits).toEqual(here.gradLogits);
      }),
    );
  });

  it("confident rows keep every digit", () => {
    for (const gap of [7, 16, 20, 30]) {
      const logits = Float64Array.of(gap, 0);
      const { gradLogits } = weightedLoss({
        logits,
        labels: Int32Array.of(0),
        classes: 2,
        params: null,
        loss,
      });
      const q = Math.exp(-gap) / (1 + Math.exp(-gap)); // 1 - s, without subtraction
      const crossEntropy = Math.log1p(Math.exp(-gap));
      let slope = -q;
      if (typeof loss === "object" && loss.kind === "focal") {
        slope *= q ** loss.gamma + loss.gamma * (1 - q) * q ** (loss.gamma - 1) * crossEntropy;
      } else if (typeof loss === "object" && loss.kind === "label-smoothing") slope += loss.smoothing / 2;
      else if (typeof loss === "object" && loss.kind === "generalized-cross-entropy") {
        slope *= Math.exp(-loss.q * crossEntropy);
      } else if (typeof loss === "object" && loss.kind === "symmetric-cross-entropy") {
        slope *= loss.alpha - loss.beta * loss.A * (1 - q);
      } else if (loss === "mean-absolute-error") slope *= 2 * (1 - q);
      expect(Math.abs(gradLogits[0]! / slope - 1)).toBeLessThan(1e-12);
    }
  });
});

describe.each(allLosses.map((loss) => ({ name: nameOf(loss), loss })))("every loss: $name", ({ loss }) => {
  it.each(["none", "batch-mean"] as const)(
    "full gradient = finite differences, normalize %s",
    (normalize) => {
      fc.assert(
        fc.property(
          untiedBatches,
          params,
          fc.infiniteStream(fc.double({ min: -1, max: 1, noNaN: true })),
          (b, p, stream) => {
            const input = asInput(b, loss);
            const draw = () => stream.next().value as number;
            const direction = Float64Array.from(input.logits, draw);
            const sampleWeights = Float64Array.from(b.labels, () => 1 + draw());
            const evaluate = (logits: Float64Array) =>
              weightedLoss({ ...input, logits, params: p, normalize, sampleWeights });
            const { gradLogits } = evaluate(input.logits as Float64Array);
            const slope = slopeAlong((x) => evaluate(x).objective, input.logits as Float64Array, direction);
            expect(Math.abs(dot(gradLogits, direction) - slope)).toBeLessThan(
              1e-6 * Math.max(1, Math.abs(slope)),
            );
          },
        ),
      );
    },
  );

  it("detached gradient = finite differences with the weights held", () => {
    fc.assert(
      fc.property(untiedBatches, params, (b, p) => {
        const input = asInput(b, loss);
        const logits = input.logits as Float64Array;
        const direction = logits.map((_, i) => Math.cos(3 * i + 1));
        const { weights, gradLogits } = weightedLoss({ ...input, params: p, gradient: "detached" });
        const held = (x: Float64Array) =>
          weightedLoss({ ...input, logits: x, params: null, sampleWeights: weights }).objective;
        const slope = slopeAlong(held, logits, direction);
        expect(Math.abs(dot(gradLogits, direction) - slope)).toBeLessThan(
          1e-6 * Math.max(1, Math.abs(slope)),
        );
      }),
    );
  });

  const expectSlopes = (gradient: LilawParams, objective: (p: LilawParams) => number, p: LilawParams) => {
    for (const name of ["alpha", "beta", "delta"] as const) {
      const at = (value: number) => objective({ ...p, [name]: value });
      const slope = (at(p[name] + 1e-5) - at(p[name] - 1e-5)) / 2e-5;
      expect(Math.abs(gradient[name] - slope)).toBeLessThan(1e-6 * Math.max(1, Math.abs(slope)));
    }
  };

  it("metaGradient = finite differences by alpha, beta, delta", () => {
    fc.assert(
      fc.property(batches({ scale: 6 }), params, (b, p) => {
        const input = asInput(b, loss);
        const gradient = metaGradient({ ...input, params: p });
        expect(gradient.objective).toBeCloseTo(weightedLoss({ ...input, params: p }).objective, 12);
        expectSlopes(gradient, (params) => weightedLoss({ ...input, params }).objective, p);
      }),
    );
  });

  it.each(["none", "batch-mean"] as const)("gradParams = finite differences, normalize %s", (normalize) => {
    fc.assert(
      fc.property(batches({ scale: 6 }), params, (b, p) => {
        const sampleWeights = Float64Array.from(b.labels, (_, i) => 1 + Math.sin(i));
        const input = { ...asInput(b, loss), normalize, sampleWeights };
        const { gradParams } = weightedLoss({ ...input, params: p });
        expectSlopes(gradParams, (params) => weightedLoss({ ...input, params }).objective, p);
      }),
    );
  });

  it("alignment = derivative of each row's loss along the tangent", () => {
    fc.assert(
      fc.property(untiedBatches, (b) => {
        const input = asInput(b, loss);
        const logits = input.logits as Float64Array;
        const tangents = logits.map((_, i) => Math.sin(5 * i + 2));
        const { alignments } = alignmentWeights({ ...input, tangents });
        const losses = (t: number) =>
          weightedLoss({ ...input, logits: logits.map((z, i) => z + t * tangents[i]!), params: null }).losses;
        const [up, down] = [losses(1e-5), losses(-1e-5)];
        const slopes = up.map((value, i) => (value - down[i]!) / 2e-5);
        expect(deviation(alignments, slopes)).toBeLessThan(1e-6);
      }),
    );
  });
});

describe("meta-gradients of cross-entropy", () => {
  it("have the signs and bounds of the closed forms", () => {
    fc.assert(
      fc.property(batches({ scale: 50 }), params, (b, p) => {
        const gradient = metaGradient({ ...b, params: p });
        expect(gradient.alpha).toBeGreaterThanOrEqual(0);
        expect(gradient.beta).toBeLessThanOrEqual(0);
        expect(gradient.alpha).toBeLessThanOrEqual(1 / (4 * Math.E));
        expect(-gradient.beta).toBeLessThanOrEqual(1 / (4 * Math.E));
        expect(Math.abs(gradient.delta)).toBeLessThanOrEqual(Math.exp(-0.5) / Math.E);
      }),
    );
  });

  it("take coefficients in place of the losses", () => {
    fc.assert(
      fc.property(batches(), params, (b, p) => {
        const { losses } = weightedLoss({ ...b, params: p });
        expect(metaGradient({ ...b, params: p, coefficients: losses })).toEqual(
          metaGradient({ ...b, params: p }),
        );
        const none = metaGradient({ ...b, params: p, coefficients: new Float64Array(b.labels.length) });
        expect(Math.abs(none.alpha) + Math.abs(none.beta) + Math.abs(none.delta)).toBe(0);
      }),
    );
  });
});

describe("alignment weights", () => {
  it("are clamped and sum to 1 or 0", () => {
    fc.assert(
      fc.property(batches({ minClasses: 2 }), (b) => {
        const tangents = b.logits.map((_, i) => Math.sin(i));
        const { alignments, weights } = alignmentWeights({ ...b, tangents });
        const sum = weights.reduce((total, w) => total + w, 0);
        const positive = alignments.some((a) => a > 0);
        expect(sum).toBeCloseTo(positive ? 1 : 0, 12);
        alignments.forEach((a, i) => {
          expect(weights[i]! > 0).toBe(a > 0);
        });
      }),
    );
  });
});

describe("normalize: batch-mean", () => {
  it("makes the weights average 1", () => {
    fc.assert(
      fc.property(batches(), params, (b, p) => {
        const { weights } = weightedLoss({ ...b, params: p, normalize: "batch-mean" });
        expect(weights.reduce((sum, w) => sum + w, 0) / weights.length).toBeCloseTo(1, 12);
      }),
    );
  });
});

describe("binary", () => {
  it("equals the two-class softmax on [0, z]", () => {
    fc.assert(
      fc.property(batches({ scale: 40 }), params, (b, p) => {
        const { logits, labels } = asInput(b, "binary");
        const two = weightedLoss({
          logits: Float64Array.from(Array.from(logits).flatMap((z) => [0, z])),
          labels,
          classes: 2,
          params: p,
        });
        const one = weightedLoss({ logits, labels, params: p, loss: "binary" });
        expect([...one.predictions]).toEqual([...two.predictions]);
        for (const name of ["losses", "weights", "labelProbs", "maxProbs"] as const) {
          expect(deviation(one[name], two[name])).toBeLessThan(1e-12);
        }
        expect(
          deviation(
            one.gradLogits,
            two.gradLogits.filter((_, i) => i % 2 === 1),
          ),
        ).toBeLessThan(1e-12);
      }),
    );
  });
});

describe("non-finite logits", () => {
  const bad = fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY);

  it.each(["none", "batch-mean"] as const)("spoil their own row only, normalize %s", (normalize) => {
    fc.assert(
      fc.property(batches({ minClasses: 2 }), params, bad, fc.nat(), fc.nat(), (b, p, value, i, k) => {
        fc.pre(b.labels.length > 1);
        const [row, column] = [i % b.labels.length, k % b.classes];
        const logits = b.logits.slice();
        logits[row * b.classes + column] = value;
        const spoilt = weightedLoss({ ...b, logits, params: p, normalize });
        expect(spoilt.nonFiniteRows).toBe(1);
        expect(spoilt.objective).toBeNaN();
        expect(spoilt.gradParams).toEqual({ alpha: Number.NaN, beta: Number.NaN, delta: Number.NaN });
        for (let r = 0; r < b.labels.length; r++) {
          const gradient = spoilt.gradLogits.subarray(r * b.classes, (r + 1) * b.classes);
          const values = [
            spoilt.losses[r],
            spoilt.weights[r],
            spoilt.labelProbs[r],
            spoilt.maxProbs[r],
            ...gradient,
          ];
          expect(values.every((x) => (r === row ? Number.isNaN(x) : Number.isFinite(x)))).toBe(true);
        }
        expect(spoilt.predictions[row]).toBe(-1);
        const others = (length: number) => Array.from({ length }, (_, r) => r).filter((r) => r !== row);
        const clean = others(b.labels.length);
        const alone = weightedLoss({
          logits: Float64Array.from(
            clean.flatMap((r) => [...b.logits.subarray(r * b.classes, (r + 1) * b.classes)]),
          ),
          labels: Int32Array.from(clean, (r) => b.labels[r]!),
          classes: b.classes,
          params: p,
          normalize,
        });
        expect(
          deviation(
            clean.map((r) => spoilt.weights[r]!),
            alone.weights,
          ),
        ).toBeLessThan(1e-12);
      }),
    );
  });

  it("make an alignment NaN and leave the other weights alone", () => {
    const input = {
      labels: Int32Array.of(0, 0, 0),
      classes: 2,
      tangents: Float64Array.of(-1, 1, -1, 1, -3, 3),
    };
    const { weights, alignments, nonFiniteRows } = alignmentWeights({
      ...input,
      logits: Float64Array.of(Number.NaN, 0, 0, 0, 0, 0),
    });
    expect(nonFiniteRows).toBe(1);
    expect([...alignments]).toEqual([Number.NaN, 1, 3]);
    expect([...weights]).toEqual([Number.NaN, 0.25, 0.75]);
  });
});

describe("outputs", () => {
  it("are computed in place and one by one with the same bits", () => {
    fc.assert(
      fc.property(batches(), params, (b, p) => {
        const whole = weightedLoss({ ...b, params: p });
        const losses = new Float64Array(b.labels.length);
        const out = { losses };
        expect(weightedLoss({ ...b, params: p }, out)).toBe(out);
        const { objective, gradParams } = whole;
        expect(out).toEqual({ losses: whole.losses, objective, gradParams, nonFiniteRows: 0 });
        const logits = b.logits.slice();
        weightedLoss({ ...b, logits, params: p }, { gradLogits: logits });
        expect(logits).toEqual(whole.gradLogits);
      }),
    );
  });
});
