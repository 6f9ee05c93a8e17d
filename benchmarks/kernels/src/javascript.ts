/**
 * Question: what does a call from JavaScript cost, above the kernel, and what against the float64 reference?
 *
 * `weightedLoss` with all outputs: the addon by itself (positions), `@lilaw/native` (argument objects), `@lilaw/core`
 * (all checks), and the reference. On one row of one class there is next to nothing to compute, so that the time of the
 * addon is an upper bound of what Node-API adds to the C call. All take turns in an order that rotates; results are
 * compared before anything is timed.
 *
 *     pnpm --filter @lilaw/benchmark-kernels javascript
 */
import assert from "node:assert/strict";
import { loadavg } from "node:os";
import { weightedLoss } from "@lilaw/core";
import {
  cpuIsa,
  load,
  type NativeWeightedLossArgs,
  weightedLoss as nativeWeightedLoss,
  threads,
} from "@lilaw/native";
import { deviation, writeResults } from "@lilaw/testing";
import { quantile } from "simple-statistics";

const shapes: [number, number][] = [
  [1, 1],
  [128, 10],
  [128, 100],
  [1024, 100],
  [4096, 1000],
];
const rounds = 15;
const secondsEach = 0.03;

const { binding } = load();
if (!binding) throw new Error("Expected the addon of @lilaw/native but found none");

/** Numbers that are the same in every run: what they are does not matter. */
const wave = (length: number) => Float32Array.from({ length }, (_, i) => 3 * Math.sin(i * 12.9898));

function contendersFor(rows: number, classes: number): Record<string, () => Float32Array> {
  const args: NativeWeightedLossArgs = {
    ...{
      logits: wave(rows * classes),
      labels: Int32Array.from({ length: rows }, (_, i) => (7 * i) % classes),
    },
    ...{ classes, loss: "cross-entropy", params: { alpha: 10, beta: 2, delta: 6 } },
    ...{ gradient: "full", normalize: "none" },
  };
  const newOutputs = () => ({
    ...{ losses: new Float32Array(rows), weights: new Float32Array(rows) },
    ...{ labelProbs: new Float32Array(rows), maxProbs: new Float32Array(rows) },
    ...{ predictions: new Int32Array(rows), gradLogits: new Float32Array(rows * classes) },
  });
  const [direct, native, cpu, reference] = [newOutputs(), newOutputs(), newOutputs(), newOutputs()];
  const params = Float64Array.of(10, 2, 6);
  const result = new Uint8Array(24);
  const { logits, labels } = args;
  const none = undefined;
  return {
    addon: () => {
      const { losses, weights, labelProbs, maxProbs, predictions, gradLogits } = direct;
      binding!.weightedLoss(
        ...([rows, classes, 0, 0, logits, labels, params, 0, 0, none] as const),
        ...([
          losses,
          weights,
          labelProbs,
          maxProbs,
          predictions,
          none,
          none,
          none,
          gradLogits,
          result,
        ] as const),
      );
      return gradLogits;
    },
    "@lilaw/native": () => {
      nativeWeightedLoss(args, native);
      return native.gradLogits;
    },
    "@lilaw/core, cpu": () => weightedLoss({ ...args, backend: "cpu" }, cpu).gradLogits,
    "@lilaw/core, reference": () => weightedLoss({ ...args, backend: "reference" }, reference).gradLogits,
  };
}

function sample(work: () => unknown, calls: number): number {
  const start = performance.now();
  for (let i = 0; i < calls; i++) work();
  return (performance.now() - start) / 1000 / calls;
}

function measure(contenders: Record<string, () => unknown>): Record<string, number[]> {
  const names = Object.keys(contenders);
  const calls = names.map((name) => {
    sample(contenders[name]!, 200 / names.length);
    return Math.max(1, Math.round(secondsEach / sample(contenders[name]!, 3)));
  });
  const times = Object.fromEntries(names.map((name) => [name, [] as number[]]));
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < names.length; i++) {
      const at = (round + i) % names.length;
      times[names[at]!]!.push(sample(contenders[names[at]!]!, calls[at]!));
    }
  }
  return times;
}

const load1 = loadavg()[0]!.toFixed(1);
const rows = shapes.flatMap(([rows, classes]) => {
  const contenders = contendersFor(rows, classes);
  const exact = contenders["@lilaw/core, reference"]!();
  for (const work of Object.values(contenders)) assert(deviation(work(), exact) < 1e-6);
  return Object.entries(measure(contenders)).map(([contender, times]) => ({
    shape: `[${rows},${classes}]`,
    contender,
    microseconds_p20: Number((quantile(times, 0.2) * 1e6).toPrecision(4)),
    microseconds_p50: Number((quantile(times, 0.5) * 1e6).toPrecision(4)),
    microseconds_p80: Number((quantile(times, 0.8) * 1e6).toPrecision(4)),
    isa: cpuIsa(),
    threads: threads(),
    load_before: load1,
  }));
});
console.table(rows);
console.log(writeResults(new URL("../results/javascript.csv", import.meta.url), rows));
