/**
 * Question: how much faster are the kernels of @lilaw/tfjs than the same computed with tfjs's own operations?
 *
 * The work: cross-entropy, weights and full gradient of one batch, and the meta-gradient of another. Two rivals in
 * tfjs operations: the composition that @lilaw/tfjs itself uses on other backends (non-finite rows, ties and confident
 * rows treated as everywhere), and the shortest one that a user would write (softmax, logarithm, no care of those).
 * Results are compared before anything is timed; all three take turns in an order that rotates, and the ratio is taken
 * within a round.
 *
 *     pnpm --filter @lilaw/benchmark-kernels tfjs [backend …]
 */
import assert from "node:assert/strict";
import { backendReport, type LilawParams } from "@lilaw/core";
import { deviation, writeResults } from "@lilaw/testing";
import { kernels } from "@lilaw/tfjs/kernels";
import { type NodeBackend, useBackend } from "@lilaw/tfjs/node";
import * as tf from "@tensorflow/tfjs-core";
import { quantile } from "simple-statistics";

interface Batch {
  logits: tf.Tensor2D;
  labels: tf.Tensor1D;
}

/** [objective, alpha, beta, delta], read back, so that asynchronous backends have finished. */
type Work = (train: Batch, valid: Batch) => { numbers: number[]; gradLogits: tf.Tensor };

const params: LilawParams = { alpha: 10, beta: 2, delta: 6 };
const loss = "cross-entropy";
const shapes: [number, number][] = [
  [128, 10],
  [128, 100],
  [4096, 1000],
];
const rounds = 11;

const withKernels =
  (from: typeof kernels.registered): Work =>
  (train, valid) => {
    const attributes = { loss, params, gradient: "full", normalize: "none", rowValues: [] } as const;
    const [objective, gradLogits] = from.weightedLoss({ ...train }, attributes);
    const [values] = from.metaGradient({ ...valid }, { loss, params });
    const parts = values!.dataSync<"float32">();
    const meta = [0, 2, 4].map((at) => parts[at]! + parts[at + 1]!);
    return { numbers: [objective!.dataSync()[0]!, ...meta], gradLogits: gradLogits! };
  };

/** As short as it gets: u and v from a softmax, the closed forms written down. */
const shortest: Work = (train, valid) => {
  const rowsOf = ({ logits, labels }: Batch) => {
    const [count, classes] = logits.shape;
    const probs = tf.softmax(logits);
    const label = tf.oneHot(labels, classes);
    const u = tf.sum(tf.mul(probs, label), 1);
    const v = tf.max(probs, 1);
    const ce = tf.neg(tf.log(u));
    const d = tf.sub(tf.mul(params.delta, u), v);
    const alpha = tf.sigmoid(tf.sub(tf.mul(params.alpha, u), v));
    const beta = tf.sigmoid(tf.sub(v, tf.mul(params.beta, u)));
    const delta = tf.exp(tf.mul(-0.5, tf.square(d)));
    const slopes = [
      tf.mul(alpha, tf.sub(1, alpha)),
      tf.mul(beta, tf.sub(1, beta)),
      tf.mul(d, delta),
    ] as const;
    return { count, classes, probs, label, u, v, ce, alpha, beta, delta, slopes };
  };
  const { count, classes, probs, label, u, v, ce, alpha, beta, delta, slopes } = rowsOf(train);
  const [a, b, c] = slopes;
  const weight = tf.addN([alpha, beta, delta]);
  const byU = tf.sub(tf.sub(tf.mul(params.alpha, a), tf.mul(params.beta, b)), tf.mul(params.delta, c));
  const byV = tf.sub(tf.add(b, c), a);
  const top = tf.oneHot(tf.argMax(probs, 1) as tf.Tensor1D, classes);
  const onLabel = tf.expandDims(tf.div(tf.sub(weight, tf.mul(tf.mul(ce, u), byU)), count), 1);
  const onTop = tf.expandDims(tf.div(tf.mul(tf.mul(ce, v), byV), -count), 1);
  const gradLogits = tf.add(tf.mul(onLabel, tf.sub(probs, label)), tf.mul(onTop, tf.sub(probs, top)));
  const objective = tf.mean(tf.mul(weight, ce));

  const meta = rowsOf(valid);
  const scaled = tf.mul(meta.ce, meta.u);
  const [alphaSlope, betaSlope, deltaSlope] = meta.slopes;
  const partials = tf.stack([
    tf.mean(tf.mul(scaled, alphaSlope)),
    tf.neg(tf.mean(tf.mul(scaled, betaSlope))),
    tf.neg(tf.mean(tf.mul(scaled, deltaSlope))),
  ]);
  return { numbers: [objective.dataSync()[0]!, ...partials.dataSync()], gradLogits };
};

