import { mean } from "simple-statistics";
import type { EpochMetrics, Unit } from "./documents.js";

/** The parts of a run, and which of them are done. */
export interface RunPlan {
  readonly units: readonly Unit[];
  /** Of each unit. */
  readonly epochs: number;
  /** Of the epochs that are done, in the order in which they were. */
  readonly metrics: readonly EpochMetrics[];
}

/** Epochs of a method that tell how long its next one takes; few, for a machine that has become faster or slower. */
const recent = 3;

/** How long a run still takes: the epochs that are left of each method, as long as its latest ones took. */
export class RunForecast {
  readonly #plan: RunPlan;
  readonly #metrics: EpochMetrics[];

  constructor(plan: RunPlan) {
    this.#plan = plan;
    this.#metrics = [...plan.metrics];
  }

  epochDone(metrics: EpochMetrics): void {
    this.#metrics.push(metrics);
  }

  /** Epochs that are done, of all units. */
  get epochsDone(): number {
    return this.#metrics.length;
  }

  /** Epochs of all units. */
  get epochs(): number {
    return this.#plan.units.length * this.#plan.epochs;
  }

  get epochsPerUnit(): number {
    return this.#plan.epochs;
  }

  epochsDoneOf({ method, seed }: Unit): number {
    return this.#metrics.filter((line) => line.method === method && line.seed === seed).length;
  }

  /** As in `[2/8]`. */
  placeOf({ method, seed }: Unit): string {
    const { units } = this.#plan;
    const index = units.findIndex((unit) => unit.method === method && unit.seed === seed);
    return `[${index + 1}/${units.length}]`;
  }

  /**
   * Seconds until the last epoch of the last unit is done; undefined when nothing is known yet.
   *
   * @param method of the epoch that runs now
   * @param share of its steps that are done, in [0, 1]
   * @param seconds that they took
   */
  secondsLeft(method: string, share: number, seconds: number): number | undefined {
    const present = share > 0 ? seconds / share : undefined;
    const known = new Map<string, number>();
    for (const { method } of this.#plan.units) {
      const own = this.#metrics.filter((line) => line.method === method).slice(-recent);
      if (own.length > 0) known.set(method, mean(own.map((line) => line.seconds)));
    }
    if (!known.has(method) && present !== undefined) known.set(method, present);
    if (known.size === 0) return undefined;
    const ofOthers = mean([...known.values()]);
    const secondsOf = (method: string) => known.get(method) ?? ofOthers;
    const epochsLeft = (unit: Unit) => this.#plan.epochs - this.epochsDoneOf(unit);
    const left = this.#plan.units.reduce((sum, unit) => sum + epochsLeft(unit) * secondsOf(unit.method), 0);
    // An epoch that takes longer than those before it is taken to end at any moment.
    return Math.max(0, left - Math.min(seconds, secondsOf(method)));
  }
}
