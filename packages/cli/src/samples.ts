/** `samples.csv` and `samples.parquet` of a unit: every training and validation sample as the unit saw it. */
import type { Samples } from "@lilaw/datasets";
import type { RunRecord, SampleRecord } from "@lilaw/diagnostics";
import { stringify } from "csv-stringify/sync";
import { type ColumnType, parquetOf, readParquet } from "./parquet.js";
import type { Part } from "./plan.js";

/** A sample of a run; null where there is no such value. */
export interface SampleRow {
  readonly split: "train" | "valid";
  /** Row in the source of the split, from 0. */
  readonly row: number;
  /** Line of the text file where the row begins, from 1. */
  readonly line: number | null;
  /** Of a source that has one file a sample. */
  readonly file: string | null;
  /** Class used in training, an index of the class names. */
  readonly label: number;
  readonly labelName: string;
  /** Class before the noise. */
  readonly trueLabel: number | null;
  /** 1 where the label is known to be wrong, 0 where it is known to be right. */
  readonly flag: 0 | 1 | null;
  /** -1 where the logits are not finite. */
  readonly prediction: number;
  readonly predictionName: string | null;
  /** The values of the last epoch. */
  readonly loss: number;
  readonly labelProb: number;
  readonly maxProb: number;
  readonly alpha: number | null;
  readonly beta: number | null;
  readonly delta: number | null;
  /** Of training samples. */
  readonly weight: number | null;
  /** The values of the run: see `RunRecord` of @lilaw/diagnostics. */
  readonly meanLabelProb: number;
  readonly meanMargin: number | null;
  readonly areaUnderMargin: number | null;
  /** The class that competed most with the label. Null where every epoch was not finite. */
  readonly suggestedLabel: number | null;
  readonly suggestedName: string | null;
  readonly forgettingEvents: number;
  /** Epoch from 1. */
  readonly firstLearned: number | null;
  readonly meanAlpha: number | null;
  readonly meanBeta: number | null;
  readonly meanDelta: number | null;
}

/** The columns in their order. `file` is there only where the source has files. */
const columns = {
  split: "STRING",
  row: "INT32",
  line: "INT32",
  file: "STRING",
  label: "INT32",
  labelName: "STRING",
  trueLabel: "INT32",
  flag: "INT32",
  prediction: "INT32",
  predictionName: "STRING",
  loss: "FLOAT",
  labelProb: "FLOAT",
  maxProb: "FLOAT",
  alpha: "FLOAT",
  beta: "FLOAT",
  delta: "FLOAT",
  weight: "FLOAT",
  meanLabelProb: "DOUBLE",
  meanMargin: "DOUBLE",
  areaUnderMargin: "DOUBLE",
  suggestedLabel: "INT32",
  suggestedName: "STRING",
  forgettingEvents: "INT32",
  firstLearned: "INT32",
  meanAlpha: "DOUBLE",
  meanBeta: "DOUBLE",
  meanDelta: "DOUBLE",
} as const satisfies Record<keyof SampleRow, ColumnType>;

const names = Object.keys(columns) as (keyof SampleRow)[];

/** The samples of a split with the values of the last epoch and of the run; validation samples have no weight. */
export interface RecordedPart {
  readonly split: "train" | "valid";
  readonly part: Part;
  /** The samples that the rows of the part count. */
  readonly source: Samples;
  readonly record: SampleRecord;
  readonly run: RunRecord;
}

/** A row for each sample of the parts, in their order. */
export function sampleRows(parts: readonly RecordedPart[], classNames: readonly string[]): SampleRow[] {
  return parts.flatMap((part) => rowsOf(part, classNames));
}

/** Rows as CSV; an empty cell stands for null. */
export function samplesCsv(rows: readonly SampleRow[]): string {
  const present = presentColumns(rows);
  return stringify([present, ...rows.map((row) => present.map((name) => textOf(row, name)))]);
}

/** Rows as Parquet. */
export function samplesParquet(rows: readonly SampleRow[]): Uint8Array {
  return parquetOf(
    presentColumns(rows).map((name) => ({
      name,
      type: columns[name],
      values: rows.map((row) => row[name]),
    })),
  );
}

/**
 * Reads what {@link samplesParquet} wrote.
 *
 * @param name of the file, for errors
 * @throws CORRUPT_FILE
 */
export async function parseSamples(bytes: Uint8Array, name: string): Promise<SampleRow[]> {
  const rows = await readParquet<SampleRow>(bytes, name);
  return rows.map((row) => ({ ...row, file: row.file ?? null }));
}

function presentColumns(rows: readonly SampleRow[]): (keyof SampleRow)[] {
  return names.filter((name) => name !== "file" || rows.some(({ file }) => file !== null));
}

function rowsOf(
  { split, part, source, record, run }: RecordedPart,
  classNames: readonly string[],
): SampleRow[] {
  const { terms } = record;
  return Array.from(part.rows, (row, i): SampleRow => {
    const [label, trueLabel] = [part.labels[i]!, part.trueLabels?.[i]];
    const prediction = record.predictions[i]!;
    const suggestedLabel = run.suggestedLabels[i]!;
    return {
      split,
      row: source.rows?.[row] ?? row,
      line: source.lines?.[row] ?? null,
      file: source.files?.[row] ?? null,
      label,
      labelName: classNames[label]!,
      trueLabel: trueLabel ?? null,
      flag: trueLabel === undefined ? null : label === trueLabel ? 0 : 1,
      prediction,
      predictionName: classNames[prediction] ?? null,
      loss: record.losses[i]!,
      labelProb: record.labelProbs[i]!,
      maxProb: record.maxProbs[i]!,
      alpha: terms?.alpha[i] ?? null,
      beta: terms?.beta[i] ?? null,
      delta: terms?.delta[i] ?? null,
      weight: split === "train" ? record.weights[i]! : null,
      meanLabelProb: run.meanLabelProbs[i]!,
      meanMargin: known(run.meanMargins[i]),
      areaUnderMargin: known(run.areasUnderMargin[i]),
      suggestedLabel: suggestedLabel === -1 ? null : suggestedLabel,
      suggestedName: classNames[suggestedLabel] ?? null,
      forgettingEvents: run.forgettingEvents[i]!,
      firstLearned: known(run.firstLearned[i]),
      meanAlpha: known(run.terms?.alpha[i]),
      meanBeta: known(run.terms?.beta[i]),
      meanDelta: known(run.terms?.delta[i]),
    };
  });
}

function known(value: number | undefined): number | null {
  return value === undefined || Number.isNaN(value) ? null : value;
}

/** Nine digits distinguish every float32. */
function textOf(row: SampleRow, name: keyof SampleRow): string | number {
  const value = row[name];
  if (value === null) return "";
  return columns[name] === "FLOAT" ? Number((value as number).toPrecision(9)) : value;
}
