import { mean } from "simple-statistics";
import type { EpochMetrics, Unit } from "./documents.js";

/** The units of a run, and the epochs that are done. */
export interface RunPlan {
  readonly units: readonly Unit[];
  /** Epochs of each unit. */
  readonly epochs: number;
  /** The epochs that are done, in the order in which they were trained. */
  readonly metrics: readonly EpochMetrics[];
}

/** Latest epochs of a method whose mean duration is expected of the next; few, so that a change of speed shows soon. */
const recent = 3;

/** Estimates how long a run still takes: every epoch to come takes as long as the latest of its method. */
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

  /** Number of epochs that are done, of all units. */
  get epochsDone(): number {
    return this.#metrics.length;
  }

  /** Number of epochs of all units. */
  get epochs(): number {
    return this.#plan.units.length * this.#plan.epochs;
  }

  get epochsPerUnit(): number {
    return this.#plan.epochs;
  }

  epochsDoneOf({ method, seed }: Unit): number {
    return this.#metrics.filter((line) => line.method === method && line.seed === seed).length;
  }

  /** Place of a unit among all, for example `[2/8]`. */
  placeOf({ method, seed }: Unit): string {
    const { units } = this.#plan;
    const index = units.findIndex((unit) => unit.method === method && unit.seed === seed);
    return `[${index + 1}/${units.length}]`;
  }

  /**
   * Seconds until the last epoch of the last unit is done; undefined when nothing is known yet.
   *
   * @param method method of the epoch in progress
   * @param share share of its steps that are done, in [0, 1]
   * @param seconds time that these steps took
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
    // An epoch that takes longer than expected counts as about to end.
    return Math.max(0, left - Math.min(seconds, secondsOf(method)));
  }
}
