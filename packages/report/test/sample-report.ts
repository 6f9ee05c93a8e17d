/** Reports for the tests: made of numbers that a run could have, with names that try to be markup. */
import { Random } from "@lilaw/core";
import { picture, type ReportData, type ReviewSuspect } from "../src/index.js";

/** A name that would be run if it were markup anywhere. */
export const hostile = `</script><img src=x onerror="document.title='broken'">&'\u2028`;

const source = { name: "digits", sha256: "a".repeat(64) };
export const run = "b".repeat(64);

export interface SampleOptions {
  readonly classNames?: readonly string[];
  readonly suspects?: number;
  readonly content?: "pictures" | "cells" | "text" | "nothing";
  readonly key?: string;
}

/** A report on two methods with three seeds. */
export function sampleReport(options: SampleOptions = {}): ReportData {
  const {
    classNames = ["cat", "dog", hostile],
    suspects = 30,
    content = "pictures",
    key = "lilaw-1",
  } = options;
  const random = Random.from(1, "report");
  const classes = classNames.length;
  const units = ["baseline", "lilaw"].flatMap((method) => [1, 2, 3].map((seed) => ({ method, seed })));
  const epochs = units.flatMap(({ method, seed }) =>
    Array.from({ length: 10 }, (_, i) => {
      const reached = (best: number) => best * (1 - Math.exp(-(i + 1) / 3)) + 0.01 * random.normal();
      const isLilaw = method === "lilaw";
      return {
        ...{ method, seed, epoch: i + 1 },
        trainAccuracy: reached(0.6),
        validAccuracy: reached(0.62),
        testAccuracy: reached(isLilaw ? 0.93 : 0.88),
        ...(isLilaw && { alpha: 10 + 0.1 * i, beta: 2 + 0.02 * i, delta: 6 - 0.05 * i }),
        ...{ meanWeightClean: isLilaw ? 1.2 + 0.1 * i : 1, meanWeightWrong: isLilaw ? 1.1 - 0.05 * i : 1 },
      };
    }),
  );
  const results = units.map((unit) => {
    const own = epochs.filter((epoch) => epoch.method === unit.method && epoch.seed === unit.seed);
    const best = own.reduce((a, b) => (b.validAccuracy > a.validAccuracy ? b : a));
    return {
      ...unit,
      bestEpoch: best.epoch,
      testAccuracyAtBest: best.testAccuracy,
      testAccuracyLast: own.at(-1)!.testAccuracy,
      testAurocAtBest: 0.98,
    };
  });
  const confusion = classNames.map((_, given) =>
    classNames.map((_, suggested) => (given === suggested ? 900 + given : random.int(120))),
  );
  const contentOf = () => {
    if (content === "pictures") return { picture: randomPicture(random) };
    if (content === "cells") return { cells: [String(random.int(90)), hostile, random.uniform().toFixed(4)] };
    if (content === "text") return { cells: [`A long text with ${hostile}, and more of it. `.repeat(6)] };
    return {};
  };
  const list = Array.from({ length: suspects }, (_, i): ReviewSuspect => {
    const label = i % classes;
    return {
      ...{ split: "train", row: 7 * i + 3, line: 7 * i + 5 },
      ...{
        label,
        suggestedLabel: (label + 1 + (i % (classes - 1))) % classes,
        score: 1 - i / (2 * suspects),
      },
      ...contentOf(),
      neighbours: {
        given: [0, 1, 2].map((n) => ({ split: "train", row: 100_000 + 3 * label + n, ...contentOf() })),
        suggested: [0, 1, 2].map((n) => ({
          split: "train",
          row: 200_000 + 3 * (i % 50) + n,
          ...contentOf(),
        })),
      },
    };
  });
  return {
    runs: [
      {
        name: "digits-run",
        dataset: source.name,
        remarks: ["Test samples: the official test split.", hostile],
        results,
        epochs,
        labels: {
          ...{ method: "lilaw", seed: 1, classNames, confusion },
          classHealth: classNames.map((_, label) => ({
            ...{ label, count: 1000 + label, labelNoise: 0.21, inverseLabelNoise: 0.17, quality: 0.79 },
          })),
          plane: Array.from({ length: 800 }, () => {
            const wrong = random.uniform() < 0.3;
            const u = wrong ? 0.6 * random.uniform() ** 3 : 1 - 0.5 * random.uniform() ** 2;
            return { u, v: Math.max(u, 1 - 0.5 * random.uniform()), wrong };
          }),
          quality: { auroc: 0.9731, auprc: 0.941, wrong: 812, count: 3000 },
        },
        configuration: { settings: { noise: "pairflip:0.4", seeds: [1, 2, 3], model: hostile } },
      },
    ],
    review: {
      title: "Run digits-run, method lilaw, seed 1",
      file: { source, run, classNames },
      key,
      ...(content === "cells" && { columns: ["age", hostile, "iron"] }),
      score: "area-under-margin",
      ranked: 3000,
      suspects: list,
      remarks: [],
    },
  };
}

function randomPicture(random: Random): string {
  const values = Float32Array.from({ length: 28 * 28 }, (_, i) => {
    const [x, y] = [(i % 28) - 14, Math.floor(i / 28) - 14];
    return Math.exp(-((Math.hypot(x, y) - 8) ** 2) / 6) + 0.1 * random.uniform();
  });
  return picture({ values, shape: [28, 28, 1] });
}
