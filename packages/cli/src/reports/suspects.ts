import { type IssueScore, type LabelIssue, labelIssues } from "@lilaw/diagnostics";
import type { SampleRow } from "../samples.js";

/** The samples of a unit in the order in which their labels are suspect. */
export interface Suspects {
  readonly score: IssueScore;
  /** Most suspect first; `row` is the place among the samples. */
  readonly issues: readonly LabelIssue[];
  /** How well the score finds the labels that are known to be wrong; absent where that is not known, or of no label. */
  readonly quality?: {
    readonly auroc: number;
    readonly auprc: number;
    readonly wrong: number;
    readonly count: number;
  };
}

/** Ranks the samples of a unit by the score that finds most wrong labels. */
export function suspectsOf(samples: readonly SampleRow[], epochs: number): Suspects {
  const flags = samples.map(({ flag }) => flag);
  const wrong = flags.filter((flag) => flag === 1).length;
  const isKnown = !flags.includes(null) && wrong > 0 && wrong < samples.length;
  const { score, issues, quality } = labelIssues({
    ...recordsOf(samples, epochs),
    labels: Int32Array.from(samples, ({ label }) => label),
    ...(isKnown && { flags: flags as number[] }),
  });
  return { score, issues, ...(quality && { quality: { ...quality, wrong, count: samples.length } }) };
}

/** The columns of the samples as the records that they were written from; a value that there is not is NaN. */
function recordsOf(samples: readonly SampleRow[], epochs: number) {
  const column = (name: "loss" | "labelProb" | "maxProb" | "weight" | "alpha" | "beta" | "delta") =>
    Float32Array.from(samples, (sample) => sample[name] ?? Number.NaN);
  const mean = (
    name:
      | "meanLabelProb"
      | "meanMargin"
      | "areaUnderMargin"
      | "firstLearned"
      | "meanAlpha"
      | "meanBeta"
      | "meanDelta",
  ) => Float64Array.from(samples, (sample) => sample[name] ?? Number.NaN);
  const has = (name: "alpha" | "meanAlpha") => samples.some((sample) => sample[name] !== null);
  const predictions = Int32Array.from(samples, ({ prediction }) => prediction);
  return {
    record: {
      epoch: epochs,
      losses: column("loss"),
      labelProbs: column("labelProb"),
      maxProbs: column("maxProb"),
      weights: column("weight"),
      predictions,
      ...(has("alpha") && {
        terms: { alpha: column("alpha"), beta: column("beta"), delta: column("delta") },
      }),
    },
    run: {
      epochs: new Uint32Array(samples.length).fill(epochs),
      predictions,
      meanLabelProbs: mean("meanLabelProb"),
      meanMargins: mean("meanMargin"),
      areasUnderMargin: mean("areaUnderMargin"),
      forgettingEvents: Uint32Array.from(samples, ({ forgettingEvents }) => forgettingEvents),
      firstLearned: mean("firstLearned"),
      ...(has("meanAlpha") && {
        terms: { alpha: mean("meanAlpha"), beta: mean("meanBeta"), delta: mean("meanDelta") },
      }),
    },
  };
}
