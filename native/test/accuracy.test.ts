import { alignmentWeights, metaGradient, setCpuIsa, weightedLoss } from "@lilaw/native";
import { isNetworkCase, lossOf, paramsOf, readGolden, readLossGolden } from "@lilaw/testing";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { referenceBackend } from "../../packages/core/src/backends/reference/index.js";
import type { Loss } from "../../packages/core/src/losses.js";
import { Random } from "../../packages/core/src/random.js";
import {
  allLosses,
  type Errors,
  errorsOf,
  hasAddon,
  instructionSets,
  inUlps,
  labelProbLosses,
  lossFactor,
  merge,
  nameOf,
  newOutputs,
  noAddon,
  randomBatch,
  referenceBatch,
  softmaxLosses,
  type TransitionArgs,
  transitions,
} from "./support.js";

/** Largest error of a result, in units of the spacing of float32 at the magnitude of its terms. */
const ULPS = 4;

/** The largest errors of all, for the line at the end. */
const largest: Record<string, Errors> = {};

beforeEach(({ skip }) => skip(!hasAddon, noAddon));

function check(isa: string, args: TransitionArgs): void {
  const out = newOutputs(args);
  const { objective, nonFiniteRows } = weightedLoss(args, out);
  expect(nonFiniteRows).toBe(0);
  const errors = errorsOf(args, out, objective);
  largest[isa] ??= {};
  merge(largest[isa], errors);
  for (const [name, error] of Object.entries(errors)) expect(error, name).toBeLessThanOrEqual(ULPS);
}

/** The largest factor between the gradients of a loss and of the cross-entropy. */
const largestFactor = (loss: Loss) =>
  typeof loss === "object" && loss.kind === "symmetric-cross-entropy" ? loss.alpha - loss.beta * loss.A : 1;

/** 1 to about 300, small ones most often. */
const size = (random: Random) => Math.max(1, Math.round(Math.exp(random.uniform() * 5.7)));

