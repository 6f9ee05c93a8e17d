import { barOf, durationText, lineOf } from "@lilaw/bench/program";
import pc from "picocolors";
import type { EpochMetrics, Unit } from "./documents.js";
import type { RunForecast } from "./forecast.js";

/** The values of a training step that are shown. */
export interface StepNews {
  /** From 1. */
  readonly epoch: number;
  /** Steps of the unit so far. */
  readonly stepsDone: number;
  /** Mean loss of the batch, unweighted. */
  readonly loss: number;
  /** Share of the batch whose predictions equal the labels. */
  readonly accuracy: number;
}

/** The line that shows the unit in training, and the time that the whole run still takes. */
export class UnitLine {
  readonly #title: string;
  readonly #method: string;
  readonly #forecast: RunForecast;
  readonly #stepsPerEpoch: number;
  readonly #now: () => number;
  readonly #started: number;
  #epochStarted: number;
  #stepsBefore: number | undefined;
  #epoch: number;
  #news: StepNews | undefined;
  /** Share of the epoch's steps that are done. */
  #share = 0;
  #scalars = "";

  /** @param now time in milliseconds, of a clock that never goes back */
  constructor(unit: Unit, stepsPerEpoch: number, forecast: RunForecast, now = () => performance.now()) {
    this.#title = `${forecast.placeOf(unit)} ${pc.bold(unit.method)} seed ${unit.seed}`;
    this.#method = unit.method;
    this.#forecast = forecast;
    this.#stepsPerEpoch = stepsPerEpoch;
    this.#epoch = forecast.epochsDoneOf(unit);
    this.#now = now;
    this.#started = now();
    this.#epochStarted = this.#started;
  }

  /** Number of epochs of the whole run that are done, with the fraction of the present one. */
  get epochsDone(): number {
    return this.#forecast.epochsDone + this.#share;
  }

  step(news: StepNews): void {
    this.#stepsBefore ??= news.stepsDone - 1;
    this.#news = news;
    this.#epoch = news.epoch;
    this.#share = news.stepsDone / this.#stepsPerEpoch - (news.epoch - 1);
  }

  epoch(metrics: EpochMetrics): void {
    this.#forecast.epochDone(metrics);
    this.#epochStarted = this.#now();
    this.#share = 0;
    this.#scalars = scalarsOf(metrics);
  }

  /** @param width columns; where they are few, the remaining time is shown first of all */
  render(width: number): string {
    const { epochs, epochsPerUnit } = this.#forecast;
    const secondsOf = (start: number) => (this.#now() - start) / 1000;
    const left = this.#forecast.secondsLeft(this.#method, this.#share, secondsOf(this.#epochStarted));
    const { stepsDone = 0, loss, accuracy } = this.#news ?? {};
    const rate = (stepsDone - (this.#stepsBefore ?? 0)) / secondsOf(this.#started);
    return lineOf(
      [
        { rank: 1, text: this.#title },
        { rank: 3, text: barOf(this.epochsDone / epochs) },
        { rank: 2, text: `epoch ${this.#epoch}/${epochsPerUnit}` },
        { rank: 0, text: `ETA ${durationText(left)}` },
        { rank: 4, text: loss === undefined ? "" : `loss ${loss.toFixed(3)}` },
        { rank: 5, text: accuracy === undefined ? "" : `acc ${accuracy.toFixed(3)}` },
        { rank: 6, text: rate > 0 && rate < Infinity ? `${rate.toFixed(0)} step/s` : "" },
        { rank: 7, text: this.#scalars },
      ],
      width,
    );
  }
}

/** LiLAW's scalars as text; empty for a method without them. */
export function scalarsOf({ alpha, beta, delta }: EpochMetrics): string {
  if (alpha === undefined || beta === undefined || delta === undefined) return "";
  return `alpha ${alpha.toFixed(3)} beta ${beta.toFixed(3)} delta ${delta.toFixed(3)}`;
}
