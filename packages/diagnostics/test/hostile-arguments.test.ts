import { answer, anything, mostly } from "@lilaw/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  accuracy,
  auprc,
  auroc,
  effectiveSampleSize,
  findLabelIssues,
  issueScoreNames,
  issueScores,
  type LabelIssuesOptions,
  labelFilters,
  labelIssues,
  labelRankings,
  multiclassAuroc,
  precisionAtK,
  predictedClasses,
  type SampleBatch,
  SampleRecorder,
  softmax,
} from "../src/index.js";

const length = 4;
const number = fc.oneof(fc.double(), fc.constantFrom(0, 1, Number.NaN, Infinity, -Infinity));
const numbers = fc.oneof(
  fc.array(number, { minLength: length, maxLength: length }),
  fc.array(number, { minLength: length, maxLength: length }).map((list) => Float32Array.from(list)),
  fc.array(mostly(number), { maxLength: length + 1 }),
);
const classes = fc.oneof(fc.integer({ min: 1, max: 4 }), fc.constantFrom(0, 2 ** 31, 2 ** 53 - 1));
const labels = fc.array(fc.nat(3), { minLength: length, maxLength: length });
const flags = fc.array(fc.oneof(fc.boolean(), fc.constantFrom(0, 1)), {
  minLength: length,
  maxLength: length,
});

const runs = { numRuns: 2000 };
const inUnit = (value: unknown) =>
  value === undefined || Number.isNaN(value) || ((value as number) >= 0 && (value as number) <= 1 + 1e-12);

