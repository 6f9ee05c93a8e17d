/**
 * The main job: MNIST with half of its labels wrong, trained by four methods, compared in one table.
 * Further arguments are passed to `lilaw train` and override those here: `npm start -- --epochs 3`.
 */
import { fileURLToPath } from "node:url";

const job = [
  ...["--dataset", "mnist"],
  ...["--noise", "symmetric:0.5"],
  ...["--methods", "baseline,lilaw,l2rw,random"],
  ...["--model", "mlp"],
  ...["--train-size", "8000"],
  ...["--epochs", "10"],
  ...["--seeds", "1"],
  ...["--backend", "auto"],
];

// Runs in this process, so that Ctrl-C reaches only the training, which saves its state before it stops.
const command = new URL("../packages/cli/dist/main.js", import.meta.url);
process.argv = [process.execPath, fileURLToPath(command), "train", ...job, ...process.argv.slice(2)];
await import(command);
