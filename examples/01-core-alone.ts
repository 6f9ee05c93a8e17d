/**
 * 01: use @lilaw/core in your own trainer. No framework: a network of one hidden layer, written out over plain
 * arrays, learns three rings of points of which 40 % carry a wrong label. Only two calls concern LiLAW: `weigh`,
 * which takes the logits and returns their gradient, and `metaStep`. (A single run on a toy problem does not show
 * which method is better; see benchmarks/accuracy.)
 */
import { LiLAW, Random } from "@lilaw/core";

const [inputs, hidden, classes] = [2, 64, 3];

interface Points {
  x: Float32Array;
  labels: Int32Array;
}

/** Points on three concentric rings, some of them with the label of another ring. */
function rings(count: number, noiseRate: number, random: Random): Points {
  const labels = Int32Array.from({ length: count }, () => random.int(classes));
  const x = new Float32Array(count * inputs);
  labels.forEach((label, i) => {
    const radius = 1 + label + 0.25 * random.normal();
    const angle = 2 * Math.PI * random.uniform();
    x.set([radius * Math.cos(angle), radius * Math.sin(angle)], i * inputs);
  });
  const observed = labels.map((y) =>
    random.uniform() < noiseRate ? (y + 1 + random.int(classes - 1)) % classes : y,
  );
  return { x, labels: observed };
}

class Network {
  readonly w1: Float32Array;
  readonly b1 = new Float32Array(hidden);
  readonly w2: Float32Array;
  readonly b2 = new Float32Array(classes);
  #activations = new Float32Array(0);

  constructor(random: Random) {
    this.w1 = Float32Array.from({ length: inputs * hidden }, () => random.normal());
    this.w2 = Float32Array.from({ length: hidden * classes }, () => random.normal() / Math.sqrt(hidden));
  }

  /** Returns logits [B, classes], and keeps the hidden activations for `descend`. */
  forward(x: Float32Array): Float32Array {
    const count = x.length / inputs;
    this.#activations = new Float32Array(count * hidden);
    const logits = new Float32Array(count * classes);
    for (let i = 0; i < count; i++) {
      for (let h = 0; h < hidden; h++) {
        const sum = x[i * 2]! * this.w1[h]! + x[i * 2 + 1]! * this.w1[hidden + h]! + this.b1[h]!;
        this.#activations[i * hidden + h] = Math.tanh(sum);
      }
      for (let k = 0; k < classes; k++) {
        let sum = this.b2[k]!;
        for (let h = 0; h < hidden; h++)
          sum += this.#activations[i * hidden + h]! * this.w2[h * classes + k]!;
        logits[i * classes + k] = sum;
      }
    }
    return logits;
  }

  /** Takes one step of gradient descent from `gradLogits`. */
  descend(x: Float32Array, gradLogits: Float32Array, rate: number): void {
    const count = x.length / inputs;
    for (let i = 0; i < count; i++) {
      const gradient = gradLogits.subarray(i * classes, (i + 1) * classes);
      for (let h = 0; h < hidden; h++) {
        const a = this.#activations[i * hidden + h]!;
        let back = 0;
        for (let k = 0; k < classes; k++) {
          back += gradient[k]! * this.w2[h * classes + k]!;
          this.w2[h * classes + k]! -= rate * gradient[k]! * a;
        }
        const slope = rate * back * (1 - a * a);
        this.b1[h]! -= slope;
        for (let d = 0; d < inputs; d++) this.w1[d * hidden + h]! -= slope * x[i * inputs + d]!;
      }
      for (let k = 0; k < classes; k++) this.b2[k]! -= rate * gradient[k]!;
    }
  }
}

function batchOf({ x, labels }: Points, start: number, size: number): Points {
  return {
    x: x.subarray(start * inputs, (start + size) * inputs),
    labels: labels.subarray(start, start + size),
  };
}

function accuracy(network: Network, { x, labels }: Points): number {
  const logits = network.forward(x);
  const right = labels.filter((label, i) => {
    const row = logits.subarray(i * classes, (i + 1) * classes);
    return row.indexOf(Math.max(...row)) === label;
  });
  return right.length / labels.length;
}

const [train, valid, test] = [
  [512, 0.4],
  [128, 0.4],
  [2000, 0],
].map(([count, rate], part) => rings(count!, rate!, Random.from(7, "rings", part))) as [
  Points,
  Points,
  Points,
];
const [epochs, batchSize, rate] = [100, 32, 0.5];

for (const method of ["plain", "lilaw"] as const) {
  const network = new Network(Random.from(7, "network"));
  const lilaw = new LiLAW();
  for (let epoch = 0; epoch < epochs; epoch++) {
    const warmup = method === "plain" || epoch === 0;
    for (let start = 0; start < train.labels.length; start += batchSize) {
      const batch = batchOf(train, start, batchSize);
      const logits = network.forward(batch.x);
      const { gradLogits } = lilaw.weigh({ logits, labels: batch.labels, classes, warmup });
      network.descend(batch.x, gradLogits, rate);
      if (!warmup) {
        const check = batchOf(valid, start % valid.labels.length, batchSize);
        lilaw.metaStep({ logits: network.forward(check.x), labels: check.labels, classes });
      }
    }
  }
  const { alpha, beta, delta } = lilaw.params;
  console.log(
    `${method}: test accuracy ${accuracy(network, test).toFixed(3)}, ` +
      `accuracy on the observed training labels ${accuracy(network, train).toFixed(3)}, ` +
      `alpha ${alpha.toFixed(3)}, beta ${beta.toFixed(3)}, delta ${delta.toFixed(3)}`,
  );
}
