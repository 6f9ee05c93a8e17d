import { Random } from "@lilaw/core";
import { describe, expect, it } from "vitest";
import { Moments } from "../src/files/moments.js";
import { loadFiles } from "../src/index.js";
import { csv, file } from "./support.js";

function momentsOf(values: Iterable<number>): Moments {
  const moments = new Moments();
  for (const value of values) moments.add(value);
  return moments;
}

describe("Moments", () => {
  it("have the very digits of plain sums of differences, at every size", () => {
    const random = Random.from(5, "moments");
    const values = Array.from({ length: 1000 }, () => 3 + random.normal());
    let [sum, squares] = [0, 0];
    for (const value of values) {
      const difference = value - values[0]!;
      sum += difference;
      squares += difference * difference;
    }
    const mean = values[0]! + sum / 1000;
    const deviation = Math.sqrt((squares - sum ** 2 / 1000) / 1000);
    for (const exponent of [0, 1, -1, 400, -400, 1015, -960]) {
      const scale = 2 ** exponent;
      const found = momentsOf(values.map((value) => value * scale));
      expect([found.mean, found.deviation], `2 ** ${exponent}`).toEqual([mean * scale, deviation * scale]);
    }
  });

  it.each([
    ["the largest numbers", [Number.MAX_VALUE, -Number.MAX_VALUE], 0, Number.MAX_VALUE],
    ["a small number before a large one", [1e-300, 1, 1e300], 1e300 / 3, (Math.SQRT2 / 3) * 1e300],
    ["a large difference before a small one", [1e300, 0, 1e-300], 1e300 / 3, (Math.SQRT2 / 3) * 1e300],
    ["one number", [1e308], 1e308, 0],
    ["the same number", [1e308, 1e308, 1e308], 1e308, 0],
  ])("are right for %s", (_, values, mean, deviation) => {
    const found = momentsOf(values);
    expect(found.mean / (mean || 1)).toBeCloseTo(mean === 0 ? 0 : 1, 12);
    expect(found.deviation / (deviation || 1)).toBeCloseTo(deviation === 0 ? 0 : 1, 12);
  });
});

it.each([1e155, 1e300, 1e-170])("a column of numbers near %s is standardized as any other", async (size) => {
  const numbers = [1, 2, 4, 8];
  const load = async (scale: number) => {
    const text = csv("x,label", 4, (i) => `${numbers[i]! * scale},${i % 2}`);
    return (await loadFiles({ train: await file("a.csv", text) }, { standardize: true })).train.features;
  };
  const [found, wanted] = [await load(size), await load(1)];
  expect(Math.max(...wanted)).toBeGreaterThan(1);
  for (const [i, value] of found.entries()) expect(value).toBeCloseTo(wanted[i]!, 6);
});
