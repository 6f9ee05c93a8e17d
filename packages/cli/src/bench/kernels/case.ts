/** Cases of one operation and shape, whoever computes it. */
import { readFileSync, writeFileSync } from "node:fs";
import type { Case, Cell } from "../questions.js";
import { round } from "../questions.js";
import { type Absentee, type Contender, type Effort, type Measured, ratiosOf, spreadOf } from "../turns.js";
import { bytesMoved, type KernelData, kernelData, type Operation, type Shape } from "./data.js";

/**
 * What an operation came to, each array compared by the size of its largest element:
 * - weightedLoss: [objective], gradLogits
 * - metaGradient: [alpha, beta, delta]
 * - alignmentWeights: weights
 * - lilawStep: [objective], [alpha, beta, delta], gradLogits
 */
export type Outcome = readonly ArrayLike<number>[];

/** What is known of a contender beside its times. */
export interface Facts {
  /** Calls into a library, kernels launched on a backend or operations dispatched, for one call of the operation */
  readonly launches?: number;
  /** The most memory that was in use at once beyond the inputs, in one call */
  readonly peakBytes?: number;
  /** Such as instruction set, threads, device */
  readonly where?: string;
  /** Where a copy on the host is no limit */
  readonly onDevice?: true;
}

export interface KernelContender extends Contender {
  /** Computes once. */
  outcome(): Outcome | Promise<Outcome>;
  /** What `outcome` should be, where it is not that of the baseline */
  expected?(): Outcome;
  facts?(): Facts | Promise<Facts>;
  dispose?(): unknown;
}

/** A contender that is not yet there. */
export interface Plan {
  readonly name: string;
  readonly ours: boolean;
  /** Why it cannot run here, if so */
  readonly absent?: string | undefined;
  /** Of which it is known that it needs little more memory than its inputs, and little time for them: no forecast */
  readonly frugal?: boolean;
  /** Memory that a call may need at most; default 4 GiB */
  readonly bytesLimit?: number;
  open(data: KernelData): KernelContender | Promise<KernelContender>;
}

export const memoryCopy = "memory copy";
const tolerance = 2e-4;
const gibibyte = 2 ** 30;

/** What a plan took for an operation where it was last seen. */
interface Experience {
  readonly logits: number;
  readonly seconds: number;
  readonly peakBytes: number;
}

/** Says before a large case is opened who would take too long or too much, from a smaller one. */
export class Forecast {
  readonly #seen = new Map<string, Experience>();
  /** The smallest shape to learn from: what a smaller one takes is mostly independent of its size. */
  static readonly #probe: Shape = [1024, 100];

