import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { auprc, auroc, labelIssues, precisionAtK, type SampleBatch, SampleRecorder } from "../src/index.js";

/** A batch whose values encode their row and epoch. */
function batchOf(epoch: number, rows: number[], terms = true): SampleBatch {
  const values = (offset: number) => Float32Array.from(rows, (row) => epoch + offset + row / 64);
  return {
    epoch,
    rows: Int32Array.from(rows),
    losses: values(0),
    labelProbs: values(0.125),
    maxProbs: values(0.25),
    weights: values(0.375),
    predictions: Int32Array.from(rows, (row) => row % 3),
    margins: values(-1.5),
    rivals: Int32Array.from(rows, (row) => (row + epoch) % 4),
    ...(terms && { terms: { alpha: values(0.5), beta: values(0.625), delta: values(0.75) } }),
  };
}

interface Visit {
  row: number;
  u: number;
  margin: number;
  terms: [number, number, number];
}

function visitsBatch(epoch: number, visits: Visit[], terms: boolean): SampleBatch {
  const rows = visits.map(({ row }) => row);
  const [alpha, beta, delta] = [0, 1, 2].map((k) => visits.map((v) => v.terms[k]!)) as [
    number[],
    number[],
    number[],
  ];
  return {
    ...batchOf(epoch, rows, false),
    labelProbs: visits.map(({ u }) => u),
    margins: visits.map(({ margin }) => margin),
    ...(terms && { terms: { alpha, beta, delta } }),
  };
}

const sum = (values: number[]) => values.reduce((a, b) => a + b, 0);
const mean = (values: number[]) => sum(values) / values.length;