describe.each(instructionSets())("%s", (isa) => {
  beforeEach(() => void (hasAddon && setCpuIsa(isa)));
  afterAll(() => {
    if (!hasAddon) return;
    setCpuIsa();
    const shares = Object.entries(largest[isa] ?? {}).map(
      ([name, error]) => `${name} ${((100 * error) / ULPS).toFixed(0)} %`,
    );
    console.log(`${isa}: largest share of the tolerance of ${ULPS} ulp: ${shares.join(", ")}`);
  });

  it.each(allLosses.map((loss) => [nameOf(loss), loss] as const))(
    "%s: 600 random shapes against the reference",
    (_, loss) => {
      for (let n = 0; n < 600; n++) {
        const random = Random.from(n, "shapes", nameOf(loss));
        const shape = {
          rows: size(random),
          classes: Math.min(size(random), 120),
          scale: 12 * random.uniform() ** 2,
        };
        const args = randomBatch(random, loss, shape);
        const sampleWeights = Float32Array.from({ length: shape.rows }, () => random.exponential());
        const params = {
          alpha: 1 + 14 * random.uniform(),
          beta: 15 * random.uniform(),
          delta: 15 * random.uniform(),
        };
        check(isa, {
          ...args,
          params: n % 7 === 0 ? null : params,
          gradient: n % 3 === 0 ? "detached" : "full",
          sampleWeights: n % 2 === 0 ? sampleWeights : undefined,
        });
      }
    },
  );

  it.each(
    labelProbLosses.flatMap((loss) =>
      Object.keys(transitions).map((kind) => [nameOf(loss), kind, loss] as const),
    ),
  )(
    "%s under the transition matrix %s: random shapes, confident rows both ways, in place and not",
    (name, kind, loss) => {
      for (let n = 0; n < 120; n++) {
        const random = Random.from(n, "transition", name, kind);
        const shape = {
          rows: 1 + random.int(40),
          classes: 2 + random.int(n % 10 === 0 ? 500 : 60),
          scale: [1, 4, 12, 60, 400][random.int(5)]!,
        };
        const transition = transitions[kind as keyof typeof transitions](shape.classes, random);
        const args = { ...randomBatch(random, loss, shape), transition };
        const possible = (label: number) =>
          transition.subarray(label * shape.classes, (label + 1) * shape.classes).some((p) => p > 0);
        if (!args.labels.every(possible)) continue;
        const sampleWeights = Float32Array.from({ length: shape.rows }, () => random.exponential());
        check(isa, {
          ...args,
          params: n % 7 === 0 ? null : args.params,
          gradient: n % 3 === 0 ? "detached" : "full",
          sampleWeights: n % 2 === 0 ? sampleWeights : undefined,
        });
        const apart = newOutputs(args);
        weightedLoss(args, apart);
        const logits = Float32Array.from(args.logits);
        const inPlace = { ...newOutputs(args), gradLogits: logits };
        weightedLoss({ ...args, logits }, inPlace);
        expect(inPlace).toEqual(apart);

        const tangents = args.logits.map(() => random.normal());
        const found = { alignments: new Float32Array(shape.rows), weights: new Float32Array(shape.rows) };
        const right = { alignments: new Float64Array(shape.rows), weights: new Float64Array(shape.rows) };
        alignmentWeights({ ...args, tangents }, found);
        referenceBackend.alignmentWeights({ ...referenceBatch(args), tangents }, right);
        const largest = Math.max(...tangents.map(Math.abs));
        right.alignments.forEach((alignment, i) => {
          const error = inUlps(found.alignments[i]!, alignment, 2 * largest * lossFactor(args, i));
          expect(error, `row ${i}`).toBeLessThanOrEqual(ULPS);
        });
      }
    },
  );

  it("with a transition matrix that changes no label: the same as without, to rounding", () => {
    for (const loss of labelProbLosses) {
      const random = Random.from(8, "identity", nameOf(loss));
      const args = randomBatch(random, loss, { rows: 300, classes: 23, scale: 60 });
      const out = newOutputs(args);
      const plain = newOutputs(args);
      weightedLoss({ ...args, transition: transitions.none(23) }, out);
      weightedLoss(args, plain);
      for (const name of ["losses", "weights", "labelProbs", "maxProbs"] as const) {
        plain[name].forEach((value, i) => {
          expect(inUlps(out[name][i]!, value), `${name} ${i}`).toBeLessThanOrEqual(2 * ULPS);
        });
      }
      expect(out.predictions).toEqual(plain.predictions);
    }
  });

  it.each([
    [1, 1],
    [1, 2],
    [3, 1],
    [252, 507],
    [17, 33],
    [5, 4096],
    [2, 32001],
    [1000, 3],
  ])("odd shape [%i, %i]", (rows, classes) => {
    for (const loss of allLosses) {
      check(isa, randomBatch(Random.from(rows, "odd", classes), loss, { rows, classes, scale: 4 }));
    }
  });

  it.each(softmaxLosses.map((loss) => [nameOf(loss), loss] as const))(
    "%s: long rows, the largest logits anywhere and far above the first",
    (_, loss) => {
      for (let n = 0; n < 120; n++) {
        const random = Random.from(n, "long", nameOf(loss));
        const shape = { rows: 9, classes: 380 + random.int(900), scale: 4 };
        const args = randomBatch(random, loss, shape);
        for (let i = 0; i < shape.rows; i++) {
          const row = args.logits.subarray(i * shape.classes, (i + 1) * shape.classes);
          const rise = [0, 30, 39, 41, 120, 1e3, 5e3, 1e30][random.int(8)]!;
          const ties = 1 + random.int(3);
          for (let k = 0; k < ties; k++) row[random.int(row.length)] = rise;
        }
        check(isa, args);
      }
    },
  );

  it.each([80, 1e3, 1e4])("logits of ±%d", (scale) => {
    for (const loss of allLosses) {
      const shape = { rows: 200, classes: 37, scale: scale / 3 };
      check(isa, randomBatch(Random.from(scale, "extreme"), loss, shape));
    }
  });

  it("all logits the same, and far from 0", () => {
    const lowest = -3.4028234663852886e38;
    for (const classes of [1, 2, 15, 16, 21]) {
      for (const value of [0, -0, 1e4, -1e4, 1e30, lowest, -lowest]) {
        const args = randomBatch(Random.from(1), "cross-entropy", { rows: 9, classes, scale: 1 });
        args.logits.fill(value);
        check(isa, args);
      }
    }
  });

  it("finite logits whose difference is not", () => {
    const logits = Float32Array.of(3e38, -3e38, 0, -3e38, 3e38, 1);
    const labels = Int32Array.of(0, 1);
    const args = randomBatch(Random.from(1), "cross-entropy", { rows: 2, classes: 3, scale: 1 });
    check(isa, { ...args, logits, labels });
  });

  it.each(softmaxLosses.map((loss) => [nameOf(loss), loss] as const))(
    "%s: label probabilities from 1e-30 to 1 - 1e-7",
    (_, loss) => {
      const odds = [
        ...Array.from({ length: 61 }, (_, i) => 10 ** (-30 + i / 2)),
        ...[0.5, 0.9, 0.99, 0.999].map((u) => u / (1 - u)),
        ...Array.from({ length: 15 }, (_, i) => 10 ** (i / 2)),
      ];
      for (const classes of [2, 3, 10, 100, 1000]) {
        const random = Random.from(classes, "confident");
        const args = randomBatch(random, loss, { rows: odds.length, classes, scale: 1 });
        odds.forEach((odd, i) => {
          const row = args.logits.subarray(i * classes, (i + 1) * classes);
          const label = args.labels[i]!;
          const others = row.reduce((sum, z, k) => sum + (k === label ? 0 : Math.exp(z)), 0);
          row[label] = Math.log(odd * others);
        });
        check(isa, args);
      }
    },
  );

  it.each(readGolden().lilaw_cases)("golden $name", (c) => {
    const logits = Float32Array.from(c.logits.flat());
    const args = {
      ...{ logits, labels: Int32Array.from(c.labels), classes: c.logits[0]!.length },
      ...{ loss: lossOf(c), params: paramsOf(c), normalize: "none" as const },
    };
    check(isa, { ...args, gradient: "full" });
    check(isa, { ...args, gradient: "detached" });
    // Against the vectors themselves, whose logits are float64: only as near as float32 logits can be.
    const tolerance = 1e-6 + 2 ** -22 * logits.reduce((most, z) => Math.max(most, Math.abs(z)), 0);
    const out = newOutputs({ ...args, gradient: "full" });
    const { objective } = weightedLoss({ ...args, gradient: "full" }, out);
    const near = (actual: ArrayLike<number>, golden: number[]) => {
      golden.forEach((value, i) => {
        expect(Math.abs(actual[i]! - value)).toBeLessThan(tolerance * Math.max(1, Math.abs(value)));
      });
    };
    near(out.losses, c.loss_per_sample);
    near(out.weights, c.weight);
    near(out.gradLogits, c.grad_logits_full.flat());
    near([objective], [c.weighted_loss_mean]);
    const meta = metaGradient(args);
    near([meta.alpha, meta.beta, meta.delta], Object.values(paramsOf(c.meta_grad)));
  });

  it.each(readLossGolden())("golden $name", ({ transition, ...c }) => {
    const classes = c.logits[0]!.length;
    const byLabel =
      transition && Float32Array.from(transition.flatMap((_, j) => transition.map((row) => row[j]!)));
    const args = {
      ...{ logits: Float32Array.from(c.logits.flat()), labels: Int32Array.from(c.labels), classes },
      ...{ loss: c.loss, params: paramsOf(c.params), normalize: "none" as const },
      ...(byLabel && { transition: byLabel }),
    };
    check(isa, { ...args, gradient: "full" });
    check(isa, { ...args, gradient: "detached" });
    check(isa, { ...args, gradient: "full", params: null });
  });

  it.each(readGolden().lilaw_multilabel_cases)("golden $name", (c) => {
    check(isa, {
      ...{ logits: Float32Array.from(c.logits.flat()), labels: Uint8Array.from(c.targets.flat()) },
      ...{ classes: c.logits[0]!.length, loss: "multi-label", params: paramsOf(c) },
      ...{ gradient: "full", normalize: "none" },
    });
  });

  it.each(readGolden().l2rw_cases.filter((c) => !isNetworkCase(c)))("golden $name", (c) => {
    const rows = c.dot.length;
    const args = {
      ...{ logits: new Float32Array(2 * rows), labels: new Int32Array(rows), classes: 2 },
      ...{ loss: "cross-entropy" as const, tangents: Float32Array.from(c.dot.flatMap((a) => [-a, a])) },
    };
    const out = { alignments: new Float32Array(rows), weights: new Float32Array(rows) };
    alignmentWeights(args, out);
    c.dot.forEach((dot, i) => void expect(inUlps(out.alignments[i]!, dot)).toBeLessThanOrEqual(ULPS));
    c.weights.forEach((w, i) => void expect(out.weights[i]).toBeCloseTo(w, 6));
  });

  it.each(allLosses.map((loss) => [nameOf(loss), loss] as const))(
    "%s: batch mean, meta-gradient and alignments against the reference",
    (name, loss) => {
      for (let n = 0; n < 150; n++) {
        const random = Random.from(n, "sums", name);
        const shape = { rows: 2 + size(random), classes: Math.min(size(random), 120), scale: 4 };
        const args = { ...randomBatch(random, loss, shape), normalize: "batch-mean" as const };
        const out = newOutputs(args);
        const exact = newOutputs(args);
        const close = (actual: ArrayLike<number>, expected: ArrayLike<number>, scale: number) => {
          let worst = 0;
          for (let i = 0; i < expected.length; i++) {
            const error = Math.abs(actual[i]! - expected[i]!) / (Math.abs(expected[i]!) + scale);
            worst = Math.max(worst, actual[i] === expected[i] ? 0 : error);
          }
          expect(worst).toBeLessThanOrEqual(1e-6);
        };
        const { objective, gradParams } = weightedLoss(args, out);
        const wanted = referenceBackend.weightedLoss({ ...args, ...referenceBatch(args) }, exact);
        close([objective], [wanted.objective], 0);
        // Normalised by the batch, each row's part is a difference of terms of the size of the objective.
        close(Object.values(gradParams), Object.values(wanted.gradParams), wanted.objective);
        close(out.weights, exact.weights, 0);
        // Entries are small differences of terms of the size of the losses.
        close(out.gradLogits, exact.gradLogits, (10 * Math.max(1, ...exact.losses)) / shape.rows);

        const coefficients = Float32Array.from({ length: shape.rows }, () => random.normal());
        for (const more of [{}, { coefficients }]) {
          const params = args.params!;
          const meta = metaGradient({ ...args, params, ...more });
          const reference = referenceBackend.metaGradient({ ...referenceBatch(args), params, ...more });
          expect(meta.nonFiniteRows).toBe(0);
          // Without coefficients a part is a small difference times a loss, which may be larger by this factor.
          const size = "coefficients" in more ? 1 : 1e-3 * largestFactor(loss);
          close(Object.values(meta), Object.values(reference), size);
        }

        const tangents = args.logits.map(() => random.normal());
        const found = { alignments: out.losses, weights: out.weights };
        const right = { alignments: exact.losses, weights: exact.weights };
        alignmentWeights({ ...args, tangents }, found);
        referenceBackend.alignmentWeights({ ...referenceBatch(args), tangents }, right);
        close(found.alignments, right.alignments, largestFactor(loss));
        close(found.weights, right.weights, 1);
      }
    },
  );

  it.each(
    [3.4e38, 1e-36, 1e-42].flatMap((size) => allLosses.map((loss) => [nameOf(loss), size, loss] as const)),
  )("%s, tangents of %f: weights of alignments that are no float32", (name, size, loss) => {
    const random = Random.from(4, "range", name);
    const args = randomBatch(random, loss, { rows: 70, classes: 19, scale: 3 });
    const tangents = args.logits.map(() => (random.uniform() < 0.5 ? -size : size));
    const found = { alignments: new Float32Array(70), weights: new Float32Array(70) };
    const right = { alignments: new Float64Array(70), weights: new Float64Array(70) };
    const alone = { weights: new Float32Array(70) };
    expect(alignmentWeights({ ...args, tangents }, found)).toEqual({ nonFiniteRows: 0 });
    alignmentWeights({ ...args, tangents }, alone);
    referenceBackend.alignmentWeights({ ...referenceBatch(args), tangents }, right);
    right.weights.forEach((weight, i) => {
      expect(Math.abs(found.weights[i]! - weight), `row ${i}`).toBeLessThanOrEqual(1e-6 * weight + 1e-9);
    });
    expect(alone.weights).toEqual(found.weights);
    // The nearest float32, which may be infinite or 0.
    right.alignments.forEach((alignment, i) => {
      const least = 2 ** -149;
      const error = Math.abs(found.alignments[i]! - Math.fround(alignment));
      if (error > 1e-6 * Math.abs(alignment) + least) {
        expect(found.alignments[i], `row ${i}`).toBe(Math.fround(alignment));
      }
    });
  });

  it.each([41, 700].flatMap((classes) => allLosses.map((loss) => [nameOf(loss), classes, loss] as const)))(
    "%s, %i classes: rows with NaN or infinity are NaN, and touch no other",
    (name, wanted, loss) => {
      const random = Random.from(3, "bad", name);
      const args = randomBatch(random, loss, { rows: 70, classes: wanted, scale: 3 });
      const { classes } = args;
      const clean = newOutputs(args);
      weightedLoss(args, clean);
      // Several payloads: a NaN is any of 2^24 bit patterns.
      const bits = new Uint32Array(args.logits.buffer);
      const bad = [0x7f800000, 0xff800000, 0x7fc00000, 0xffc00000, 0x7fc00001, 0x7fffffff, 0x7f800001];
      const rows = [0, 1, 8, 31, 32, 40, 69];
      rows.forEach((row, i) => {
        bits[row * classes + random.int(classes)] = bad[i]!;
      });
      const out = newOutputs(args);
      const { objective, nonFiniteRows } = weightedLoss(args, out);
      expect(nonFiniteRows).toBe(rows.length);
      expect(objective).toBeNaN();
      for (let i = 0; i < 70; i++) {
        const isBad = rows.includes(i);
        expect(out.predictions[i]).toBe(isBad ? -1 : clean.predictions[i]);
        for (const key of ["losses", "weights", "labelProbs", "maxProbs"] as const) {
          expect(out[key][i], key).toBe(isBad ? Number.NaN : clean[key][i]);
        }
        for (const key of ["alpha", "beta", "delta"] as const) {
          expect(out.terms![key][i], key).toBe(isBad ? Number.NaN : clean.terms![key][i]);
        }
        const range = [i * classes, (i + 1) * classes] as const;
        expect(out.gradLogits.subarray(...range)).toEqual(
          isBad ? new Float32Array(classes).fill(Number.NaN) : clean.gradLogits.subarray(...range),
        );
      }
      const params = args.params!;
      expect(metaGradient({ ...args, params })).toEqual({
        ...{ alpha: Number.NaN, beta: Number.NaN, delta: Number.NaN, objective: Number.NaN },
        nonFiniteRows: rows.length,
      });
      const found = { alignments: out.losses, weights: out.weights };
      const tangents = args.logits.map(() => 1);
      tangents[2 * classes] = Number.POSITIVE_INFINITY;
      expect(alignmentWeights({ ...args, tangents }, found).nonFiniteRows).toBe(rows.length + 1);
      for (let i = 0; i < 70; i++) {
        expect(Number.isNaN(found.weights[i])).toBe(rows.includes(i) || i === 2);
        expect(Number.isNaN(found.alignments[i])).toBe(rows.includes(i) || i === 2);
      }
    },
  );
});
