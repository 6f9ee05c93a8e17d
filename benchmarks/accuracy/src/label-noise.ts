/**
 * Question: half of the labels are wrong. Does weighing the samples keep a network from memorising them?
 *
 * Fashion-MNIST, 20,000 training images of which 50 % carry another class's label, 4,000 held out with labels as
 * noisy, 1,000 of these with true labels for Learning to Reweight; MLP 784-256-256-10, Adam 1e-3, batch 128,
 * 20 epochs, three seeds. Every method sees the same images, labels, start weights and batches.
 *
 *     pnpm --filter @lilaw/benchmark-accuracy label-noise
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { writeResults } from "@lilaw/bench";

const settings = [
  ...["--dataset", "fashion-mnist", "--noise", "symmetric:0.5", "--model", "mlp"],
  ...["--methods", "baseline,lilaw,lilaw-detached,l2rw,random", "--seeds", "1,2,3"],
  ...["--train-size", "24000", "--valid-size", "4000", "--clean-size", "1000"],
  ...["--epochs", "20", "--batch-size", "128", "--learning-rate", "0.001"],
];

interface Result {
  method: string;
  seed: number;
  bestValidEpoch: number;
  testAccuracyAtBestValid: number;
  testAccuracyLast: number;
  testAurocAtBestValid: number;
}

const manifest = fileURLToPath(import.meta.resolve("@lilaw/cli/package.json"));
const command = join(dirname(manifest), JSON.parse(readFileSync(manifest, "utf8")).bin.lilaw);
const folder = process.argv[2] ?? join(mkdtempSync(join(tmpdir(), "lilaw-")), "label-noise");
const action = process.argv[2] ? ["--resume", folder] : [...settings, "--out", folder];
const { status } = spawnSync(process.execPath, [command, "train", ...action], { stdio: "inherit" });
if (status !== 0) process.exit(status ?? 1);

const read = (name: string) => JSON.parse(readFileSync(join(folder, name), "utf8"));
const { dataset, noise, results } = read("summary.json") as {
  dataset: string;
  noise: string;
  results: Result[];
};
const { backend } = read("config.json").backend as { backend: string };
const rows = results.map(({ method, seed, ...result }) => ({
  dataset,
  noise,
  method,
  seed,
  bestValidEpoch: result.bestValidEpoch,
  testAccuracyAtBestValid: result.testAccuracyAtBestValid,
  testAccuracyLast: result.testAccuracyLast,
  testAurocAtBestValid: result.testAurocAtBestValid,
  backend,
}));
const file = writeResults(new URL("../results/label-noise.csv", import.meta.url), rows);
console.log(`${rows.length} results in ${file}`);
