/**
 * Question: without a single clean label, does it help to accept the suggestions for the most suspect labels and to train again?
 *
 * Fashion-MNIST, 24,000 training images of which 40 % carry the label of the next class, no clean label; MLP 784-256-256-10, Adam 1e-3,
 * batch 128, 20 epochs, three seeds. `lilaw train`, `lilaw issues`, then for a tenth and for a quarter of the labels `lilaw train
 * --decisions`, with the same seeds.
 *
 *     pnpm --filter @lilaw/benchmark-accuracy corrections [--small]
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { writeResults } from "@lilaw/bench";

const small = process.argv.includes("--small");
const dataset = small ? "mnist" : "fashion-mnist";
const noise = "pair-flip:0.4";
const size = small ? 1500 : 24_000;
const seeds = small ? [1] : [1, 2, 3];
const settings = [
  ...["--dataset", dataset, "--noise", noise, "--model", "mlp", "--methods", "baseline"],
  ...["--train-size", String(size), "--epochs", small ? "6" : "20", "--batch-size", small ? "32" : "128"],
];
const shares = [0.1, 0.25];

interface Results {
  readonly results: readonly { readonly testAccuracyLast: number }[];
}

interface Suspects {
  readonly suspects: readonly { readonly row: number; readonly suggestedLabel: number }[];
}

const manifest = fileURLToPath(import.meta.resolve("@lilaw/cli/package.json"));
const command = join(dirname(manifest), JSON.parse(readFileSync(manifest, "utf8")).bin.lilaw);

/** Runs `lilaw` and returns the JSON that it prints. */
function lilaw<T>(...args: string[]): T {
  const { status, stdout } = spawnSync(process.execPath, [command, ...args, "--json"], {
    stdio: ["ignore", "pipe", "inherit"],
    encoding: "utf8",
    maxBuffer: 2 ** 28,
  });
  if (status !== 0) process.exit(status ?? 1);
  return JSON.parse(stdout) as T;
}

/** Samples of a run by their row: the label before the noise, and whether the noise changed it. */
function truthOf(run: string, seed: number): Map<number, { trueLabel: number; flag: boolean }> {
  const [head, ...lines] = readFileSync(join(run, `baseline-${seed}`, "samples.csv"), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => line.split(","));
  const [row, trueLabel, flag] = ["row", "trueLabel", "flag"].map((name) => head!.indexOf(name));
  return new Map(
    lines.map((cells) => [
      Number(cells[row!]),
      { trueLabel: Number(cells[trueLabel!]), flag: cells[flag!] === "1" },
    ]),
  );
}

const percent = (share: number) => `${(100 * share).toFixed(1)} %`;

const folder = mkdtempSync(join(tmpdir(), "lilaw-corrections-"));
try {
  const rows = seeds.flatMap((seed) => {
    const before = join(folder, `before-${seed}`);
    const train = (...more: string[]) =>
      lilaw<Results>("train", "--quiet", ...settings, "--seeds", String(seed), ...more).results[0]!
        .testAccuracyLast;
    const accuracyBefore = train("--out", before);
    const truth = truthOf(before, seed);
    return shares.map((share) => {
      const top = Math.round(share * size);
      const decisions = join(folder, `accepted-${seed}-${top}.json`);
      const { suspects } = lilaw<Suspects>("issues", before, "--top", String(top), "--decisions", decisions);
      const count = (holds: (place: number) => boolean) =>
        suspects.filter((_, place) => holds(place)).length / top;
      const truthAt = (place: number) => truth.get(suspects[place]!.row)!;
      const wereWrong = count((place) => truthAt(place).flag);
      const becameRight = count(
        (place) => truthAt(place).flag && truthAt(place).trueLabel === suspects[place]!.suggestedLabel,
      );
      const accuracyAfter = train("--decisions", decisions, "--out", join(folder, `after-${seed}-${top}`));
      console.log(
        `seed ${seed}, ${top} suggestions accepted: ${percent(wereWrong)} of the labels were wrong, ` +
          `${percent(becameRight)} became right; test accuracy ${percent(accuracyBefore)} before, ` +
          `${percent(accuracyAfter)} after (${accuracyAfter >= accuracyBefore ? "+" : ""}${percent(accuracyAfter - accuracyBefore)})`,
      );
      return { dataset, noise, seed, accepted: top, wereWrong, becameRight, accuracyBefore, accuracyAfter };
    });
  });
  if (!small) console.log(writeResults(new URL("../results/corrections.csv", import.meta.url), rows));
} finally {
  rmSync(folder, { recursive: true });
}
