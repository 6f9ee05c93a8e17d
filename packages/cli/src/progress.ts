import { SingleBar } from "cli-progress";
import pc from "picocolors";
import type { EpochMetrics, Unit } from "./documents.js";
import type { RunResult } from "./report.js";

/** What a training step tells. */
export interface StepNews {
  /** From 1. */
  readonly epoch: number;
  /** Steps of the unit so far. */
  readonly stepsDone: number;
  /** Mean loss of the batch, unweighted. */
  readonly loss: number;
  /** Share of the batch predicted as labelled. */
  readonly accuracy: number;
}

/** Shows a run as it goes. One implementation a kind of output; all write to standard error. */
export interface Progress {
  /** A remark that stays on the screen. */
  say(text: string): void;
  download(file: string, received: number, total: number | undefined): void;
  unit(unit: Unit, place: string, epochs: number, stepsPerEpoch: number, epochsDone: number): void;
  step(news: StepNews): void;
  epoch(metrics: EpochMetrics, epochs: number): void;
  unitDone(result: RunResult): void;
  /** Leaves the terminal tidy, whatever happened. */
  stop(): void;
}

type Output = NodeJS.WriteStream;

/** Bars on a terminal, at most a line an epoch elsewhere, nothing where quiet. */
export function createProgress(quiet: boolean, output: Output = process.stderr): Progress {
  if (quiet) return new Silence();
  return output.isTTY ? new Bars(output) : new Lines(output);
}

class Silence implements Progress {
  say(): void {}
  download(): void {}
  unit(): void {}
  step(): void {}
  epoch(): void {}
  unitDone(): void {}
  stop(): void {}
}

class Lines implements Progress {
  readonly #output: Output;
  #file: string | undefined;

  constructor(output: Output) {
    this.#output = output;
  }

  say(text: string): void {
    this.#output.write(`${text}\n`);
  }

  download(file: string): void {
    if (file !== this.#file) this.say(`loading ${file}`);
    this.#file = file;
  }

  unit(): void {}
  step(): void {}

  epoch(metrics: EpochMetrics, epochs: number): void {
    const { method, seed, epoch, loss, trainAccuracy, validAccuracy, testAccuracy, stepsPerSecond } = metrics;
    this.say(
      `${method}, seed ${seed}, epoch ${epoch}/${epochs}: loss ${loss.toFixed(4)}, accuracy train ` +
        `${trainAccuracy.toFixed(4)} valid ${validAccuracy.toFixed(4)} test ${testAccuracy.toFixed(4)}` +
        `${scalarsOf(metrics)}, ${stepsPerSecond.toFixed(0)} step/s`,
    );
  }

  unitDone(): void {}
  stop(): void {}
}

class Bars implements Progress {
  readonly #output: Output;
  #bar: SingleBar | undefined;
  #file: string | undefined;
  #started = 0;
  #stepsBefore = 0;
  #epochs = 0;

  constructor(output: Output) {
    this.#output = output;
  }

  say(text: string): void {
    this.stop();
    this.#output.write(`${text}\n`);
  }

  download(file: string, received: number, total: number | undefined): void {
    if (file !== this.#file) {
      this.#file = file;
      this.#start(`loading ${file} {bar} {percentage} % ETA {eta_formatted}`, total ?? 0, 0, {});
    }
    this.#bar?.update(received);
  }

  unit(unit: Unit, place: string, epochs: number, stepsPerEpoch: number, epochsDone: number): void {
    this.#epochs = epochs;
    this.#stepsBefore = epochsDone * stepsPerEpoch;
    this.#started = performance.now();
    const title = `${place} ${pc.bold(unit.method)} seed ${unit.seed}`;
    const fields = "epoch {epoch} {rate} step/s loss {loss} acc {accuracy}{scalars} ETA {eta_formatted}";
    const empty = { epoch: `${epochsDone}/${epochs}`, rate: "-", loss: "-", accuracy: "-", scalars: "" };
    this.#start(`${title} {bar} ${fields}`, epochs * stepsPerEpoch, this.#stepsBefore, empty);
  }

  step({ epoch, stepsDone, loss, accuracy }: StepNews): void {
    const seconds = (performance.now() - this.#started) / 1000;
    this.#bar?.update(stepsDone, {
      epoch: `${epoch}/${this.#epochs}`,
      rate: ((stepsDone - this.#stepsBefore) / seconds).toFixed(0),
      loss: loss.toFixed(3),
      accuracy: accuracy.toFixed(3),
    });
  }

  epoch(metrics: EpochMetrics): void {
    this.#bar?.update({ scalars: scalarsOf(metrics) });
  }

  unitDone(result: RunResult): void {
    const { method, seed, bestValidEpoch, testAccuracyAtBestValid, testAccuracyLast, seconds } = result;
    this.say(
      `${pc.bold(method)} seed ${seed}: test accuracy ${testAccuracyAtBestValid.toFixed(4)} at the best epoch ` +
        `(${bestValidEpoch}), ${testAccuracyLast.toFixed(4)} at the last, ${seconds.toFixed(1)} s`,
    );
  }

  stop(): void {
    this.#bar?.stop();
    this.#bar = undefined;
  }

  #start(format: string, total: number, value: number, payload: object): void {
    this.stop();
    const options = {
      format,
      stream: this.#output,
      clearOnComplete: true,
      barsize: 16,
      etaBuffer: 100,
      fps: 5,
    };
    this.#bar = new SingleBar({
      ...options,
      barCompleteChar: "█",
      barIncompleteChar: "░",
      hideCursor: true,
      gracefulExit: true,
    });
    this.#bar.start(total, value, payload);
  }
}

function scalarsOf({ alpha, beta, delta }: EpochMetrics): string {
  if (alpha === undefined || beta === undefined || delta === undefined) return "";
  return `, alpha ${alpha.toFixed(3)} beta ${beta.toFixed(3)} delta ${delta.toFixed(3)}`;
}
