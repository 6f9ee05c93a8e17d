import { expect, it } from "vitest";
import { loadFiles } from "../src/index.js";
import { csv, file } from "./support.js";

// Each file is so large that a reader of quadratic time would take minutes.
const many = 1_000_000;
const arff = (line: string, declaration = "@attribute a real\n") =>
  `@relation r\n${declaration}@attribute class {p,q}\n@data\n${line}\n`;

it.each([
  ["digits in one cell of CSV", "a.csv", `a,label\n${"1".repeat(many)},x\n2,y\n`],
  ["digits and a letter in one cell of CSV", "a.csv", `a,label\n${"1".repeat(many)}x,x\n2,y\n`],
  ["signs of infinity", "a.csv", `a,label\n${"inf".repeat(many)},x\n2,y\n`],
  ["blanks in one cell of CSV", "a.csv", `a,label\n1${" ".repeat(many)}x,x\n2,y\n`],
  ["blanks before a quote", "a.csv", `a,label\n${" ".repeat(many)}"1",x\n2,y\n`],
  ["doubled quotes", "a.csv", `a,label\n"${'""'.repeat(many)}",x\n2,y\n`],
  ["lines of a cell that is not closed", "a.csv", `a,label\n"${"\n".repeat(many)}`],
  [
    "columns",
    "a.csv",
    `${Array.from({ length: 200_000 }, (_, i) => `c${i}`)},label\n${"1,".repeat(200_000)}x\n`,
  ],
  ["categories", "a.csv", csv("c,label", 200_000, (i) => `c${i % 20_000},${i % 2}`)],
  ["classes", "a.csv", csv("c,label", 120_000, (i) => `${i},c${i % 60_000}`)],
  ["blanks in a value of ARFF", "a.arff", arff(`1${" ".repeat(many)}x,p`)],
  ["blanks before a value of ARFF", "a.arff", arff(`${" ".repeat(many)}1,p`)],
  ["letters of a value of ARFF before a quote", "a.arff", arff(`${"a".repeat(many)}',p`)],
  ["backslashes", "a.arff", arff(`'${"\\".repeat(many)}`)],
  [
    "blanks in a declaration",
    "a.arff",
    arff("1,p", `@attribute ${" ".repeat(many)}'a'${" ".repeat(many)}real\n`),
  ],
  ["blanks in a declaration without type", "a.arff", arff("1,p", `@attribute a${" ".repeat(many)}\n`)],
  [
    "declared categories",
    "a.arff",
    arff(
      csv("c0,p", 20_000, (i) => `c${i},p`).trim(),
      `@attribute a {${Array.from({ length: 20_000 }, (_, i) => `c${i}`)}}\n`,
    ),
  ],
  [
    "members of JSON lines",
    "a.jsonl",
    `{${Array.from({ length: 200_000 }, (_, i) => `"c${i}":1`)},"label":"x"}\n`,
  ],
  ["a list of JSON lines", "a.jsonl", `{"x":[${"1,".repeat(200_000)}1],"label":"x"}\n`],
  [
    "objects with other members in each line",
    "a.jsonl",
    `${Array.from({ length: 2000 }, (_, i) => `{"c${i}":1,"label":"x"}`).join("\n")}\n`,
  ],
  ["brackets of JSON lines", "a.jsonl", `${"[".repeat(many)}\n`],
])("takes time in proportion to its input: %s", { timeout: 30_000 }, async (_, name, text) => {
  const outcome = await loadFiles({ train: await file(name, text) }, { select: () => Int32Array.of(0) }).then(
    () => "samples",
    ({ code }) => code,
  );
  expect(["samples", "CORRUPT_FILE", "INVALID_ARGUMENT", "NON_FINITE"]).toContain(outcome);
});