describe("SampleRecorder", () => {
  it("puts every batch at its rows, whatever the order and size of the batches", () => {
    const shuffled = fc.shuffledSubarray([...Array(20).keys()], { minLength: 1 });
    fc.assert(
      fc.property(shuffled, fc.integer({ min: 1, max: 7 }), (rows, size) => {
        const recorder = new SampleRecorder(20);
        for (let i = 0; i < rows.length; i += size) recorder.add(batchOf(2, rows.slice(i, i + size)));
        const { record } = recorder;
        for (let row = 0; row < 20; row++) {
          const seen = rows.includes(row);
          expect(record.losses[row]).toBe(seen ? 2 + row / 64 : Number.NaN);
          expect(record.weights[row]).toBe(seen ? 2.375 + row / 64 : Number.NaN);
          expect(record.terms!.delta[row]).toBe(seen ? 2.75 + row / 64 : Number.NaN);
          expect(record.predictions[row]).toBe(seen ? row % 3 : -1);
        }
      }),
    );
  });

  it("forgets the epoch before", () => {
    const recorder = new SampleRecorder(3);
    recorder.add(batchOf(0, [0, 1, 2], false));
    recorder.add(batchOf(1, [1]));
    expect(recorder.record.epoch).toBe(1);
    expect([...recorder.record.losses]).toEqual([Number.NaN, 1 + 1 / 64, Number.NaN]);
    expect(recorder.record.terms).toBeDefined();
  });

  const random = fc.noShrink(fc.integer({ min: 1, max: 9 }));

  it("tells the means of a run: each epoch counts once, with the values of the last visit", () => {
    const value = fc.float({ min: -1, max: 1, noNaN: true });
    const visit = fc.record({
      row: fc.nat(4),
      u: value,
      margin: value,
      terms: fc.tuple(value, value, value),
    });
    const epochs = fc.array(fc.record({ terms: fc.boolean(), visits: fc.array(visit, { minLength: 1 }) }), {
      minLength: 1,
      maxLength: 6,
    });
    fc.assert(
      fc.property(epochs, random, (given, size) => {
        const recorder = new SampleRecorder(5);
        given.forEach(({ terms, visits }, epoch) => {
          for (let i = 0; i < visits.length; i += size)
            recorder.add(visitsBatch(epoch, visits.slice(i, i + size), terms));
        });
        const { run } = recorder;
        for (let row = 0; row < 5; row++) {
          const seen = given.flatMap(({ terms, visits }, epoch) => {
            const last = visits.findLast((v) => v.row === row);
            return last ? [{ ...last, epoch, weighed: terms }] : [];
          });
          const weighed = seen.filter((v) => v.weighed);
          const learned = seen.map(({ margin }) => margin >= 0);
          expect(run.epochs[row]).toBe(seen.length);
          expect(run.meanLabelProbs[row]).toBe(mean(seen.map(({ u }) => u)));
          expect(run.meanMargins[row]).toBe(mean(seen.map(({ margin }) => margin)));
          expect(run.areasUnderMargin[row]).toBe(
            seen.length === 0 ? Number.NaN : sum(seen.map((v) => v.margin)),
          );
          expect(run.forgettingEvents[row]).toBe(learned.filter((now, i) => !now && learned[i - 1]).length);
          expect(run.firstLearned[row]).toBe(seen[learned.indexOf(true)]?.epoch ?? Number.NaN);
          if (run.terms) expect(run.terms.beta[row]).toBe(mean(weighed.map((v) => v.terms[1])));
          else expect(given.some(({ terms }) => terms)).toBe(false);
        }
      }),
    );
  });

  it("goes on from its state bit for bit", () => {
    const step = fc.record({ epoch: fc.nat(3), rows: fc.array(fc.nat(6)), terms: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step), fc.nat(12), (steps, cut) => {
        const epochs = new Map<number, boolean>(); // whether an epoch has terms
        const batches = steps
          .sort((a, b) => a.epoch - b.epoch)
          .map(({ epoch, rows, terms }) => {
            if (!epochs.has(epoch)) epochs.set(epoch, terms);
            return batchOf(epoch, rows, epochs.get(epoch)!);
          });
        const through = new SampleRecorder(7);
        for (const batch of batches) through.add(batch);
        const first = new SampleRecorder(7);
        for (const batch of batches.slice(0, cut)) first.add(batch);
        const second = SampleRecorder.from(first.state());
        expect(second.state()).toEqual(first.state());
        for (const batch of batches.slice(cut)) second.add(batch);
        expect(second.state()).toEqual(through.state());
        if (batches.length === 0) return;
        expect(second.record).toEqual(through.record);
        expect(second.run).toEqual(through.run);
      }),
    );
  });

  it("refuses a state that was damaged, and says so", () => {
    const recorder = new SampleRecorder(2);
    recorder.add(batchOf(0, [0, 1]));
    const state = recorder.state();
    for (let i = 0; i < state.length; i++) {
      const damaged = state.slice();
      damaged[i]! ^= 1;
      expect(() => SampleRecorder.from(damaged)).toThrow(expect.objectContaining({ code: "CORRUPT_FILE" }));
    }
    for (const other of [state.slice(0, -1), state.slice(1), new Uint8Array(9), new Uint8Array(0)])
      expect(() => SampleRecorder.from(other)).toThrow("Expected a state of a SampleRecorder");
    expect(() => SampleRecorder.from("bytes" as never)).toThrow("Expected a Uint8Array for state");
  });

  it("suggests the rival with most of the votes, which the last epochs do not change", () => {
    const recorder = new SampleRecorder(2);
    const epochs = [
      { margins: [-1, 0], rivals: [3, 1] },
      { margins: [-0.5, -1], rivals: [3, 2] },
      { margins: [0, -0.5], rivals: [1, 2] },
      // From here on row 0 is memorised: its rival changes, and has no support.
      { margins: [0.875, 1], rivals: [1, 1] },
      { margins: [1, 1], rivals: [2, 0] },
    ];
    epochs.forEach((values, epoch) => {
      recorder.add({ ...batchOf(epoch, [0, 1], false), ...values, predictions: [0, 0] });
    });
    expect([...recorder.run.suggestedLabels]).toEqual([3, 2]);
    expect(() => recorder.add({ ...batchOf(9, [0], false), margins: undefined })).toThrow(
      "margins with the rivals",
    );
  });

  it("suggests the last prediction where batches have no rivals, and nothing without a visit", () => {
    const recorder = new SampleRecorder(2);
    for (const epoch of [0, 1])
      recorder.add({ ...batchOf(epoch, [1]), rivals: undefined, predictions: [epoch + 5] });
    expect([...recorder.run.suggestedLabels]).toEqual([-1, 6]);
  });

  it("refuses margins in some batches of an epoch only", () => {
    const recorder = new SampleRecorder(3);
    recorder.add(batchOf(0, [0]));
    expect(() => recorder.add({ ...batchOf(0, [1]), margins: undefined, rivals: undefined })).toThrow(
      "margins as in the epoch's",
    );
    expect(recorder.record.losses[1]).toBeNaN();
  });

  it("refuses what does not fit and keeps what it has", () => {
    const recorder = new SampleRecorder(3);
    recorder.add(batchOf(0, [0, 1]));
    const before = structuredClone(recorder.record);
    expect(() => recorder.add(batchOf(0, [2, 3]))).toThrow("from 0 to 2 for rows[1] but received 3");
    expect(() => recorder.add({ ...batchOf(0, [0, 2]), losses: [1] })).toThrow("received 1 and 2");
    expect(recorder.record).toEqual(before);
    expect(() => new SampleRecorder(0)).toThrow("for count");
    expect(() => new SampleRecorder(1).record).toThrow("at least one batch");
  });
});

