import { type IssueScore, type LabelIssues, labelIssues } from "@lilaw/diagnostics";
import type { SampleRow } from "./samples.js";

/**
 * The samples of a unit of so many epochs in the order in which their labels are suspect, where nothing else is said by the score
 * that finds most wrong labels. `row` in the result is the place among the samples. It tells how well the score finds the labels that
 * are known to be wrong, where that is known of every sample.
 *
 * @throws INVALID_ARGUMENT for a score that the unit has no values for
 */
export function rankSamples(samples: readonly SampleRow[], epochs: number, score?: IssueScore): LabelIssues {
  const flags = samples.map(({ flag }) => flag);
  return labelIssues({
    ...recordsOf(samples, epochs),
    labels: Int32Array.from(samples, ({ label }) => label),
    score,
    ...(!flags.includes(null) && { flags: flags as number[] }),
  });
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
  return {
    record: {
      epoch: epochs,
      losses: column("loss"),
      labelProbs: column("labelProb"),
      maxProbs: column("maxProb"),
      weights: column("weight"),
      predictions: Int32Array.from(samples, ({ prediction }) => prediction),
      ...(has("alpha") && {
        terms: { alpha: column("alpha"), beta: column("beta"), delta: column("delta") },
      }),
    },
    run: {
      epochs: new Uint32Array(samples.length).fill(epochs),
      suggestedLabels: Int32Array.from(samples, ({ suggestedLabel }) => suggestedLabel ?? -1),
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
