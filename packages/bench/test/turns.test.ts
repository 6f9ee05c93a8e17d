import { expect, it, vi } from "vitest";
import {
  type Effort,
  type Measured,
  ratiosOf,
  spreadOf,
  takeTurns,
  timed,
  type Variant,
} from "../src/turns.js";

const effort: Effort = { rounds: 3, sampleSeconds: 1, warmUpSeconds: 0.5, callSecondsLimit: 2 };

/** Takes so long for a call, without taking it. */
function variant(name: string, secondsPerCall: number, log: string[] = []): Variant {
  return {
    name,
    ours: true,
    sample(calls) {
      log.push(`${name} ${calls}`);
      return calls * secondsPerCall;
    },
  };
}

const measured = (result: unknown) => result as Measured;

it("checks before it measures", async () => {
  const log: string[] = [];
  const check = () => {
    throw new Error("they differ");
  };
  await expect(takeTurns([variant("a", 0.1, log)], check, effort)).rejects.toThrow("they differ");
  expect(log).toEqual([]);
});

it("samples as many calls as fill a sample, in an order that rotates", async () => {
  const log: string[] = [];
  const results = await takeTurns(
    [variant("a", 0.25, log), variant("b", 0.5, log), variant("c", 1, log)],
    () => {},
    effort,
  );
  expect(results.map((result) => measured(result).calls)).toEqual([4, 2, 1]);
  expect(results.map((result) => measured(result).seconds)).toEqual([
    [0.25, 0.25, 0.25],
    [0.5, 0.5, 0.5],
    [1, 1, 1],
  ]);
  const warmUp = ["a 1", "a 1", "b 1", "c 1"];
  const [a, b, c] = [["a 1", "a 4"], ["b 1", "b 2"], ["c 1"]];
  expect(log).toEqual([...warmUp, ...a!, ...b!, ...c!, ...b!, ...c!, ...a!, ...c!, ...a!, ...b!]);
});

it("skips a variant that is too slow after a first call that may compile, and gives the reason", async () => {
  const compiles = variant("compiles", 0.5);
  const sample = vi.fn(compiles.sample).mockReturnValueOnce(30);
  const results = await takeTurns([{ ...compiles, sample }, variant("slow", 2.5)], () => {}, effort);
  expect(measured(results[0]).seconds).toEqual([0.5, 0.5, 0.5]);
  expect(results[1]).toEqual({ name: "slow", ours: true, skipped: "a call takes 2.5 s" });
});

it("lets a variant that has used up its time take no further turns", async () => {
  const variants = [variant("a", 1), variant("b", 0.25)];
  const results = await takeTurns(variants, () => {}, { ...effort, rounds: 9, variantSeconds: 4.5 });
  expect(results.map((result) => measured(result).seconds.length)).toEqual([5, 5]);
  const long = await takeTurns([variant("c", 2)], () => {}, { ...effort, rounds: 9, variantSeconds: 1 });
  expect(measured(long[0]).seconds).toHaveLength(3);
});

it("stops between two samples", async () => {
  const stop = new AbortController();
  const log: string[] = [];
  const onTurn = (done: number) => {
    if (done === 2) stop.abort();
  };
  const turns = takeTurns([variant("a", 1, log)], () => {}, effort, { signal: stop.signal, onTurn });
  await expect(turns).rejects.toThrow("aborted");
  expect(log).toHaveLength(2);
});

it("times work that returns and work that promises", async () => {
  const [atOnce, later] = [vi.fn(), vi.fn(async () => {})];
  expect(timed(atOnce)(3)).toBeGreaterThan(0);
  expect(await timed(later)(3)).toBeGreaterThan(0);
  expect(atOnce).toHaveBeenCalledTimes(3);
  expect(later).toHaveBeenCalledTimes(3);
});

it("takes ratios within a round", () => {
  const of = (...seconds: number[]) => ({ variant: variant("a", 1), calls: 1, seconds });
  expect(ratiosOf(of(2, 6, 9), of(1, 2, 3))).toEqual([2, 3, 3]);
  expect(ratiosOf(of(2, 6, 9), of(1, 2))).toEqual([2, 3]);
  expect(spreadOf([5, 1, 4, 2, 3])).toEqual({ p20: 1.8, p50: 3, p80: 4.2 });
});
