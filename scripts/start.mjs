/**
 * The main job: MNIST with half of its labels wrong, trained by four methods, compared in one table.
 * Further arguments go to `lilaw train` and win over the ones here: `npm start -- --epochs 3`.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { root } from "./steps.mjs";

const job = [
  ...["--dataset", "mnist"],
  ...["--noise", "symmetric:0.5"],
  ...["--methods", "baseline,lilaw,l2rw,random"],
  ...["--model", "mlp"],
  ...["--train-size", "10000"],
  ...["--epochs", "10"],
  ...["--seeds", "1"],
  ...["--backend", "auto"],
];

const command = join(root, "packages", "cli", "dist", "main.js");
const child = spawnSync(process.execPath, [command, "train", ...job, ...process.argv.slice(2)], {
  stdio: "inherit",
});
if (child.error) throw child.error;
process.exitCode = child.status ?? 130;
