/** Cases that compare ways to compute one operation at one shape. */
import { readFileSync, writeFileSync } from "node:fs";
import { type Cell, round } from "../results.js";
import type { Case } from "../suites.js";
import {
  type Effort,
  type Measured,
  ratiosOf,
  type SkippedVariant,
  spreadOf,
  type Variant,
} from "../turns.js";
import { bytesMoved, type KernelData, kernelData, type Operation, type Shape } from "./data.js";

/**
 * The results of an operation. Differences between two outputs are relative to the largest element of each array.
 *
 * - weightedLoss: [objective], gradLogits
 * - metaGradient: [alpha, beta, delta]
 * - alignmentWeights: weights
 * - lilawStep: [objective], [alpha, beta, delta], gradLogits
 */
export type KernelOutput = readonly ArrayLike<number>[];

/** Facts about a variant that are found by one call, not by timing. */
export interface Facts {
  /** Calls into a library, kernels run by a backend or operations dispatched, in one call of the operation */
  readonly launches?: number;
  /** The most bytes that one call uses at a time, inputs aside */
  readonly peakBytes?: number;
  /** Instruction set, threads, device or version */
  readonly where?: string;
  /** Set where the data is on a device, so that a copy on the host says nothing about its limit */
  readonly onDevice?: true;
}

/** A variant that computes an operation. */
export interface KernelVariant extends Variant {
  /** Computes once and returns the results. */
  output(): KernelOutput | Promise<KernelOutput>;
  /** The results that are right, where they are not those of the baseline */
  expected?(): KernelOutput;
  facts?(): Facts | Promise<Facts>;
  dispose?(): unknown;
}

/** Opens a variant for the data of a case. */
export interface KernelPlan {
  readonly name: string;
  readonly ours: boolean;
  /** The reason why it cannot run here, if there is one */
  readonly skipped?: string | undefined;
  /** Whether it is known to be fast and to need little memory beyond its inputs; it is then never left out by a forecast */
  readonly frugal?: boolean;
  /** The most bytes that a call may use; default 4 GiB */
  readonly bytesLimit?: number;
  open(data: KernelData): KernelVariant | Promise<KernelVariant>;
}

export const memoryCopy = "memory copy";
const tolerance = 2e-4;
const gibibyte = 2 ** 30;

/** The time and memory of a plan at the shape where it was measured last. */
interface Experience {
  readonly logits: number;
  readonly seconds: number;
  readonly peakBytes: number;
}

/** Predicts from smaller shapes which variants would take too much time or memory at a large one. */
export class Forecast {
  readonly #seen = new Map<string, Experience>();
  /** The smallest shape to learn from: the time at a smaller one hardly depends on its size. */
  static readonly #probe: Shape = [1024, 100];

  /** Takes note of a measurement. */
  learn(plan: string, data: KernelData, seconds: number, peakBytes = 0): void {
    const logits = sizeOf(data.shape);
    if (logits < sizeOf(Forecast.#probe)) return;
    this.#seen.set(`${plan} ${data.operation}`, { logits, seconds, peakBytes });
  }

  /** The reason to skip a plan at a shape, if there is one. Measures it at a smaller shape where nothing is known yet. */
  async refuse(
    plan: KernelPlan,
    { operation, shape }: KernelData,
    effort: Effort,
  ): Promise<string | undefined> {
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

  async #probePlan(plan: KernelPlan, operation: Operation): Promise<void> {
    const data = kernelData(operation, Forecast.#probe);
    const variant = await plan.open(data);
    let seconds = Number.POSITIVE_INFINITY;
    for (let call = 0; call < 4; call++) seconds = Math.min(seconds, await variant.sample(1));
    this.learn(plan.name, data, seconds, (await variant.facts?.())?.peakBytes);
    await variant.dispose?.();
  }
}

export interface KernelCaseOptions {
  readonly operation: Operation;
  readonly shape: Shape;
  /** Further columns that tell the case from others */
  readonly labels?: Readonly<Record<string, Cell>>;
  readonly plans: readonly KernelPlan[];
  /** The name of the plan that the others are compared with, in their results and in time */
  readonly baseline: string;
  readonly effort: Effort;
  readonly forecast: Forecast;
}

const sizeOf = ([rows, classes]: Shape) => rows * classes;

/** A case that compares plans for one operation at one shape. */
export function kernelCase({
  operation,
  shape,
  labels,
  plans,
  baseline,
  effort,
  forecast,
}: KernelCaseOptions): Case {
  return {
    labels: { operation, shape: `[${shape}]`, ...labels },
    variants: plans.map(({ name }) => name),
    baseline,
    effort,
    async open(names) {
      const data = kernelData(operation, shape);
      const chosen = plans.filter(({ name }) => names.includes(name));
      const reasons: (string | undefined)[] = [];
      for (const plan of chosen) reasons.push(plan.skipped ?? (await forecast.refuse(plan, data, effort)));
      const entries: (KernelVariant | SkippedVariant)[] = [];
      for (const [i, plan] of chosen.entries()) {
        const [{ name, ours }, skipped] = [plan, reasons[i]];
        entries.push(skipped === undefined ? await plan.open(data) : { name, ours, skipped });
      }
      const present = entries.filter((entry) => "sample" in entry);
      const facts = new Map<string, Facts>();
      return {
        variants: entries,
        async check() {
          const first = present.find(({ name }) => name === baseline) ?? present[0];
          const standard = (await first?.output()) ?? [];
          for (const variant of present) {
            compare(variant, await variant.output(), variant.expected?.() ?? standard);
            facts.set(variant.name, (await variant.facts?.()) ?? {});
          }
        },
        columns(measured, all) {
          const { name } = measured.variant;
          const fact = facts.get(name)!;
          forecast.learn(name, data, spreadOf(measured.seconds).p50, fact.peakBytes);
          return columnsOf(name, data, fact, measured, all);
        },
        async close() {
          for (const variant of present) await variant.dispose?.();
        },
      };
    },
  };
}

function compare({ name }: Variant, actual: KernelOutput, expected: KernelOutput): void {
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

/** `bytes` are those that any implementation has to move; a variant may move more. */
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
  const copy = all.find(({ variant }) => variant.name === memoryCopy);
  const share = copy && !onDevice && (bytes / copied) * spreadOf(ratiosOf(copy, measured)).p50;
  return { logits, bytes, shareOfCopy: share ? round(share, 3) : undefined, launches, peakBytes, where };
}

/**
 * Runs work once and returns the most bytes by which the memory of the process grew meanwhile. Only Linux tells it;
 * undefined elsewhere.
 */
export async function peakResident(work: () => unknown): Promise<number | undefined> {
  const bytesOf = (field: string) =>
    1024 * Number(new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync("/proc/self/status", "utf8"))![1]);
  try {
    writeFileSync("/proc/self/clear_refs", "5"); // resets the peak
    const before = bytesOf("VmRSS");
    await work();
    return Math.max(0, bytesOf("VmHWM") - before);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return undefined;
  }
}
