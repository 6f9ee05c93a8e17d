import { expected } from "@lilaw/core";
import { parse } from "csv-parse/sync";

/** A line of `samples.csv`, as far as a report needs it. */
export interface SampleLine {
  readonly split: "train" | "valid";
  /** In the source of the split, from 0. */
  readonly row: number;
  readonly line?: number;
  readonly file?: string;
  readonly label: number;
  /** Whether the label is known to be wrong; absent where the right one is not known. */
  readonly wrong?: boolean;
  readonly prediction: number;
  readonly loss: number;
  readonly labelProb: number;
  readonly maxProb: number;
  readonly alpha?: number;
}

/**
 * @param name of the file, for errors
 * @throws CORRUPT_FILE for columns that a report needs and that are not there
 */
export function readSampleLines(text: string, name: string): SampleLine[] {
  const records = parse(text, { columns: true }) as Record<string, string>[];
  return records.map((record) => {
    const cell = (column: string) => {
      const value = record[column];
      if (value === undefined) throw expected("CORRUPT_FILE", `a column ${column}`, name, "none");
      return value;
    };
    const number = (column: string) => Number(cell(column));
    return {
      split: cell("split") === "valid" ? "valid" : "train",
      row: number("row"),
      ...(cell("line") !== "" && { line: number("line") }),
      ...(record.file && { file: record.file }),
      label: number("label"),
      ...(cell("flag") !== "" && { wrong: cell("flag") === "1" }),
      prediction: number("prediction"),
      loss: number("loss"),
      labelProb: number("labelProb"),
      maxProb: number("maxProb"),
      ...(cell("alpha") !== "" && { alpha: number("alpha") }),
    };
  });
}
