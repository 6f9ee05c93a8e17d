import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Random } from "../src/index.js";

describe("Random", () => {
  it("gives the same stream for the same seed and path, another one otherwise", () => {
    const draw = (r: Random) => Array.from({ length: 5 }, () => r.uniform());
    expect(draw(Random.from(1, "a", 2))).toEqual(draw(Random.from(1, "a", 2)));
    for (const other of [
      Random.from(2, "a", 2),
      Random.from(1, "b", 2),
      Random.from(1, "a", 3),
      Random.from(1, "a"),
    ]) {
      expect(draw(other)).not.toEqual(draw(Random.from(1, "a", 2)));
    }
  });

  it("goes on from its state", () => {
    const random = Random.from(3);
    random.uniform();
    const copy = Random.fromState(JSON.parse(JSON.stringify(random.state)));
    expect([copy.normal(), copy.int(100)]).toEqual([random.normal(), random.int(100)]);
  });

  it("shuffles: every permutation holds each index once", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 200 }), fc.integer(), (n, seed) => {
        const order = Random.from(seed).permutation(n);
        expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: n }, (_, i) => i));
      }),
    );
  });

  it("draws uniformly across neighbouring seeds and steps", () => {
    // The mean of n uniforms has standard deviation 1 / sqrt(12 n): five of them bound a sound generator.
    for (const draws of [
      Array.from({ length: 10_000 }, (_, seed) => Random.from(seed).uniform()),
      Array.from({ length: 10_000 }, (_, step) => Random.from(1, "step", step).uniform()),
    ]) {
      const mean = draws.reduce((sum, u) => sum + u, 0) / draws.length;
      expect(Math.abs(mean - 0.5)).toBeLessThan(5 / Math.sqrt(12 * draws.length));
      const lag = draws.slice(1).reduce((sum, u, i) => sum + (u - 0.5) * (draws[i]! - 0.5), 0) / draws.length;
      expect(Math.abs(lag)).toBeLessThan(5 / (12 * Math.sqrt(draws.length)));
    }
  });

  it("draws normal and exponential numbers with their moments", () => {
    const random = Random.from(11);
    const n = 20_000;
    const normals = Array.from({ length: n }, () => random.normal());
    const exponentials = Array.from({ length: n }, () => random.exponential());
    const mean = (values: number[]) => values.reduce((sum, x) => sum + x, 0) / n;
    expect(Math.abs(mean(normals))).toBeLessThan(5 / Math.sqrt(n));
    expect(Math.abs(mean(normals.map((x) => x * x)) - 1)).toBeLessThan(5 * Math.sqrt(2 / n));
    expect(Math.abs(mean(exponentials) - 1)).toBeLessThan(5 / Math.sqrt(n));
  });

  it("refuses bad seeds, ranges and states", () => {
    expect(() => Random.from(0.5)).toThrow(/seed/);
    expect(() => Random.from(1, 2n as never)).toThrow(/Expected names and integers for path/);
    expect(() => Random.from(1).int(0)).toThrow(/Expected an integer of at least 1 for n/);
    expect(() => Random.from(1).permutation(2 ** 31)).toThrow(/Expected an integer in \[0, 2\^31\) for n/);
    expect(() => Random.fromState([1, 2, 3] as never)).toThrow(/state/);
  });
});