const rivals = {
  kernels: withKernels(kernels.registered),
  "composed of tfjs operations": withKernels(kernels.composed),
  "shortest tfjs operations": shortest,
} satisfies Record<string, Work>;
type Rival = keyof typeof rivals;

function randomBatch([count, classes]: [number, number], seed: number): Batch {
  return tf.tidy(() => ({
    logits: tf.randomNormal<tf.Rank.R2>([count, classes], 0, 3, "float32", seed),
    labels: tf.cast(
      tf.floor(tf.randomUniform([count], 0, classes, "float32", seed + 1)),
      "int32",
    ) as tf.Tensor1D,
  })) as unknown as Batch;
}

function check(train: Batch, valid: Batch): void {
  tf.tidy(() => {
    const [own, ...others] = (Object.keys(rivals) as Rival[]).map((name) => rivals[name](train, valid));
    for (const other of others) {
      assert.ok(deviation(other.numbers, own!.numbers) < 1e-4, `${other.numbers} against ${own!.numbers}`);
      assert.ok(deviation(other.gradLogits.dataSync(), own!.gradLogits.dataSync()) < 1e-5);
    }
  });
}

/** Milliseconds of one call, over as many calls as fill about 20 ms. */
function time(work: Work, train: Batch, valid: Batch, calls: number): number {
  const start = performance.now();
  for (let i = 0; i < calls; i++) tf.tidy(() => void work(train, valid));
  return (performance.now() - start) / calls;
}

function compare(shape: [number, number]): Record<Rival, number[]> {
  const [train, valid] = [randomBatch(shape, 1), randomBatch(shape, 3)];
  check(train, valid);
  const names = Object.keys(rivals) as Rival[];
  const calls = {} as Record<Rival, number>;
  for (const name of names) {
    const first = time(rivals[name], train, valid, 1);
    time(rivals[name], train, valid, Math.min(500, Math.ceil(200 / first))); // warm
    calls[name] = Math.max(1, Math.min(400, Math.round(20 / time(rivals[name], train, valid, 3))));
  }
  const times = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Rival, number[]>;
  for (let round = 0; round < rounds; round++) {
    for (let k = 0; k < names.length; k++) {
      const name = names[(k + round) % names.length]!;
      times[name].push(time(rivals[name], train, valid, calls[name]));
    }
  }
  tf.dispose([train.logits, train.labels, valid.logits, valid.labels]);
  return times;
}

const chosen = process.argv.slice(2) as NodeBackend[];
const rows: Record<string, unknown>[] = [];
for (const backend of chosen.length > 0 ? chosen : (["tensorflow", "wasm", "cpu"] as const)) {
  await useBackend(backend);
  for (const shape of shapes) {
    if (backend === "cpu" && shape[0] > 1000) continue; // minutes a call
    const times = compare(shape);
    for (const name of Object.keys(rivals) as Rival[]) {
      const ratios = times[name].map((ms, round) => ms / times.kernels[round]!);
      const row = {
        backend,
        rows: shape[0],
        classes: shape[1],
        name,
        medianMs: quantile(times[name], 0.5).toPrecision(4),
        ratioToKernelsP20: quantile(ratios, 0.2).toFixed(2),
        ratioToKernelsP50: quantile(ratios, 0.5).toFixed(2),
        ratioToKernelsP80: quantile(ratios, 0.8).toFixed(2),
        kernels: kernels.fallback(backend) === undefined ? "native" : "reference",
        native: backendReport().detail,
      };
      rows.push(row);
      console.log(`${backend} [${shape}] ${name}: ${row.medianMs} ms, ${row.ratioToKernelsP50} x`);
    }
  }
}
console.log(writeResults(new URL("../results/tfjs.csv", import.meta.url), rows));
