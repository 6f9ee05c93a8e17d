import { mean, sampleStandardDeviation } from "simple-statistics";
import type { Backend } from "./config.js";
import type { EpochMetrics, Unit } from "./documents.js";
import { renderCells, type TextColumn } from "./text-table.js";

/** The result of a unit; an entry of `summary.json`. */
export interface RunResult extends Unit {
  /** The epoch, from 1, with the highest accuracy on the validation labels; the earliest on ties. */
  readonly bestValidEpoch: number;
  readonly testAccuracyAtBestValid: number;
  readonly testAccuracyLast: number;
  /** Null where the test samples are of one class. */
  readonly testAurocAtBestValid: number | null;
  /** Duration of training and evaluation of all epochs. */
  readonly seconds: number;
  /** Mean over all training steps. */
  readonly stepsPerSecond: number;
}

/** The content of `summary.json`. */
export interface Summary {
  readonly dataset: string;
  readonly noise: string;
  /** Where the test samples come from, since an accuracy can be no better than their labels. */
  readonly test: string;
  readonly results: readonly RunResult[];
}

/** The result of a finished unit, from its epochs alone. */
export function resultOf({ method, seed }: Unit, epochs: readonly EpochMetrics[]): RunResult {
  const best = epochs.reduce((a, b) => (b.validAccuracy > a.validAccuracy ? b : a));
  // Every epoch has the same number of steps, so the rate of all steps is the harmonic mean of the rates.
  const secondsPerStep = mean(epochs.map((epoch) => 1 / epoch.stepsPerSecond));
  return {
    method,
    seed,
    bestValidEpoch: best.epoch,
    testAccuracyAtBestValid: best.testAccuracy,
    testAccuracyLast: epochs.at(-1)!.testAccuracy,
    testAurocAtBestValid: best.testAuroc,
    seconds: epochs.reduce((sum, epoch) => sum + epoch.seconds, 0),
    stepsPerSecond: 1 / secondsPerStep,
  };
}

/**
 * The final table: a row for each method, with mean ± standard deviation where there are several seeds. A table wider than
 * `width` columns becomes a paragraph for each method.
 */
export function renderTable(summary: Summary, width = Infinity): string {
  const methods = [...new Set(summary.results.map((result) => result.method))];
  const rows = methods.map((method) =>
    rowOf(
      method,
      summary.results.filter((result) => result.method === method),
    ),
  );
  return renderCells(columns, rows, width);
}

/** Headings take two lines, so that the table of a single seed fits 80 columns. */
const columns: readonly TextColumn[] = [
  { heading: "method", align: "left" },
  { heading: "seeds", align: "left" },
  { heading: "best\nepoch", align: "right" },
  { heading: "test acc.\nat best", align: "right" },
  { heading: "test acc.\nat last", align: "right" },
  { heading: "AUROC\nat best", align: "right" },
  { heading: "step/s", align: "right" },
];

/** The cells of {@link columns}. */
function rowOf(method: string, results: readonly RunResult[]): string[] {
  const column = (value: (result: RunResult) => number | null, digits: number) =>
    meanAndDeviation(results.map(value), digits);
  return [
    method,
    results.map((result) => result.seed).join(", "),
    column((result) => result.bestValidEpoch, results.length === 1 ? 0 : 1),
    column((result) => result.testAccuracyAtBestValid, 4),
    column((result) => result.testAccuracyLast, 4),
    column((result) => result.testAurocAtBestValid, 4),
    column((result) => result.stepsPerSecond, 0),
  ];
}

/** Where the test samples come from. */
export function renderTest({ test }: Summary): string {
  return `test samples: ${test}`;
}

/** One line that names the backend, and why no faster one is used. */
export function renderBackend({ backend, tried }: Backend): string {
  const others = tried.filter(({ name }) => name !== backend).map(({ name, reason }) => `${name}: ${reason}`);
  return `backend ${backend}${others.length > 0 ? ` (not ${others.join("; not ")})` : ""}`;
}

function meanAndDeviation(values: readonly (number | null)[], digits: number): string {
  const known = values.filter((value) => value !== null);
  if (known.length < values.length) return "-";
  const center = mean(known).toFixed(digits);
  return known.length === 1 ? center : `${center} ± ${sampleStandardDeviation(known).toFixed(digits)}`;
}
