/** Measures the operations by themselves: `npm run bench -- kernels` (docs/benchmarking.md). */
import { runBenchmark } from "@lilaw/bench/program";
import { enableProdMode } from "@tensorflow/tfjs-core";
import { javascript } from "./javascript.js";
import { operations } from "./operations.js";
import { pytorch } from "./pytorch.js";
import { tfjs } from "./tfjs.js";

// Otherwise the advice of TensorFlow.js would appear between the lines of the progress.
enableProdMode();

await runBenchmark({
  name: "kernels",
  results: new URL("../results/", import.meta.url),
  suites: [operations, tfjs, pytorch, javascript],
});
