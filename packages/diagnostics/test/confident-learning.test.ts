import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  auroc,
  classHealth,
  classPriors,
  confidentJoint,
  findLabelIssues,
  findLabelIssuesInChunks,
  IssueSelection,
  inverseNoiseMatrix,
  JointCounts,
  type LabelledProbs,
  LabelSums,
  labelFilters,
  labelRankings,
  labelScores,
  noiseMatrix,
  overlappingClasses,
} from "../src/index.js";
import { labelErrors } from "./label-errors.js";

const close = (found: number[], wanted: number[], digits = 12) => {
  expect(found.length).toBe(wanted.length);
  found.forEach((value, i) => {
    expect(value).toBeCloseTo(wanted[i]!, digits);
  });
};

describe.each(["mnist", "imdb"] as const)("real label errors of %s", (name) => {
  const { labels, predProbs, classes, reference, verdicts } = labelErrors(name);

  it.each(labelFilters)("are the rows of cleanlab 2.9.0 in its order: %s", (filterBy) => {
    const { issues, joint } = findLabelIssues({ labels, predProbs, classes, filterBy });
    expect(issues.map(({ row }) => row)).toEqual(reference[filterBy]);
    expect(joint.issues).toBe(reference.num);
    for (const { row, label, suggestedLabel } of issues) {
      expect(label).toBe(labels[row]);
      const probs = predProbs.subarray(row * classes, (row + 1) * classes);
      expect(suggestedLabel).toBe(probs.indexOf(Math.max(...probs)));
    }
  });

  it("have the joint, the matrices, priors and thresholds of cleanlab", () => {
    const joint = confidentJoint({ labels, predProbs }, classes);
    expect(joint.counts).toEqual(reference.confident_joint);
    close([...joint.thresholds], reference.thresholds);
    close(classPriors(joint), reference.py);
    close(noiseMatrix(joint).flat(), reference.noise_matrix.flat());
    close(inverseNoiseMatrix(joint).flat(), reference.inverse_noise_matrix.flat());
  });

  it.each(labelRankings)("have the scores of cleanlab, turned round: %s", (rankBy) => {
    const scores = labelScores({ labels, predProbs, classes, rankBy });
    close(
      reference[`score_${rankBy}`].map((quality) => 1 - quality),
      [...scores.slice(0, 200)],
    );
  });

  it("are ranked as people judge them, as well as by cleanlab", () => {
    const area = (scoreOf: (row: number) => number) =>
      auroc(
        verdicts.map(({ row }) => scoreOf(row)),
        verdicts.map(({ wrong }) => wrong),
      );
    /** By a ranked list of rows; those that are not in it come after it. */
    const areaOfList = (rows: number[]) => {
      const places = new Map(rows.map((row, place) => [row, place]));
      return area((row) => -(places.get(row) ?? labels.length));
    };
    const { issues } = findLabelIssues({ labels, predProbs, classes, filterBy: "predicted_neq_given" });
    const [ours, theirs] = [issues.map(({ row }) => row), reference.predicted_neq_given].map(areaOfList);
    const byScore = labelRankings.map((rankBy) => {
      const scores = labelScores({ labels, predProbs, classes, rankBy });
      return `${rankBy} ${area((row) => scores[row]!).toFixed(4)}`;
    });
    console.log(
      `${name}: AUROC on ${verdicts.length} human verdicts: ${ours!.toFixed(4)}, cleanlab ${theirs!.toFixed(4)}; ` +
        `the scores of all rows: ${byScore.join(", ")}`,
    );
    expect(verdicts.every(({ row }) => row >= 0)).toBe(true);
    expect(ours).toBe(theirs);
  });

  it("are the same in chunks of any size", async () => {
    const whole = findLabelIssues({ labels, predProbs, classes });
    function* chunks(): Generator<LabelledProbs> {
      for (let at = 0, size = 1; at < labels.length; at += size, size = (size * 7) % 4001)
        yield {
          labels: labels.subarray(at, at + size),
          predProbs: predProbs.subarray(at * classes, (at + size) * classes),
        };
    }
    expect(await findLabelIssuesInChunks({ chunks, classes })).toEqual(whole);
  });
});

