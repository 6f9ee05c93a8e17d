import { expect, it } from "vitest";
import { comparableRows, regressionsOf } from "../src/regressions.js";
import type { Row, WrittenRow } from "../src/results.js";

type Ratios = readonly [p20: number, p50: number, p80: number];

function row([ratioP20, ratioP50, ratioP80]: Ratios, better: Row["better"], shape = "[128,10]"): Row {
  const ratios = { ratioP20, ratioP50, ratioP80 };
  return { shape, rows: 128, variant: "theirs", baseline: "ours", better, skipped: "", load: 0, ...ratios };
}

const committedRow = (row: Row): WrittenRow =>
  Object.fromEntries(Object.entries(row).map(([column, cell]) => [column, String(cell ?? "")]));

const cases: [string, Row["better"], committed: Ratios, measured: Ratios, worse: number | undefined][] = [
  ["a rival that is less far behind", "higher", [19, 20, 21], [14, 15, 16], 20 / 15],
  ["ours that is further behind", "lower", [0.7, 0.75, 0.8], [0.85, 0.9, 0.95], 0.9 / 0.75],
  ["a change below a tenth", "higher", [19.9, 20, 20.1], [18.4, 18.5, 18.6], undefined],
  ["ranges that overlap", "higher", [14, 20, 26], [13, 15, 17], undefined],
  ["a rival that is further behind", "higher", [19, 20, 21], [29, 30, 31], undefined],
  ["ours that caught up", "lower", [0.85, 0.9, 0.95], [0.7, 0.75, 0.8], undefined],
  ["what is not ours to keep up", "", [19, 20, 21], [1, 2, 3], undefined],
];

it.each(cases)("judges %s", (_name, better, committed, measured, worse) => {
  const found = regressionsOf([committedRow(row(committed, better))], [row(measured, better)]);
  const what = "[128,10] 128 theirs against ours";
  const expected = {
    what,
    committed: committed[1],
    measured: measured[1],
    worse: expect.closeTo(worse ?? 0),
  };
  expect(found).toEqual(worse === undefined ? [] : [expected]);
});

it("compares rows of the same case only, and none without numbers", () => {
  const [before, after] = [row([19, 20, 21], "higher"), row([1, 2, 3], "higher")];
  const { ratioP20: _, ratioP50: __, ratioP80: ___, ...absent } = { ...after, skipped: "no driver" };
  expect(comparableRows([committedRow(before)], [after])).toBe(1);
  for (const [committed, measured] of [
    [row([19, 20, 21], "higher", "[32,2]"), after],
    [before, absent],
    [absent, after],
  ] as [Row, Row][]) {
    expect(comparableRows([committedRow(committed)], [measured])).toBe(0);
    expect(regressionsOf([committedRow(committed)], [measured])).toEqual([]);
  }
});
