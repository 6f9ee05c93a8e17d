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
    ...(terms && { terms: { alpha: values(0.5), beta: values(0.625), delta: values(0.75) } }),
  };
}

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
