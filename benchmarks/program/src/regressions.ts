/**
 * What counts as a regression: a ratio that got worse by more than a tenth, on the same machine, and that lies apart from the
 * committed one: the better ends of what was measured (20th to 80th percentile) are worse than the worse ends of what
 * is committed. Both conditions: a wide spread alone proves nothing, and a narrow one flags changes that do not matter.
 */
import type { Cell, Row } from "@lilaw/cli/bench";

/** A row as a CSV gives it back: every cell is text. */
export type CommittedRow = Readonly<Record<string, string>>;

export interface Regression {
  /** What was measured: the labels of its case and the contender */
  readonly what: string;
  readonly committed: number;
  readonly measured: number;
  /** measured / committed where lower is better, else the inverse: 1.2 is a fifth worse */
  readonly worse: number;
}

const tolerance = 1.1;
const ends = { lower: ["P20", "P80"], higher: ["P80", "P20"] } as const;

/** The rows of `measured` whose ratios are worse than those of `committed`. Rows that only one side has are left out. */
export function regressionsOf(committed: readonly CommittedRow[], measured: readonly Row[]): Regression[] {
  const before = new Map(committed.map((row) => [identityOf(row), row]));
  return measured.flatMap((row) => {
    const old = before.get(identityOf(row));
    const regression = old && compare(old, row);
    return regression ? [regression] : [];
  });
}

/** How many rows can be compared: those that both sides have, with a ratio that is ours. */
export function comparable(committed: readonly CommittedRow[], measured: readonly Row[]): number {
  const before = new Map(committed.map((row) => [identityOf(row), row]));
  return measured.filter((row) => {
    const old = before.get(identityOf(row));
    return row.better !== "" && row.contender !== row.baseline && hasRatio(row) && old && hasRatio(old);
  }).length;
}

function compare(committed: CommittedRow, measured: Row): Regression | undefined {
  if (measured.better === "" || !hasRatio(committed) || !hasRatio(measured)) return undefined;
  const [good, bad] = ends[measured.better];
  const worsening = (now: number, then: number) => (measured.better === "lower" ? now / then : then / now);
  const ratio = (row: CommittedRow | Row, which: string) => Number(row[`ratio${which}`]);
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

const hasRatio = (row: CommittedRow | Row) => (row.ratioP50 ?? "") !== "";

/** What a ratio is of, in words. */
export function identity(
  labels: Readonly<Record<string, Cell>>,
  contender: string,
  baseline: string,
): string {
  return [...Object.values(labels), contender, "against", baseline].join(" ");
}

/** The columns before `contender` are the labels of the case. */
function identityOf(row: CommittedRow | Row): string {
  const columns = Object.entries(row);
  const labels = columns.slice(
    0,
    columns.findIndex(([column]) => column === "contender"),
  );
  return identity(Object.fromEntries(labels), row.contender!, row.baseline!);
}