describe("hostile arguments get a right answer or an error with a code:", () => {
  it("metrics", () => {
    const scores = mostly(numbers) as fc.Arbitrary<never>;
    const second = mostly(fc.oneof(labels, flags)) as fc.Arbitrary<never>;
    const third = mostly(classes) as fc.Arbitrary<never>;
    fc.assert(
      fc.property(scores, second, third, (a, b, c) => {
        for (const share of [
          () => accuracy(a, b),
          () => auroc(a, b),
          () => auprc(a, b),
          () => precisionAtK(a, b, c),
          () => multiclassAuroc(a, b, c),
        ]) {
          expect(answer(share)).toSatisfy(inUnit);
        }
        const size = answer(() => effectiveSampleSize(a));
        if (size !== undefined) {
          expect(size).toBeGreaterThanOrEqual(0);
          expect(size).toBeLessThanOrEqual((a as number[]).length * (1 + 1e-12));
        }
        const probs = answer(() => softmax(a, c));
        if (probs !== undefined) expect([...probs].every(inUnit)).toBe(true);
        const found = answer(() => predictedClasses(a, c));
        if (found !== undefined) expect(found.every((label) => label >= 0 && label < c)).toBe(true);
      }),
      runs,
    );
  });

  it("proxies of typed arrays, and revoked ones", () => {
    const { proxy, revoke } = Proxy.revocable([0.5], {});
    revoke();
    for (const scores of [new Proxy(Float32Array.of(0.5), {}), proxy]) {
      const refused = expect.objectContaining({ code: "INVALID_ARGUMENT" });
      expect(() => accuracy(scores, [1])).toThrow(refused);
      expect(() => softmax(scores, 1)).toThrow(refused);
    }
  });

  const terms = fc.record({ alpha: mostly(numbers), beta: mostly(numbers), delta: mostly(numbers) });

  it("SampleRecorder, which keeps what it has when it refuses", () => {
    const batch = fc.record(
      {
        epoch: mostly(fc.nat(1)),
        rows: mostly(fc.array(fc.nat(length - 1), { minLength: length, maxLength: length })),
        losses: mostly(numbers),
        labelProbs: mostly(numbers),
        maxProbs: mostly(numbers),
        weights: mostly(numbers),
        predictions: mostly(labels),
        margins: mostly(numbers),
        terms: mostly(terms),
      },
      { requiredKeys: ["epoch", "rows", "losses", "labelProbs", "maxProbs", "weights", "predictions"] },
    );
    fc.assert(
      fc.property(fc.array(mostly(batch), { maxLength: 6 }), (batches) => {
        const recorder = new SampleRecorder(length);
        let before: unknown;
        for (const given of batches) {
          const taken = answer(() => {
            recorder.add(given as SampleBatch);
            return true;
          });
          const record = answer(() => recorder.record);
          answer(() => recorder.run);
          expect(SampleRecorder.from(recorder.state()).state()).toEqual(recorder.state());
          if (taken === undefined) expect(structuredClone(record)).toEqual(before);
          else
            for (const row of Array.from((given as SampleBatch).rows))
              expect(record!.predictions[row]).not.toBe(-1);
          before = structuredClone(record);
        }
      }),
      { numRuns: 2000 },
    );
    fc.assert(fc.property(anything, (count) => void answer(() => new SampleRecorder(count as number))));
  });

  it("labelIssues and issueScores", () => {
    // Of so many columns nearly all must be right for an answer.
    const nearly = (right: fc.Arbitrary<unknown>) =>
      fc.oneof({ weight: 40, arbitrary: right }, { weight: 1, arbitrary: mostly(numbers) });
    const column = nearly(fc.array(number, { minLength: length, maxLength: length }));
    const integers = nearly(labels);
    const terms = fc.record({ alpha: column, beta: column, delta: column });
    const record = fc.record(
      {
        epoch: nearly(fc.nat(9)),
        losses: column,
        labelProbs: column,
        maxProbs: column,
        weights: column,
        predictions: integers,
        terms: terms,
      },
      { requiredKeys: ["epoch", "losses", "labelProbs", "maxProbs", "weights", "predictions"] },
    );
    const answered = new Set<string>();
    const run = fc.record(
      {
        epochs: integers,
        suggestedLabels: integers,
        meanLabelProbs: column,
        meanMargins: column,
        areasUnderMargin: column,
        forgettingEvents: integers,
        firstLearned: column,
        terms: terms,
      },
      {
        requiredKeys: ["epochs", "suggestedLabels", "meanLabelProbs", "meanMargins", "firstLearned"],
      },
    );
    const options = fc.record(
      {
        record: nearly(record),
        run: nearly(run),
        labels: mostly(labels),
        score: mostly(fc.constantFrom(...issueScoreNames, undefined)),
        flags: mostly(flags),
        k: mostly(fc.integer({ min: 1, max: length })),
      },
      { requiredKeys: ["record", "labels"] },
    );
    fc.assert(
      fc.property(mostly(options), (options) => {
        const found = answer(() => labelIssues(options as never));
        if (found === undefined) return;
        answered.add(found.score);
        const rows = [...found.issues.map(({ row }) => row), ...found.unscored];
        expect(new Set(rows).size).toBe(rows.length);
        expect(found.issues.every(({ score }) => !Number.isNaN(score))).toBe(true);
        const { record, run, score } = options as LabelIssuesOptions;
        answer(() => issueScores(record, score!, run));
      }),
      runs,
    );
    expect(answered).toEqual(new Set(issueScoreNames));
  });

  it("findLabelIssues", () => {
    const probs = fc.array(fc.oneof(fc.constant([0.5, 0.25, 0.25]), fc.constant([0, 1, 0]), anything), {
      minLength: length,
      maxLength: length,
    });
    const flat = fc.oneof(
      fc.constant(new Float32Array(3 * length).fill(1 / 3)),
      fc.constant(new Float64Array(2 * length).fill(0.5)),
    );
    const options = fc.record(
      {
        labels: mostly(labels),
        predProbs: mostly(fc.oneof(probs, flat)),
        classes: mostly(classes),
        filterBy: mostly(fc.constantFrom(...labelFilters)),
        rankBy: mostly(fc.constantFrom(...labelRankings)),
      },
      { requiredKeys: ["labels", "predProbs"] },
    );
    fc.assert(
      fc.property(mostly(options), (options) => {
        const found = answer(() => findLabelIssues(options as never));
        if (found === undefined) return;
        expect(found.issues.every(({ score }) => score >= 0 && score <= 1)).toBe(true);
        expect(found.issues.every(({ label, suggestedLabel }) => label !== suggestedLabel)).toBe(true);
      }),
      runs,
    );
  });
});

