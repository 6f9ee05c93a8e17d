/**
 * Measuring by turns: one process runs all variants of a comparison, or drives the processes that do, one after the
 * other in an order that rotates. Ratios are taken within a round, so that a busy machine slows all variants alike.
 */
import { quantile } from "simple-statistics";

/** One of several ways to do the same work. */
export interface Variant {
  readonly name: string;
  /** Whether it is your own work, which should become faster; other variants are there to be compared with */
  readonly ours: boolean;
  /** Does the work `calls` times, waits for its end, and returns the seconds that all calls took. */
  sample(calls: number): number | Promise<number>;
}

/** A variant that cannot run here, or would take too much time or memory. */
export interface SkippedVariant {
  readonly name: string;
  readonly ours: boolean;
  /** Why, such as `no Vulkan driver` */
  readonly skipped: string;
}

/** How long to measure. */
export interface Effort {
  readonly rounds: number;
  /** How long a sample should take; the number of calls is chosen for it */
  readonly sampleSeconds: number;
  /** How long calls go on before the first sample */
  readonly warmUpSeconds: number;
  /** A variant whose calls take longer is skipped */
  readonly callSecondsLimit: number;
  /** A variant whose samples have taken so long together stops after three rounds or more; default: no limit */
  readonly variantSeconds?: number;
}

const fewestRounds = 3;

export const thorough: Effort = {
  rounds: 11,
  sampleSeconds: 0.03,
  warmUpSeconds: 0.2,
  callSecondsLimit: 5,
  variantSeconds: 10,
};
export const quick: Effort = { rounds: 5, sampleSeconds: 0.01, warmUpSeconds: 0.05, callSecondsLimit: 0.5 };

export interface Measured {
  readonly variant: Variant;
  /** Calls in a sample */
  readonly calls: number;
  /** Seconds of one call, a value for each round from the first on; an index is the same round for all variants */
  readonly seconds: readonly number[];
}

export interface TurnOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called after every sample and every warm-up, with how many are done and how many there are */
  readonly onTurn?: (done: number, total: number) => void;
}

/**
 * Warms up every variant, finds how many calls a sample needs, and measures in turns.
 *
 * @param check compares the results of the variants and throws where they differ; runs before anything is timed
 * @returns a measurement of every variant, or the reason why it was skipped, in the order given
 * @throws errors of `check` and of the variants; the reason of `signal`, between two samples
 */
export async function takeTurns(
  variants: readonly Variant[],
  check: () => unknown,
  effort: Effort,
  { signal, onTurn }: TurnOptions = {},
): Promise<(Measured | SkippedVariant)[]> {
  const { rounds } = effort;
  let [done, total] = [0, variants.length * (rounds + 1)];
  const turn = async <T>(work: () => T): Promise<Awaited<T>> => {
    signal?.throwIfAborted();
    const result = await work();
    // Node delivers signals between events: without this pause work that never waits would not be stopped.
    await new Promise(setImmediate);
    onTurn?.(++done, total);
    return result;
  };

  signal?.throwIfAborted();
  await check();
  const results: (Measured | SkippedVariant)[] = [];
  const running: { variant: Variant; calls: number; seconds: number[] }[] = [];
  for (const variant of variants) {
    const seconds = await turn(() => warmUp(variant, effort));
    if (seconds > effort.callSecondsLimit) {
      const { name, ours } = variant;
      results.push({ name, ours, skipped: `a call takes ${seconds.toPrecision(2)} s` });
      total -= rounds;
      continue;
    }
    const calls = Math.max(1, Math.round(effort.sampleSeconds / seconds));
    const entry = { variant, calls, seconds: [] };
    running.push(entry);
    results.push(entry);
  }
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < running.length; i++) {
      const entry = running[(round + i) % running.length]!;
      if (isDone(entry, effort)) total--;
      else entry.seconds.push(await turn(() => sampleWarm(entry.variant, entry.calls)));
    }
  }
  return results;
}

function isDone({ calls, seconds }: Measured, { variantSeconds = Number.POSITIVE_INFINITY }: Effort) {
  const spent = calls * seconds.reduce((sum, one) => sum + one, 0);
  return seconds.length >= fewestRounds && spent > variantSeconds;
}

/** Seconds of one call after the warm-up. The first call may compile: where it is too slow, a second one decides. */
async function warmUp(variant: Variant, effort: Effort): Promise<number> {
  let seconds = await variant.sample(1);
  if (seconds > effort.callSecondsLimit) return Math.min(seconds, await variant.sample(1));
  for (let spent = seconds, calls = 1; spent < effort.warmUpSeconds; calls *= 2) {
    const sample = await variant.sample(calls);
    spent += sample;
    seconds = sample / calls;
  }
  return seconds;
}

/** Seconds of one call, after a few calls that fill the caches with the data of this variant. */
async function sampleWarm(variant: Variant, calls: number): Promise<number> {
  if (calls > 1) await variant.sample(Math.ceil(calls / 10));
  return (await variant.sample(calls)) / calls;
}

/** The `sample` of a variant whose work runs in this process. A promise that it returns is awaited before the next call. */
export function timed(work: () => unknown): Variant["sample"] {
  return (calls) => {
    const start = performance.now();
    for (let call = 1; call <= calls; call++) {
      const result = work();
      if (result instanceof Promise) return awaited(work, result, calls - call, start);
    }
    return (performance.now() - start) / 1000;
  };
}

async function awaited(work: () => unknown, first: Promise<unknown>, more: number, start: number) {
  await first;
  for (let call = 0; call < more; call++) await work();
  return (performance.now() - start) / 1000;
}

/** 20th, 50th and 80th percentile of some numbers. */
export interface Spread {
  readonly p20: number;
  readonly p50: number;
  readonly p80: number;
}

export function spreadOf(values: readonly number[]): Spread {
  const [p20, p50, p80] = quantile([...values], [0.2, 0.5, 0.8]) as [number, number, number];
  return { p20, p50, p80 };
}

/** Time over the time of `baseline`, for each round that both took part in. */
export function ratiosOf(measured: Measured, baseline: Measured): number[] {
  const common = Math.min(measured.seconds.length, baseline.seconds.length);
  return measured.seconds.slice(0, common).map((seconds, round) => seconds / baseline.seconds[round]!);
}
