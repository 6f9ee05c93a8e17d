/**
 * The main job: MNIST with half of its labels wrong, trained by four methods, compared in one table.
 * Further arguments go to `lilaw train` and win over the ones here: `npm start -- --epochs 3`.
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

// In this process, so that Ctrl-C reaches the training alone and nothing stops before it has saved its state.
const command = new URL("../packages/cli/dist/main.js", import.meta.url);
process.argv = [process.execPath, fileURLToPath(command), "train", ...job, ...process.argv.slice(2)];
await import(command);