describe("labelIssues", () => {
  const record = {
    epoch: 3,
    losses: Float32Array.of(0.5, 4, 1, Number.NaN),
    labelProbs: Float32Array.of(0.5, 0.0625, 0.375, Number.NaN),
    maxProbs: Float32Array.of(0.5, 0.5, 0.5, Number.NaN),
    weights: Float32Array.of(2, 1, 0, Number.NaN),
    predictions: Int32Array.of(0, 2, 1, -1),
    terms: {
      alpha: Float32Array.of(0.75, 0.25, 0.5, Number.NaN),
      beta: Float32Array.of(0.25, 0.5, 0.75, Number.NaN),
      delta: Float32Array.of(0, 0, 0, Number.NaN),
    },
  };
  const labels = Int32Array.of(0, 1, 1, 2);

  it("ranks by 1 - W_alpha, most suspect first, without rows the epoch did not visit", () => {
    expect(labelIssues({ record, labels })).toEqual({
      score: "alpha",
      issues: [
        { row: 1, label: 1, suggestedLabel: 2, score: 0.75 },
        { row: 2, label: 1, suggestedLabel: 1, score: 0.5 },
        { row: 0, label: 0, suggestedLabel: 0, score: 0.25 },
      ],
      unscored: [],
    });
  });

  it.each([
    ["beta", [2, 1, 0], [0.75, 0.5, 0.25]],
    ["loss", [1, 2, 0], [4, 1, 0.5]],
    ["self-confidence", [1, 2, 0], [0.9375, 0.625, 0.5]],
    ["margin", [1, 2, 0], [0.4375, 0.125, 0]],
    ["weight", [2, 1, 0], [-0, -1, -2]],
  ] as const)("ranks by %s", (score, rows, scores) => {
    const { issues } = labelIssues({ record, labels, score });
    expect(issues.map((issue) => issue.row)).toEqual(rows);
    expect(issues.map((issue) => issue.score)).toEqual(scores);
  });

  it("falls back to the loss without LiLAW's terms", () => {
    const { terms: _, ...plain } = record;
    expect(labelIssues({ record: plain, labels }).score).toBe("loss");
    expect(() => labelIssues({ record: plain, labels, score: "alpha" })).toThrow("with LiLAW's terms");
  });

  /** Row 0: always learned; 1: forgotten once; 2: never learned; 3: not in the last epoch; 4: never visited. */
  const recorded = (terms: boolean) => {
    const recorder = new SampleRecorder(5);
    const margins = [
      [0.5, 0.75, -0.5, 0.25],
      [0.75, -0.25, -0.75, 0.25],
      [1, 0.25, -0.25],
    ];
    margins.forEach((values, epoch) => {
      const rows = values.map((_, row) => row);
      recorder.add({
        ...batchOf(epoch, rows, false),
        margins: values,
        rivals: undefined,
        labelProbs: values.map((m) => (m + 1) / 2),
        predictions: values.map((m) => (m >= 0 ? 0 : epoch + 1)),
        ...(terms && { terms: { alpha: rows.map((r) => r / 8), beta: rows.map((r) => r / 4), delta: rows } }),
      });
    });
    return recorder;
  };

  it.each([
    ["area-under-margin", [2, 1, 3, 0], [0.75, 0.375, 0.375, 0.125]],
    ["mean-self-confidence", [2, 1, 3, 0], [0.75, 0.375, 0.375, 0.125]],
    ["mean-alpha", [0, 1, 2, 3], [1, 0.875, 0.75, 0.625]],
    ["mean-beta", [3, 2, 1, 0], [0.75, 0.5, 0.25, 0]],
    ["forgetting", [2, 1, 0, 3], [3, 1, 0, 0]],
    ["first-learned", [2, 0, 1, 3], [3, 0, 0, 0]],
  ] as const)("ranks by the whole run: %s", (score, rows, scores) => {
    const { record, run } = recorded(true);
    const { issues } = labelIssues({ record, run, labels: [0, 0, 0, 0, 0], score });
    expect(issues.map((issue) => issue.row)).toEqual(rows);
    issues.forEach((issue, i) => {
      expect(issue.score).toBeCloseTo(scores[i]!, 12);
    });
    // The class predicted when the row was last seen, whatever the last epoch saw.
    expect(issues.find(({ row }) => row === 3)!.suggestedLabel).toBe(0);
    expect(issues.find(({ row }) => row === 2)!.suggestedLabel).toBe(3);
  });

  it("ranks by the area under the margin where there is a run, and says which scores a run lacks", () => {
    const { record, run } = recorded(false);
    expect(labelIssues({ record, run, labels: [0, 0, 0, 0, 0] }).score).toBe("area-under-margin");
    const without = { ...run, meanMargins: run.meanMargins.map(() => Number.NaN) };
    expect(labelIssues({ record, run: without, labels: [0, 0, 0, 0, 0] }).score).toBe("mean-self-confidence");
    for (const score of ["mean-alpha", "mean-beta"] as const)
      expect(() => labelIssues({ record, run, labels: [0, 0, 0, 0, 0], score })).toThrow(
        "a run with LiLAW's terms",
      );
    expect(() => labelIssues({ record, labels: [0, 0, 0, 0, 0], score: "forgetting" })).toThrow(
      'the record of the run for score "forgetting"',
    );
  });

  it("measures the ranking on the visited rows", () => {
    const flags = Uint8Array.of(0, 1, 0, 1);
    const scores = [0.25, 0.75, 0.5];
    expect(labelIssues({ record, labels, flags }).quality).toEqual({
      auroc: auroc(scores, [0, 1, 0]),
      auprc: auprc(scores, [0, 1, 0]),
      precisionAtK: precisionAtK(scores, [0, 1, 0], 1),
      k: 1,
    });
    expect(labelIssues({ record, labels, flags, k: 2 }).quality).toMatchObject({ precisionAtK: 0.5, k: 2 });
  });

  it("refuses unknown scores and unequal lengths", () => {
    expect(() => labelIssues({ record, labels, score: "luck" as "loss" })).toThrow(
      'for score but received "luck"',
    );
    expect(() => labelIssues({ record, labels: [0, 1] })).toThrow("received 2 and 4");
    expect(() => labelIssues({ record, labels, flags: [0, 1] })).toThrow("received 2 and 4");
  });
});
