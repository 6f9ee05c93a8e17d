import { Random } from "@lilaw/core";
import { describe, expect, it } from "vitest";
import { loadFiles } from "../src/index.js";
import { csv, file } from "./support.js";

/** Loads a table of two features: `name`, of the given numbers, and one that is measured. */
async function load(name: string, numbers: readonly (number | string)[], options = {}) {
  const rows = csv(`${name},width,label`, numbers.length, (i) => `${numbers[i]},${(i % 7) / 4},${i % 2}`);
  return loadFiles({ train: await file("a.csv", rows) }, options);
}

const row = (count: number) => Array.from({ length: count }, (_, i) => i);
const shuffled = (count: number) => [...Random.from(3, "identifiers").permutation(count)];

const identifiers: [string, string, number[]][] = [
  ["rows from 0", "x", row(100)],
  ["rows from 1, downwards", "x", row(100).map((i) => 100 - i)],
  ["every tenth integer", "x", row(100).map((i) => 10 * i)],
  ["rows of which some were deleted", "x", row(210).filter((i) => i % 21 !== 5)],
  ["years since the epoch of a long table", "x", row(5000).map((i) => 1e9 + i)],
  ["few rows, called by their name", "id", row(21)],
  ["PassengerId", "PassengerId", shuffled(300)],
  ["customer_id", "customer_id", shuffled(300).map((i) => i * i)],
  ["the index that pandas writes", "Unnamed: 0", shuffled(50)],
  ["many", "ID", shuffled(30_000)],
];

const measured: [string, string, (number | string)[]][] = [
  ["few rows", "x", row(99)],
  ["few rows under a name", "id", row(20)],
  ["integers in another order", "x", shuffled(300)],
  ["ascending integers with gaps", "x", row(300).map((i) => i * i)],
  ["ascending numbers that are none", "x", row(300).map((i) => i + 0.5)],
  ["a name that ends in the letters", "humid", shuffled(300)],
  ["repeated numbers under a name", "patient_id", row(300).map((i) => i % 60)],
  ["the same number", "x", row(300).map(() => 7)],
  ["ascending with a repetition", "x", row(300).map((i) => Math.min(i, 298))],
];

describe("a column of integers", () => {
  it.each(identifiers)("that identifies the rows is refused: %s", async (_, name, numbers) => {
    await expect(load(name, numbers)).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringMatching(
        /^Expected values that are measured for column .+ \(option dropColumns .+, option keepColumns .+\) but received /,
      ),
    });
    expect((await load(name, numbers, { dropColumns: [name] })).featureNames).toEqual(["width"]);
    expect((await load(name, numbers, { keepColumns: [name] })).featureNames).toEqual([name, "width"]);
  });

  it.each(measured)("that is measured is kept: %s", async (_, name, numbers) => {
    expect((await load(name, numbers)).featureNames).toEqual([name, "width"]);
  });
});

it("keepColumns names feature columns of a table", async () => {
  await expect(load("x", row(30), { keepColumns: ["z"] })).rejects.toMatchObject({ code: "UNKNOWN_NAME" });
  await expect(load("x", row(30), { keepColumns: ["label"] })).rejects.toMatchObject({
    code: "INVALID_ARGUMENT",
  });
});
