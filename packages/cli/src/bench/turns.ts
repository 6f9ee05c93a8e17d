/**
 * Measuring by turns: all contenders of a comparison run in one process (or are driven by it), one after the other, in
 * an order that rotates; ratios are taken within a round. A busy machine then slows all of them alike.
 */
import { quantile } from "simple-statistics";

/** What takes part in a comparison. */
export interface Contender {
  readonly name: string;
  /** Whether it is this project's work, for which less is better; a rival's time is only its own business */
  readonly ours: boolean;
  /** Does the work so many times and returns the seconds that all of them took; includes waiting for its end. */
  sample(calls: number): number | Promise<number>;
}

/** One that cannot run here, or would need too much. */
export interface Absentee {
  readonly name: string;
  readonly ours: boolean;
  /** Why, such as `no Vulkan driver` */
  readonly skipped: string;
}

/** How long to look. */
export interface Effort {
  readonly rounds: number;
  /** What a sample should take, by as many calls as that needs */
  readonly sampleSeconds: number;
  /** Calls before the first sample go on for so long */
  readonly warmUpSeconds: number;
  /** A contender that needs more for one call is left out */
  readonly callSecondsLimit: number;
  /** Whose samples have taken so long together takes no further turns, after three; default: all have all turns */
  readonly contenderSeconds?: number;
}

const fewestRounds = 3;

export const thorough: Effort = {
  rounds: 11,
  sampleSeconds: 0.03,
  warmUpSeconds: 0.2,
  callSecondsLimit: 5,
  contenderSeconds: 10,
};
export const quick: Effort = { rounds: 5, sampleSeconds: 0.01, warmUpSeconds: 0.05, callSecondsLimit: 0.5 };

export interface Measured {
  readonly contender: Contender;
  /** Calls in a sample */
  readonly calls: number;
  /** Seconds a call, of each round from the first on; the same index is the same round for all contenders */
  readonly seconds: readonly number[];
}

export interface TurnOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called after every sample and every warm-up, with how many of all are done */
  readonly onTurn?: (done: number, total: number) => void;
}

/**
 * Warms up every contender, finds how many calls a sample needs, and measures in turns.
 *
 * @param check compares the results of the contenders and throws if they differ: a wrong kernel is fast. Runs first.
 * @returns a measurement of every contender, or the reason why it was left out, in the order given
 * @throws what `check` and the contenders throw; the reason of `signal` between two samples
 */
export async function takeTurns(
  contenders: readonly Contender[],
  check: () => unknown,
  effort: Effort,
  { signal, onTurn }: TurnOptions = {},
): Promise<(Measured | Absentee)[]> {
  const { rounds } = effort;
  let [done, total] = [0, contenders.length * (rounds + 1)];
  const turn = async <T>(work: () => T): Promise<Awaited<T>> => {
    signal?.throwIfAborted();
    const result = await work();
    // Signals are events of the process: they are seen between two turns or not at all.
    await new Promise(setImmediate);
    onTurn?.(++done, total);
    return result;
  };

  signal?.throwIfAborted();
  await check();
  const results: (Measured | Absentee)[] = [];
  const running: { contender: Contender; calls: number; seconds: number[] }[] = [];
  for (const contender of contenders) {
    const seconds = await turn(() => warmUp(contender, effort));
    if (seconds > effort.callSecondsLimit) {
      const { name, ours } = contender;
      results.push({ name, ours, skipped: `a call takes ${seconds.toPrecision(2)} s` });
      total -= rounds;
      continue;
    }
    const calls = Math.max(1, Math.round(effort.sampleSeconds / seconds));
    const entry = { contender, calls, seconds: [] };
    running.push(entry);
    results.push(entry);
  }
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < running.length; i++) {
      const entry = running[(round + i) % running.length]!;
      if (hasHadEnough(entry, effort)) total--;
      else entry.seconds.push(await turn(() => sampleWarm(entry.contender, entry.calls)));
    }
  }
  return results;
}

function hasHadEnough({ calls, seconds }: Measured, { contenderSeconds = Number.POSITIVE_INFINITY }: Effort) {
  const spent = calls * seconds.reduce((sum, one) => sum + one, 0);
  return seconds.length >= fewestRounds && spent > contenderSeconds;
}

/** Seconds a call, after as many as `warmUpSeconds` hold. The first call may compile: a slow one has a second try. */
async function warmUp(contender: Contender, effort: Effort): Promise<number> {
  let seconds = await contender.sample(1);
  if (seconds > effort.callSecondsLimit) return Math.min(seconds, await contender.sample(1));
  for (let spent = seconds, calls = 1; spent < effort.warmUpSeconds; calls *= 2) {
    const sample = await contender.sample(calls);
    spent += sample;
    seconds = sample / calls;
  }
  return seconds;
}

/** Seconds a call, with the caches as the contender itself leaves them. */
async function sampleWarm(contender: Contender, calls: number): Promise<number> {
  if (calls > 1) await contender.sample(Math.ceil(calls / 10));
  return (await contender.sample(calls)) / calls;
}

/** A contender's `sample` for work in this process; work that returns a promise is awaited call by call. */
export function timed(work: () => unknown): Contender["sample"] {
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

/** The middle of some numbers and how far they spread: 20th, 50th and 80th percentile. */
export interface Spread {
  readonly p20: number;
  readonly p50: number;
  readonly p80: number;
}

export function spreadOf(values: readonly number[]): Spread {
  const [p20, p50, p80] = quantile([...values], [0.2, 0.5, 0.8]) as [number, number, number];
  return { p20, p50, p80 };
}

/** How many times as long as `baseline` takes, each round that both had by itself. */
export function ratiosOf(measured: Measured, baseline: Measured): number[] {
  const common = Math.min(measured.seconds.length, baseline.seconds.length);
  return measured.seconds.slice(0, common).map((seconds, round) => seconds / baseline.seconds[round]!);
}
