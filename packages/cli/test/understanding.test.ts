import type { Reading } from "@lilaw/datasets";
import { describe, expect, it } from "vitest";
import type { DataConfig } from "../src/config.js";
import { renderUnderstanding } from "../src/understanding.js";

const reading: Reading = {
  format: "csv",
  label: { name: "diagnosis", reason: "named by labelColumn" },
  classCounts: [60, 40],
  features: [
    { name: "age", kind: "numeric", values: 1, missing: 0 },
    { name: "town", kind: "categorical", values: 12, missing: 3 },
  ],
  dropped: ["id"],
  rows: { train: { read: 104, used: 100, dropped: 4, filled: 3 } },
};

const data: DataConfig = {
  name: "patients.csv",
  classes: 2,
  classNames: ["healthy", "ill"],
  classCounts: [60, 40],
  shape: [13],
  license: "",
  citation: "",
  sha256: "",
  sources: { train: { name: "patients.csv", sha256: "" } },
  reading,
  origins: { valid: "valid.csv", test: "test.csv", trueLabels: "unknown", clean: "of clean.csv" },
  testSize: 20,
  testSha256: "",
  seeds: [
    {
      seed: 1,
      trainSize: 100,
      validSize: 1,
      cleanSize: 8,
      trainNoiseRate: 0,
      validNoiseRate: 0,
      diagonallyDominant: true,
    },
  ],
};

function linesOf(changes: Partial<DataConfig> = {}): string[] {
  return renderUnderstanding({ ...data, ...changes }).split("\n");
}

describe("renderUnderstanding", () => {
  it("tells what was made of a table", () => {
    expect(linesOf()).toEqual([
      "data understood as",
      "  samples     patients.csv (CSV), 104 rows, 4 dropped for",
      "              missing cells, 3 with missing cells filled, 13",
      "              values each",
      "  label       diagnosis (named by --label-column)",
      "  classes     2: healthy 60, ill 40",
      "  numeric     1: age",
      "  categorical 1: town 12",
      "  left out    1: id",
      "  training    100 samples",
      "  validation  1 sample, valid.csv",
      "  test        20 samples, test.csv",
      "  clean       8 samples, of clean.csv",
      "  true labels unknown",
    ]);
  });

  it("tells of rows with missing cells in every file", () => {
    const rows = { ...reading.rows, test: { read: 23, used: 20, dropped: 3, filled: 0 } };
    const text = linesOf({ reading: { ...reading, rows } }).join(" ");
    expect(text.replaceAll(/\s+/g, " ")).toContain("20 samples, test.csv, 3 dropped for missing cells ");
  });

  it("tells the layout of images, and nothing of tables", () => {
    const { features: _, dropped: __, ...rest } = reading;
    const images: Reading = { ...rest, format: "npz", layout: "channels-first" };
    const text = linesOf({ reading: images, shape: [28, 28, 3] })
      .join("\n")
      .replaceAll(/\s+/g, " ");
    expect(text).toContain("[28, 28, 3] each, images with channels first in the file");
    expect(text).not.toMatch(/numeric|categorical|left out/);
  });

  it("is less than a screen of 60 columns, whatever the file holds", () => {
    const word = (i: number) => `a rather long name, that nobody would want to type ${i}`;
    const many = Array.from({ length: 500 }, (_, i) => word(i));
    const lines = linesOf({
      name: `${"long".repeat(60)}.csv`,
      classes: 500,
      classNames: many,
      classCounts: many.map(() => 1_000_000),
      reading: {
        ...reading,
        label: { name: "日本語".repeat(100), reason: "named by labelColumn" },
        features: many.flatMap((name) => [
          { name, kind: "numeric" as const, values: 1, missing: 0 },
          { name, kind: "categorical" as const, values: 1000, missing: 0 },
        ]),
        dropped: many,
      },
    });
    expect(lines.length).toBeLessThan(24);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(60);
    expect(lines.join("\n")).toMatch(/classes {5}500: .+and\s+49\d\s+more/s);
  });

  it("prints no control characters of names", () => {
    const text = linesOf({ classNames: ["\u001b[2J\n", "b\u202Ea"] }).join("\n");
    expect(text.replaceAll("\n", "")).not.toMatch(/\p{C}/u);
  });
});
