import fc from "fast-check";
import { expect, it } from "vitest";
import { numberOf } from "../src/files/cells.js";

/** The grammar of decimal numbers, on its own. */
const decimal = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;

function naive(cell: string): number {
  const value = decimal.test(cell) ? Number(cell) : Number.NaN;
  return Number.isFinite(value) ? value : Number.NaN;
}

it("reads decimal numbers to the last bit, and nothing else", () => {
  const texts = fc.oneof(
    fc.double().map(String),
    fc.double({ noNaN: true, min: -1e9, max: 1e9 }).map((value) => value.toFixed(6)),
    fc.tuple(fc.bigInt(), fc.nat(30)).map(([digits, at]) => {
      const text = String(digits);
      return `${text.slice(0, at)}.${text.slice(at)}`;
    }),
    fc.string({
      unit: fc.constantFrom("0", "1", "9", ".", "-", "+", "e", "E", "x", "b", "o", "n", "_", "I", " "),
    }),
    fc.constantFrom(
      "0x10",
      "-0x10",
      "0b1",
      "0o7",
      "Infinity",
      "-Infinity",
      "1e999",
      "-0",
      "5.",
      ".5",
      ".",
      "-",
      "１",
    ),
  );
  fc.assert(
    fc.property(texts, (text) => {
      // Cells come without blanks around them.
      expect(numberOf(text.trim())).toBe(naive(text.trim()));
    }),
    { numRuns: 5000 },
  );
});