  learn(plan: string, data: KernelData, seconds: number, peakBytes = 0): void {
    const logits = sizeOf(data.shape);
    if (logits < sizeOf(Forecast.#probe)) return;
    this.#seen.set(`${plan} ${data.operation}`, { logits, seconds, peakBytes });
  }

  /** Why the plan is better left out, if so. */
  async refuse(plan: Plan, { operation, shape }: KernelData, effort: Effort): Promise<string | undefined> {
    if (plan.frugal || sizeOf(shape) <= sizeOf(Forecast.#probe)) return undefined;
    const key = `${plan.name} ${operation}`;
    if (!this.#seen.has(key)) await this.#probePlan(plan, operation);
    const seen = this.#seen.get(key)!;
    const growth = Math.max(1, sizeOf(shape) / seen.logits);
    const [seconds, bytes] = [seen.seconds * growth, seen.peakBytes * growth];
    if (seconds > effort.callSecondsLimit) return `a call would take about ${round(seconds, 1)} s`;
    if (bytes > (plan.bytesLimit ?? 4 * gibibyte)) {
      return `a call would need about ${round(bytes / gibibyte, 2)} GiB`;
    }
    return undefined;
  }

  async #probePlan(plan: Plan, operation: Operation): Promise<void> {
    const data = kernelData(operation, Forecast.#probe);
    const contender = await plan.open(data);
    let seconds = Number.POSITIVE_INFINITY;
    for (let call = 0; call < 4; call++) seconds = Math.min(seconds, await contender.sample(1));
    this.learn(plan.name, data, seconds, (await contender.facts?.())?.peakBytes);
    await contender.dispose?.();
  }
}

export interface KernelCase {
  readonly operation: Operation;
  readonly shape: Shape;
  /** What else tells the case from others */
  readonly labels?: Readonly<Record<string, Cell>>;
  readonly plans: readonly Plan[];
  /** The name of the plan that the others are compared with, in results and in time */
  readonly baseline: string;
  readonly effort: Effort;
  readonly forecast: Forecast;
}

const sizeOf = ([rows, classes]: Shape) => rows * classes;

/** A case of one operation at one shape. */
export function kernelCase({
  operation,
  shape,
  labels,
  plans,
  baseline,
  effort,
  forecast,
}: KernelCase): Case {
  return {
    labels: { operation, shape: `[${shape}]`, ...labels },
    contenders: plans.map(({ name }) => name),
    baseline,
    effort,
    async open(names) {
      const data = kernelData(operation, shape);
      const chosen = plans.filter(({ name }) => names.includes(name));
      const reasons: (string | undefined)[] = [];
      for (const plan of chosen) reasons.push(plan.absent ?? (await forecast.refuse(plan, data, effort)));
      const entries: (KernelContender | Absentee)[] = [];
      for (const [i, plan] of chosen.entries()) {
        const [{ name, ours }, skipped] = [plan, reasons[i]];
        entries.push(skipped === undefined ? await plan.open(data) : { name, ours, skipped });
      }
      const present = entries.filter((entry) => "sample" in entry);
      const facts = new Map<string, Facts>();
      return {
        contenders: entries,
        async check() {
          const first = present.find(({ name }) => name === baseline) ?? present[0];
          const standard = (await first?.outcome()) ?? [];
          for (const contender of present) {
            compare(contender, await contender.outcome(), contender.expected?.() ?? standard);
            facts.set(contender.name, (await contender.facts?.()) ?? {});
          }
        },
        columns(measured, all) {
          const { name } = measured.contender;
          const fact = facts.get(name)!;
          forecast.learn(name, data, spreadOf(measured.seconds).p50, fact.peakBytes);
          return columnsOf(name, data, fact, measured, all);
        },
        async close() {
          for (const contender of present) await contender.dispose?.();
        },
      };
    },
  };
}

function compare({ name }: Contender, actual: Outcome, expected: Outcome): void {
  if (actual.length !== expected.length) throw new Error(`${name} gives ${actual.length} results`);
  for (const [i, array] of actual.entries()) {
    const distance = distanceOf(array, expected[i]!);
    if (!(distance < tolerance)) throw new Error(`${name} differs by ${distance} in result ${i}`);
  }
}

/** The largest difference, in units of the largest element. */
function distanceOf(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  let [difference, size] = [0, Number.MIN_VALUE];
  for (let i = 0; i < expected.length; i++) {
    const [a, e] = [actual[i]!, expected[i]!];
    if (Number.isNaN(a)) return Number.NaN;
    difference = Math.max(difference, Math.abs(a - e));
    size = Math.max(size, Math.abs(e));
  }
  return difference / size;
}

/** Bytes are those that the operation must move; a contender may well move more. */
function columnsOf(
  name: string,
  { operation, shape }: KernelData,
  { launches, peakBytes, where, onDevice }: Facts,
  measured: Measured,
  all: readonly Measured[],
): Record<string, Cell> {
  const logits = sizeOf(shape);
  const copied = 2 * 4 * logits;
  const bytes = name === memoryCopy ? copied : bytesMoved(operation, shape);
  const copy = all.find(({ contender }) => contender.name === memoryCopy);
  const share = copy && !onDevice && (bytes / copied) * spreadOf(ratiosOf(copy, measured)).p50;
  return { logits, bytes, shareOfCopy: share ? round(share, 3) : undefined, launches, peakBytes, where };
}

/**
 * Runs work once and returns by how many bytes the memory of the process grew at most meanwhile; undefined where the
 * system does not tell (all but Linux).
 */
export async function peakResident(work: () => unknown): Promise<number | undefined> {
  const bytesOf = (field: string) =>
    1024 * Number(new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync("/proc/self/status", "utf8"))![1]);
  try {
    writeFileSync("/proc/self/clear_refs", "5"); // the peak starts anew
    const before = bytesOf("VmRSS");
    await work();
    return Math.max(0, bytesOf("VmHWM") - before);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return undefined;
  }
}
