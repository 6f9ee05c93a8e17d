import { barOf, fitted, lineOf, widthOf } from "@lilaw/bench/program";
import { SingleBar } from "cli-progress";
import pc from "picocolors";
import type { EpochMetrics, Unit } from "./documents.js";
import { RunForecast, type RunPlan } from "./forecast.js";
import type { RunResult } from "./results-table.js";
import { type StepNews, scalarsOf, UnitLine } from "./unit-line.js";

/** Shows the progress of a run. There is one implementation for each kind of output; all write to standard error. */
export interface Progress {
  /** A remark that stays on the screen. */
  say(text: string): void;
  /** A warning: it is shown with `--quiet` too. */
  warn(text: string): void;
  /** @param total size in bytes, where it is known */
  loading(file: string, received: number, total: number | undefined): void;
  run(plan: RunPlan): void;
  unit(unit: Unit, stepsPerEpoch: number): void;
  step(news: StepNews): void;
  epoch(metrics: EpochMetrics): void;
  unitDone(result: RunResult): void;
  /** Ends the display and leaves the terminal as it was. */
  stop(): void;
}

type Output = NodeJS.WriteStream;

/** Bars on a terminal, at most one line per epoch on other outputs; only warnings if `quiet`. */
export function createProgress(quiet: boolean, output: Output = process.stderr): Progress {
  if (quiet) return new Warnings(output);
  return output.isTTY ? new Bars(output) : new Lines(output);
}

class Warnings implements Progress {
  readonly #output: Output;

  constructor(output: Output) {
    this.#output = output;
  }

  warn(text: string): void {
    this.#output.write(`${fitted(text, this.#output)}\n`);
  }

  say(): void {}
  loading(): void {}
  run(): void {}
  unit(): void {}
  step(): void {}
  epoch(): void {}
  unitDone(): void {}
  stop(): void {}
}

class Lines implements Progress {
  readonly #output: Output;
  readonly #files = new Set<string>();
  #epochs = 0;

  constructor(output: Output) {
    this.#output = output;
  }

  say(text: string): void {
    this.#output.write(`${text}\n`);
  }

  warn(text: string): void {
    this.say(text);
  }

  loading(file: string): void {
    // Each file is named once, though tables are read twice.
    if (!this.#files.has(file)) this.say(`loading ${file}`);
    this.#files.add(file);
  }

  run({ epochs }: RunPlan): void {
    this.#epochs = epochs;
  }

  unit(): void {}
  step(): void {}

  epoch(metrics: EpochMetrics): void {
    const { method, seed, epoch, loss, trainAccuracy, validAccuracy, testAccuracy, stepsPerSecond } = metrics;
    const scalars = scalarsOf(metrics);
    this.say(
      `${method}, seed ${seed}, epoch ${epoch}/${this.#epochs}: loss ${loss.toFixed(4)}, accuracy train ` +
        `${trainAccuracy.toFixed(4)} valid ${validAccuracy.toFixed(4)} test ${testAccuracy.toFixed(4)}` +
        `${scalars && `, ${scalars}`}, ${stepsPerSecond.toFixed(0)} step/s`,
    );
  }

  unitDone(): void {}
  stop(): void {}
}

class Bars implements Progress {
  readonly #output: Output;
  #forecast = new RunForecast({ units: [], epochs: 0, metrics: [] });
  #line: UnitLine | undefined;
  #bar: SingleBar | undefined;
  #file: string | undefined;

  constructor(output: Output) {
    this.#output = output;
  }

  say(text: string): void {
    this.stop();
    this.#output.write(`${fitted(text, this.#output)}\n`);
  }

  warn(text: string): void {
    this.say(text);
  }

  loading(file: string, received: number, total = 0): void {
    if (file !== this.#file) {
      this.#file = file;
      const title = { rank: 1, text: `loading ${file}` };
      const parts = (share: number) => [
        title,
        { rank: 2, text: barOf(share) },
        { rank: 0, text: `${Math.floor(100 * share)} %` },
      ];
      this.#start(total, 0, (share, width) => lineOf(total > 0 ? parts(share) : [title], width));
    }
    this.#bar?.update(received);
  }

  run(plan: RunPlan): void {
    this.#forecast = new RunForecast(plan);
  }

  unit(unit: Unit, stepsPerEpoch: number): void {
    const line = new UnitLine(unit, stepsPerEpoch, this.#forecast);
    this.#line = line;
    this.#start(this.#forecast.epochs, line.epochsDone, (_, width) => line.render(width));
  }

  step(news: StepNews): void {
    this.#line?.step(news);
    this.#bar?.update(this.#line!.epochsDone);
  }

  epoch(metrics: EpochMetrics): void {
    this.#line?.epoch(metrics);
  }

  unitDone(result: RunResult): void {
    const { method, seed, bestValidEpoch, testAccuracyAtBestValid, testAccuracyLast, seconds } = result;
    this.say(
      `${pc.bold(method)} seed ${seed}: test accuracy ${testAccuracyAtBestValid.toFixed(4)} (epoch ` +
        `${bestValidEpoch}), last ${testAccuracyLast.toFixed(4)}, ${seconds.toFixed(1)} s`,
    );
  }

  stop(): void {
    this.#bar?.stop();
    this.#bar = undefined;
  }

  #start(total: number, value: number, render: (share: number, width: number) => string): void {
    this.stop();
    this.#bar = new SingleBar({
      // The width is read at every redraw, since a terminal may be resized. The cursor takes one column.
      format: (_, { progress }) => render(progress, widthOf(this.#output) - 1),
      stream: this.#output,
      clearOnComplete: true,
      hideCursor: true,
      gracefulExit: true,
      fps: 5,
    });
    this.#bar.start(total, value);
  }
}
