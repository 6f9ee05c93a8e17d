/**
 * 04: your own CSV through the command line. The same as this command:
 *
 *     npx @lilaw/cli train --train income-train.csv --test income-test.csv --label-column income \
 *       --missing mean --noise pair-flip:0.3 --methods baseline,lilaw,l2rw --epochs 8 --out my-run
 *
 * Columns with text become one-hot features. Some of their cells hold "?", which become a separate category with
 * `--missing mean`. The run folder holds everything: settings, metrics by epoch, weights by sample, the summary.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const manifest = fileURLToPath(import.meta.resolve("@lilaw/cli/package.json"));
const command = join(dirname(manifest), JSON.parse(readFileSync(manifest, "utf8")).bin.lilaw);
const data = (name: string) => fileURLToPath(new URL(`../data/${name}`, import.meta.url));
const out = join(mkdtempSync(join(tmpdir(), "lilaw-")), "my-run");

const { status } = spawnSync(
  process.execPath,
  [
    ...[command, "train", "--train", data("income-train.csv"), "--test", data("income-test.csv")],
    ...["--label-column", "income", "--missing", "mean"],
    ...["--noise", "pair-flip:0.3", "--methods", "baseline,lilaw,l2rw"],
    ...["--epochs", "8", "--out", out, "--quiet"],
  ],
  { stdio: "inherit" },
);
if (status === 0) console.log(`${out} holds ${readdirSync(out).sort().join(", ")}`);
process.exitCode = status ?? 1;
