import { datasetNames, injectNoise, type Noise, parseNoise, splitSamples } from "@lilaw/datasets";

const labels = Int32Array.from({ length: 100 }, (_, row) => row % 4);
const noise: Noise = parseNoise("symmetric:0.5");
const noisy = injectNoise(labels, 4, noise, 1);
const wrong: number = noisy.labels.reduce((count, label, row) => count + Number(label !== labels[row]), 0);
if (wrong !== 50 || noisy.rate !== 0.5) throw new Error(`${wrong} labels were changed, rate ${noisy.rate}`);

const samples = { features: new Float32Array(100), labels, count: 100, shape: [1] };
const { kept, heldOut } = splitSamples(samples, { fraction: 0.2, stratified: true, seed: 1 });
if (kept.length !== 80 || heldOut.length !== 20)
  throw new Error(`${kept.length} kept, ${heldOut.length} held out`);
if (!datasetNames.includes("mnist")) throw new Error("no MNIST");

// @ts-expect-error the seed is not optional, and the types say so
export const unseeded = () => injectNoise(labels, 4, noise);
console.log("works");