const batch = (epoch: number, values: Partial<SampleBatch> = {}): SampleBatch => ({
  ...{ epoch, rows: [0, 1], losses: [1, 2], labelProbs: [0.5, 0.5], maxProbs: [0.5, 0.5] },
  ...{ weights: [1, 1], predictions: [0, 1], ...values },
});
const terms = { alpha: [0.5, 0.5], beta: [0.5, 0.5], delta: [0.5, 0.5] };

describe("nothing is lost without a word:", () => {
  it("rows whose loss is not a number are told, not left out", () => {
    const recorder = new SampleRecorder(3);
    recorder.add(batch(0, { losses: [Number.NaN, 2] }));
    const found = labelIssues({
      record: recorder.record,
      labels: [0, 0, 0],
      score: "loss",
      flags: [1, 0, 0],
    });
    expect(found.issues.map(({ row }) => row)).toEqual([1]);
    expect(found.unscored).toEqual([0]);
  });

  it("an epoch without visited rows has no quality, and no error", () => {
    const recorder = new SampleRecorder(2);
    recorder.add(batch(0, { losses: [Number.NaN, Number.NaN] }));
    const { quality } = labelIssues({ record: recorder.record, labels: [0, 0], flags: [0, 1] });
    expect(quality).toMatchObject({ auroc: Number.NaN, auprc: Number.NaN, precisionAtK: Number.NaN });
  });

  it.each([
    ["an epoch that is not a number", { epoch: Number.NaN }],
    ["a prediction that is not a number", { predictions: [0, Number.NaN] }],
    ["a prediction that means a row was not visited", { predictions: [0, -1] }],
    ["holes", { losses: new Array(2) }],
    ["text", { losses: ["1", "2"] as never }],
    ["big integers", { weights: new BigInt64Array(2) as never }],
    ["terms that the epoch's first batch had not", { terms }],
  ])("%s in a batch is refused", (_, values) => {
    const recorder = new SampleRecorder(2);
    recorder.add(batch(3));
    const before = structuredClone(recorder.record);
    expect(() => recorder.add(batch(3, values))).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT" }),
    );
    expect(recorder.record).toEqual(before);
  });

  it("terms that later batches lack are missed", () => {
    const recorder = new SampleRecorder(4);
    recorder.add(batch(3, { terms }));
    expect(() => recorder.add(batch(3, { rows: [2, 3] }))).toThrow("terms as in the epoch's other batches");
    recorder.add(batch(4));
  });

  it("a batch may be a part of the record itself", () => {
    const recorder = new SampleRecorder(2);
    recorder.add(batch(0));
    const { losses } = recorder.record;
    recorder.add(batch(0, { rows: [1, 0], losses }));
    expect([...recorder.record.losses]).toEqual([2, 1]);
  });

  it("an array of no numbers is refused, not compared", () => {
    expect(() => accuracy(new BigInt64Array(2) as never, new Int32Array(2))).toThrow("for predictions");
    expect(() => auroc([1, 2], ["no", "yes"] as never)).toThrow('for positives[0] but received "no"');
    expect(() => auroc([1, 2], [0, Number.NaN])).toThrow("for positives[1]");
  });

  it("weights at the ends of the range of numbers count as others do", () => {
    expect(effectiveSampleSize([1e200, 1e200])).toBe(2);
    expect(effectiveSampleSize([1e-200, 1e-200, 0])).toBe(2);
    expect(effectiveSampleSize([5e-324])).toBe(1);
  });

  it("any number of classes has no area over no samples", () => {
    expect(multiclassAuroc([], [], 2 ** 53 - 1)).toBeNaN();
  });

  it("getters run once", () => {
    let reads = 0;
    const losses = Object.defineProperty([0, 2], 0, { get: () => (reads++ === 0 ? 1 : 5n) });
    const recorder = new SampleRecorder(2);
    recorder.add(batch(0, { losses }));
    expect([...recorder.record.losses]).toEqual([1, 2]);
    expect(reads).toBe(1);
  });
});
