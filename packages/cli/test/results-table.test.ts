import { describe, expect, it } from "vitest";
import type { EpochMetrics } from "../src/documents.js";
import { renderBackend, renderTable, resultOf } from "../src/results-table.js";

const unit = { method: "lilaw", seed: 3 };

function epoch(epoch: number, validAccuracy: number, testAccuracy: number, rate = 10): EpochMetrics {
  return {
    ...unit,
    epoch,
    loss: 1,
    trainAccuracy: 0.5,
    trainCleanAccuracy: 0.5,
    validAccuracy,
    validCleanAccuracy: validAccuracy,
    testAccuracy,
    testAuroc: testAccuracy + 0.0625,
    effectiveSampleSize: 1,
    meanWeightClean: null,
    meanWeightWrong: null,
    seconds: 2,
    stepsPerSecond: rate,
  };
}

describe("resultOf", () => {
  it("takes the earliest epoch of the best validation accuracy, and the last", () => {
    const epochs = [epoch(1, 0.25, 0.5), epoch(2, 0.75, 0.625), epoch(3, 0.75, 0.875), epoch(4, 0.5, 0.375)];
    expect(resultOf(unit, epochs)).toEqual({
      ...unit,
      bestValidEpoch: 2,
      testAccuracyAtBestValid: 0.625,
      testAccuracyLast: 0.375,
      testAurocAtBestValid: 0.6875,
      seconds: 8,
      stepsPerSecond: 10,
    });
  });

  it("averages the time of the steps", () => {
    // As many steps at 10 a second as at 40: 16 a second altogether.
    expect(resultOf(unit, [epoch(1, 0, 0, 10), epoch(2, 0, 0, 40)]).stepsPerSecond).toBeCloseTo(16, 12);
  });
});

describe("renderTable", () => {
  const result = resultOf(unit, [epoch(1, 0.5, 0.5)]);
  const cells = (text: string) => text.split("\n").map((line) => line.split("│").map((cell) => cell.trim()));

  it("shows a single seed as it is", () => {
    const table = cells(renderTable({ dataset: "d", noise: "none", test: "", results: [result] }));
    expect(table[4]).toEqual(["", "lilaw", "3", "1", "0.5000", "0.5000", "0.5625", "10", ""]);
  });

  it("shows several seeds as mean ± standard deviation, a row a method", () => {
    const results = [
      { ...result, testAccuracyLast: 0.25 },
      { ...result, method: "random", testAurocAtBestValid: null },
      { ...result, seed: 4, testAccuracyLast: 0.75, bestValidEpoch: 2 },
    ];
    const table = cells(renderTable({ dataset: "d", noise: "none", test: "", results }));
    expect(table[4]!.slice(1, 7)).toEqual([
      "lilaw",
      "3, 4",
      "1.5 ± 0.7",
      "0.5000 ± 0.0000",
      "0.5000 ± 0.3536",
      "0.5625 ± 0.0000",
    ]);
    expect(table[6]!.slice(1, 7)).toEqual(["random", "3", "1", "0.5000", "0.5000", "-"]);
  });
});

describe("renderTable for a terminal", () => {
  const result = resultOf({ method: "lilaw-detached", seed: 1 }, [epoch(1, 0.5, 0.5, 1000)]);
  const of = (seeds: readonly number[]) => ({
    dataset: "d",
    noise: "none",
    test: "",
    results: ["lilaw-detached", "l2rw"].flatMap((method) =>
      seeds.map((seed) => ({ ...result, method, seed })),
    ),
  });

  it("is a table of a single seed in 80 columns", () => {
    const lines = renderTable(of([1]), 80).split("\n");
    expect(lines[0]).toMatch(/^┌.*┐$/);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(80);
  });

  it.each([60, 80])("has a paragraph a method where a table is wider than %d columns", (width) => {
    const lines = renderTable(of([1, 2, 3]), width).split("\n");
    expect(lines).toHaveLength(14);
    expect(lines.slice(0, 4)).toEqual([
      "lilaw-detached",
      "  seeds              1, 2, 3",
      "  best epoch         1.0 ± 0.0",
      "  test acc. at best  0.5000 ± 0.0000",
    ]);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(width);
  });
});

it("renderBackend says why nothing better runs", () => {
  expect(renderBackend({ backend: "tensorflow", tried: [] })).toBe("backend tensorflow");
  const tried = [{ name: "tensorflow", reason: "not installed" }];
  expect(renderBackend({ backend: "wasm", tried })).toBe("backend wasm (not tensorflow: not installed)");
});
