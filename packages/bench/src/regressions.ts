/**
 * A ratio is a regression where both conditions hold, on the same machine:
 *
 * - its median is worse than the committed one by more than a tenth: less does not matter
 * - the ranges from the 20th to the 80th percentile do not overlap: otherwise the spread explains the difference
 */
import type { Cell, Row, WrittenRow } from "./results.js";

export interface Regression {
  /** See {@link rowIdentity} */
  readonly what: string;
  readonly committed: number;
  readonly measured: number;
  /** measured / committed where lower is better, else the inverse: 1.2 is a fifth worse */
  readonly worse: number;
}

const tolerance = 1.1;
const ends = { lower: ["P20", "P80"], higher: ["P80", "P20"] } as const;

/** The ratios of `measured` that are worse than those of `committed`. Rows that only one side has are ignored. */
export function regressionsOf(committed: readonly WrittenRow[], measured: readonly Row[]): Regression[] {
  const before = new Map(committed.map((row) => [identityOf(row), row]));
  return measured.flatMap((row) => {
    const old = before.get(identityOf(row));
    const regression = old && compare(old, row);
    return regression ? [regression] : [];
  });
}

/** The number of rows that both sides have with a ratio in which one side is ours. */
export function comparableRows(committed: readonly WrittenRow[], measured: readonly Row[]): number {
  const before = new Map(committed.map((row) => [identityOf(row), row]));
  return measured.filter((row) => {
    const old = before.get(identityOf(row));
    return row.better !== "" && row.variant !== row.baseline && hasRatio(row) && old && hasRatio(old);
  }).length;
}

function compare(committed: WrittenRow, measured: Row): Regression | undefined {
  if (measured.better === "" || !hasRatio(committed) || !hasRatio(measured)) return undefined;
  const [good, bad] = ends[measured.better];
  const worsening = (now: number, then: number) => (measured.better === "lower" ? now / then : then / now);
  const ratio = (row: WrittenRow | Row, which: string) => Number(row[`ratio${which}`]);
  const worse = worsening(ratio(measured, "P50"), ratio(committed, "P50"));
  const apart = worsening(ratio(measured, good), ratio(committed, bad)) > 1;
  if (worse <= tolerance || !apart) return undefined;
  return {
    what: identityOf(measured),
    committed: ratio(committed, "P50"),
    measured: ratio(measured, "P50"),
    worse,
  };
}

const hasRatio = (row: WrittenRow | Row) => (row.ratioP50 ?? "") !== "";

/** Names what a ratio compares: the labels of its case, the variant and the baseline. */
export function rowIdentity(
  labels: Readonly<Record<string, Cell>>,
  variant: string,
  baseline: string,
): string {
  return [...Object.values(labels), variant, "against", baseline].join(" ");
}

function identityOf(row: WrittenRow | Row): string {
  const columns = Object.entries(row);
  const labels = columns.slice(
    0,
    columns.findIndex(([column]) => column === "variant"),
  );
  return rowIdentity(Object.fromEntries(labels), row.variant!, row.baseline!);
}
