import type { SampleRecord } from "@lilaw/diagnostics";
import { stringify } from "csv-stringify/sync";
import type { Part } from "./data.js";

const columns = [
  "row",
  "label",
  "trueLabel",
  "flag",
  "prediction",
  "loss",
  "labelProb",
  "maxProb",
  "alpha",
  "beta",
  "delta",
  "weight",
];

/**
 * The training samples as an epoch saw them, a line each.
 *
 * `row` counts from 0 in the source; `trueLabel` and `flag` (1 = the label was changed) are empty where no noise was
 * injected, because what is right is then not known; `alpha`, `beta`, `delta` are LiLAW's three terms of the weight.
 */
export function samplesCsv(record: SampleRecord, train: Part, noiseKnown: boolean): string {
  const { terms } = record;
  const lines = Array.from(train.rows, (row, i) => {
    const [label, trueLabel] = [train.labels[i]!, train.trueLabels[i]!];
    return [
      row,
      label,
      noiseKnown ? trueLabel : "",
      noiseKnown ? Number(label !== trueLabel) : "",
      record.predictions[i]!,
      single(record.losses[i]!),
      single(record.labelProbs[i]!),
      single(record.maxProbs[i]!),
      terms ? single(terms.alpha[i]!) : "",
      terms ? single(terms.beta[i]!) : "",
      terms ? single(terms.delta[i]!) : "",
      single(record.weights[i]!),
    ];
  });
  return stringify([columns, ...lines]);
}

/** Nine digits tell every float32 apart; the digits beyond them are noise. */
function single(value: number): number {
  return Number(value.toPrecision(9));
}