/** Few different probabilities, so that there are ties; classes without samples. */
const samples = fc
  .tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 0, max: 40 }))
  .chain(([classes, count]) => {
    const row = fc
      .array(fc.integer({ min: 0, max: 4 }), { minLength: classes, maxLength: classes })
      .map((weights) => {
        const sum = weights.reduce((a, b) => a + b, 0);
        return weights.map((weight) => (sum === 0 ? 1 / classes : weight / sum));
      });
    return fc.record({
      classes: fc.constant(classes),
      labels: fc.array(fc.nat(classes - 1), { minLength: count, maxLength: count }),
      predProbs: fc.array(row, { minLength: count, maxLength: count }),
    });
  });

const filters = fc.constantFrom(...labelFilters);
const rankings = fc.constantFrom(...labelRankings);

describe("findLabelIssues", () => {
  it("is what the filters say, by their definitions", () => {
    fc.assert(
      fc.property(samples, filters, (given, filterBy) => {
        const { labels, predProbs } = given;
        const { issues, joint } = findLabelIssues({ ...given, filterBy });
        // Where no label of a class is estimated right, one is kept all the same, and its counts are no longer these.
        fc.pre(joint.counts.every((row, i) => joint.labelCounts[i] === 0 || row[i]! > 0));
        const selected = selectedByDefinition(given, filterBy, joint);
        const found = issues.map(({ row }) => row);
        expect([...found].sort((a, b) => a - b)).toEqual(selected);
        const order = [...found].sort((a, b) => {
          return predProbs[a]![labels[a]!]! - predProbs[b]![labels[b]!]! || a - b;
        });
        expect(found).toEqual(order);
      }),
      { numRuns: 600 },
    );
  });

  it("permutes with the rows, where no scores are equal", () => {
    const distinct = samples.map(({ classes, labels, predProbs }) => ({
      classes,
      labels,
      predProbs: predProbs.map((row, i) => row.map((p, k) => p * 0.9 + (k + 1) * 1e-3 + i * 1e-5)),
    }));
    fc.assert(
      fc.property(distinct, filters, rankings, fc.integer(), (given, filterBy, rankBy, seed) => {
        const order = given.labels.map((_, i) => i).sort((a, b) => Math.sin(seed + a) - Math.sin(seed + b));
        const moved = {
          labels: order.map((row) => given.labels[row]!),
          predProbs: order.map((row) => given.predProbs[row]!),
        };
        const options = { classes: given.classes, filterBy, rankBy };
        const own = findLabelIssues({ ...given, ...options });
        const other = findLabelIssues({ ...moved, ...options });
        expect(other.joint).toEqual(own.joint);
        const scored = (issues: typeof own.issues, rowOf: (row: number) => number) =>
          issues.map((issue) => ({ ...issue, row: rowOf(issue.row) })).sort((a, b) => a.row - b.row);
        expect(scored(other.issues, (row) => order[row]!)).toEqual(scored(own.issues, (row) => row));
      }),
    );
  });

  it("is the same for every form of the probabilities, in chunks, and in shards that are merged in any order", async () => {
    const cuts = fc.array(fc.nat(40), { maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(
        samples,
        filters,
        rankings,
        cuts,
        fc.boolean(),
        async (given, filterBy, rankBy, at, turned) => {
          const { classes, labels, predProbs } = given;
          const options = { classes, filterBy, rankBy };
          const whole = findLabelIssues({ ...given, ...options });
          const flat = Float64Array.from(predProbs.flat());
          expect(findLabelIssues({ labels: Uint8Array.from(labels), predProbs: flat, ...options })).toEqual(
            whole,
          );

          const ends = [
            ...at.map((cut) => Math.min(cut, labels.length)).sort((a, b) => a - b),
            labels.length,
          ];
          const parts = ends.map((end, i) => {
            const start = ends[i - 1] ?? 0;
            return { start, labels: labels.slice(start, end), predProbs: predProbs.slice(start, end) };
          });
          expect(await findLabelIssuesInChunks({ chunks: () => parts, ...options })).toEqual(whole);

          const merged = <P extends { add(part: LabelledProbs): void; merge(other: P): void }>(
            make: (start: number) => P,
          ): P => {
            const shards = parts.map((part) => {
              const shard = make(part.start);
              shard.add(part);
              return shard;
            });
            if (turned) shards.reverse();
            for (const shard of shards.slice(1)) shards[0]!.merge(shard);
            return shards[0]!;
          };
          const sums = merged(() => new LabelSums(classes));
          const counts = merged(() => new JointCounts(sums));
          const selection = merged((start) => new IssueSelection(counts, options, start));
          expect(selection.issues).toEqual(whole.issues);
          expect(selection.joint).toEqual(whole.joint);
        },
      ),
    );
  });

  it("sums probabilities without rounding", () => {
    const tiny = 2 ** -60;
    const values = [1, tiny, tiny, 2 ** -1074, 0.1, 1, 0.3];
    const means = [values, values.toReversed()].map((column) => {
      const predProbs = column.map((p) => [p, 1 - p]);
      return confidentJoint({ labels: column.map(() => 0), predProbs }).thresholds[0];
    });
    expect(means[0]).toBe(means[1]);
    // Float64 sums of these depend on the order.
    const many = Array.from({ length: 1001 }, (_, i) => (i === 500 ? 1 : 2 ** -54));
    const { thresholds } = confidentJoint({
      labels: many.map(() => 0),
      predProbs: many.map((p) => [p, 1 - p]),
    });
    expect(thresholds[0]).toBe((1 + 1000 * 2 ** -54) / 1001);
  });

  it("takes no label for wrong where it must not", () => {
    // One class; no samples; classes without samples; a class with one sample.
    expect(findLabelIssues({ labels: [0, 0], predProbs: [[1], [1]] }).issues).toEqual([]);
    const none = findLabelIssues({ labels: [], predProbs: new Float32Array(0), classes: 3 });
    expect(none.issues).toEqual([]);
    expect(none.joint.labelCounts).toEqual([0, 0, 0]);
    const sure = [
      [0.9, 0.1, 0],
      [0.1, 0.9, 0],
      [0.2, 0.1, 0.7],
    ];
    for (const filterBy of ["prune_by_noise_rate", "prune_by_class", "both"] as const)
      expect(
        findLabelIssues({ labels: [0, 0, 1], predProbs: sure, filterBy }).issues.map((i) => i.row),
      ).toEqual([1]);
    const joint = confidentJoint({ labels: [0, 0, 1], predProbs: sure });
    expect(joint.thresholds[2]).toBe(Number.POSITIVE_INFINITY);
    expect(joint.counts[2]).toEqual([0, 0, 0]);
  });

  it("reads IMDB's probabilities, some just above 1, as if they were clipped", () => {
    const { labels, predProbs } = labelErrors("imdb");
    expect(predProbs.some((p) => p > 1)).toBe(true);
    const clipped = predProbs.map((p) => Math.min(p, 1));
    expect(findLabelIssues({ labels, predProbs })).toEqual(findLabelIssues({ labels, predProbs: clipped }));
  });

  it.each<[string, object, string, string]>([
    ["NaN", { predProbs: [[Number.NaN, 1]] }, "NON_FINITE", "predProbs[0][0] but received NaN"],
    [
      "a negative number",
      { predProbs: [[-0.1, 1.1]] },
      "INVALID_ARGUMENT",
      "predProbs[0][0] but received -0.1",
    ],
    [
      "logits",
      { predProbs: [[0.3, 0.1]] },
      "INVALID_ARGUMENT",
      "that sum to 1 for predProbs[0] but received 0.4",
    ],
    [
      "a label out of range",
      { labels: [2] },
      "LABEL_OUT_OF_RANGE",
      "from 0 to 1 for labels[0] but received 2",
    ],
    ["half a label", { labels: [0.5] }, "LABEL_OUT_OF_RANGE", "labels[0] but received 0.5"],
    ["too few labels", { labels: [] }, "LENGTH_MISMATCH", "0 rows for predProbs"],
    ["too few probabilities", { labels: [0, 1] }, "LENGTH_MISMATCH", "2 rows for predProbs"],
    [
      "rows of other lengths",
      { labels: [0, 1], predProbs: [[1, 0], [1]] },
      "LENGTH_MISMATCH",
      "predProbs[1]",
    ],
    ["a flat array of the wrong length", { predProbs: new Float32Array(3) }, "LENGTH_MISMATCH", "predProbs"],
    ["text", { predProbs: "0.5" }, "INVALID_ARGUMENT", "predProbs"],
    ["other classes", { classes: 3 }, "LENGTH_MISMATCH", "3 probabilities for predProbs[0]"],
    ["half a class", { classes: 1.5 }, "INVALID_ARGUMENT", "classes but received 1.5"],
    ["an unknown filter", { filterBy: "luck" }, "UNKNOWN_NAME", "prune_by_noise_rate"],
    ["an unknown ranking", { rankBy: "luck" }, "UNKNOWN_NAME", "normalized_margin"],
    ["nothing", { labels: undefined }, "INVALID_ARGUMENT", "labels"],
  ])("refuses %s", async (_, wrong, code, text) => {
    const right = { labels: [0], predProbs: [[0.5, 0.5]], ...("predProbs" in wrong ? { classes: 2 } : {}) };
    const given = { ...right, ...wrong } as never;
    const error = expect.objectContaining({ code, message: expect.stringContaining(text) });
    expect(() => findLabelIssues(given)).toThrow(error);
    const { labels, predProbs, ...options } = { classes: 2, ...right, ...wrong };
    const chunks = () => [{ labels, predProbs }];
    await expect(findLabelIssuesInChunks({ chunks, ...options } as never)).rejects.toEqual(error);
  });

  it("refuses chunks that are others in a later pass, and tells errors of their source", async () => {
    let opened = 0;
    const part = (label: number) => ({
      labels: [label, 0],
      predProbs: [
        [0.6, 0.4],
        [0.6, 0.4],
      ],
    });
    for (const pass of [2, 3]) {
      opened = 0;
      const chunks = () => [part(++opened === pass ? 1 : 0)];
      await expect(findLabelIssuesInChunks({ chunks, classes: 2 })).rejects.toThrow(
        'Expected the samples of the first pass (2 of label 0) for chunks but received "1 of that label"',
      );
    }
    const own = new Error("disk");
    const failing = () => {
      throw own;
    };
    await expect(findLabelIssuesInChunks({ chunks: failing, classes: 2 })).rejects.toBe(own);
    await expect(findLabelIssuesInChunks({ chunks: [] as never, classes: 2 })).rejects.toThrow(
      "opens the samples",
    );
  });
});

describe("estimates of the classes", () => {
  const joint = {
    labelCounts: [10, 5, 0],
    counts: [
      [8, 2, 0],
      [1, 3, 1],
      [0, 0, 0],
    ],
  };

  it("tells the health of each class, the worst first", () => {
    expect(classHealth(joint)).toEqual([
      {
        class: 1,
        labelIssues: 2,
        inverseLabelIssues: 2,
        labelNoise: 0.4,
        inverseLabelNoise: 0.4,
        labelQuality: 0.6,
      },
      {
        class: 0,
        labelIssues: 2,
        inverseLabelIssues: 1,
        labelNoise: 0.2,
        inverseLabelNoise: 1 / 9,
        labelQuality: 0.8,
      },
      {
        class: 2,
        labelIssues: 0,
        inverseLabelIssues: 1,
        labelNoise: 0,
        inverseLabelNoise: 1,
        labelQuality: 1,
      },
    ]);
  });

  it("tells which classes are labelled as each other", () => {
    expect(overlappingClasses(joint)).toEqual([
      { classes: [0, 1], count: 3, share: 0.2 },
      { classes: [1, 2], count: 1, share: 1 / 15 },
    ]);
  });

  it("has columns that sum to 1 or are 0, and priors that sum to 1", () => {
    fc.assert(
      fc.property(samples, (given) => {
        fc.pre(given.labels.length > 0);
        const found = confidentJoint(given, given.classes);
        expect(found.counts.map((row) => row.reduce((a, b) => a + b, 0))).toEqual(found.labelCounts);
        for (const matrix of [noiseMatrix(found), inverseNoiseMatrix(found)]) {
          matrix.forEach((_, j) => {
            const sum = matrix.reduce((total, row) => total + row[j]!, 0);
            expect(Math.min(Math.abs(sum), Math.abs(sum - 1))).toBeLessThan(1e-12);
          });
        }
        const priors = classPriors(found);
        expect(Math.abs(priors.reduce((a, b) => a + b, 0) - 1)).toBeLessThan(1e-12);
      }),
    );
  });
});

/** The rows that a filter selects, from whole columns and sorted copies. */
function selectedByDefinition(
  { labels, predProbs }: { labels: number[]; predProbs: number[][] },
  filterBy: (typeof labelFilters)[number],
  { counts, thresholds, labelCounts }: ReturnType<typeof confidentJoint>,
): number[] {
  const rows = labels.map((_, row) => row);
  const top = (probs: number[]) => probs.indexOf(Math.max(...probs));
  const otherwise = rows.filter((row) => {
    const probs = predProbs[row]!.with(labels[row]!, predProbs[row]![labels[row]!]! + 1e-6);
    return top(probs) !== labels[row];
  });
  const confident = (row: number) => {
    const reached = thresholds.flatMap((t, k) => (predProbs[row]![k]! >= t - 1e-6 ? [k] : []));
    return reached.length > 1 ? top(predProbs[row]!) : (reached[0] ?? -1);
  };
  const off = rows.filter((row) => confident(row) !== -1 && confident(row) !== labels[row]);
  const own = (row: number) => predProbs[row]![labels[row]!]!;
  const margin = (row: number) => {
    const others = predProbs[row]!.filter((_, k) => k !== labels[row]);
    return (own(row) - Math.max(0, ...others) + 1) / 2;
  };
  const lowest = (key: (row: number) => number) =>
    [...rows].sort((a, b) => key(a) - key(b) || a - b).slice(0, off.length);
  const byClass = () =>
    rows.filter((row) => {
      const label = labels[row]!;
      if (labelCounts[label]! <= 1) return false;
      const sorted = rows
        .filter((r) => labels[r] === label)
        .map(own)
        .sort((a, b) => a - b);
      return own(row) < sorted[labelCounts[label]! - Math.max(1, counts[label]![label]!)]!;
    });
  const byNoiseRate = () =>
    rows.filter((row) => {
      const label = labels[row]!;
      if (labelCounts[label]! <= 1) return false;
      return counts[label]!.some((count, other) => {
        if (other === label || count === 0) return false;
        const lead = (r: number) => own(r) - predProbs[r]![other]!;
        const sorted = rows
          .filter((r) => labels[r] === label)
          .map(lead)
          .sort((a, b) => a - b);
        return lead(row) <= sorted[count - 1]!;
      });
    });
  const selected = {
    prune_by_noise_rate: byNoiseRate,
    prune_by_class: byClass,
    both: () => byNoiseRate().filter((row) => byClass().includes(row)),
    confident_learning: () => off,
    predicted_neq_given: () => rows,
    low_normalized_margin: () => lowest(margin),
    low_self_confidence: () => lowest(own),
  }[filterBy]();
  return selected.filter((row) => otherwise.includes(row)).sort((a, b) => a - b);
}
