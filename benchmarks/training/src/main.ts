/** Measures training with the methods: main.js [suite …] [--quick] [--filter REGEX] [--json] [--check] */
import { runBenchmark } from "@lilaw/bench/program";
import { growth } from "./growth.js";
import { againstPytorch } from "./pytorch.js";
import { sharedForward } from "./shared-forward.js";
import { stepCost } from "./step-cost.js";

await runBenchmark({
  name: "training",
  results: new URL("../results/", import.meta.url),
  suites: [stepCost, againstPytorch, growth, sharedForward],
});
