import { describe, expect, it } from "vitest";
import type { EpochMetrics, Unit } from "../src/documents.js";
import { RunForecast } from "../src/forecast.js";

const units = [1, 2].flatMap((seed) => ["baseline", "l2rw"].map((method) => ({ method, seed })));
const [first, second, third] = units as [Unit, Unit, Unit];

const epoch = (unit: Unit, seconds: number) => ({ ...unit, seconds }) as EpochMetrics;

describe("RunForecast", () => {
  it("knows nothing before the first step", () => {
    expect(new RunForecast({ units, epochs: 5, metrics: [] }).secondsLeft("baseline", 0, 0)).toBeUndefined();
  });

  it("takes the first steps for all that is to come, then each method for itself", () => {
    const forecast = new RunForecast({ units, epochs: 5, metrics: [] });
    // A quarter of the first of 20 epochs took 2 seconds.
    expect(forecast.secondsLeft("baseline", 0.25, 2)).toBe(20 * 8 - 2);
    for (let i = 0; i < 5; i++) forecast.epochDone(epoch(first, 10));
    expect(forecast.secondsLeft("l2rw", 0, 0)).toBe(15 * 10);
    expect(forecast.secondsLeft("l2rw", 0.5, 15)).toBe(10 * 30 + 5 * 10 - 15);
    for (let i = 0; i < 5; i++) forecast.epochDone(epoch(second, 40));
    expect(forecast.secondsLeft("baseline", 0, 0)).toBe(5 * 10 + 5 * 40);
  });

  it("follows a machine that becomes slower", () => {
    const forecast = new RunForecast({ units: [first], epochs: 9, metrics: [] });
    for (const seconds of [1, 1, 1, 5, 5, 5]) forecast.epochDone(epoch(first, seconds));
    expect(forecast.secondsLeft("baseline", 0, 0)).toBe(3 * 5);
  });

  it("goes on from what was done before, and never below nothing", () => {
    const metrics = [first, first, second, second, third].map((unit) => epoch(unit, 4));
    const forecast = new RunForecast({ units, epochs: 2, metrics });
    expect(forecast.epochsDone).toBe(5);
    expect(forecast.secondsLeft("baseline", 0, 0)).toBe(3 * 4);
    expect(forecast.secondsLeft("baseline", 1, 100)).toBe(2 * 4);
  });
});
