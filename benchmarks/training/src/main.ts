/** What training with the methods costs: main.js [question …] [--quick] [--filter REGEX] [--json] [--check] */
import { runBenchmark } from "@lilaw/benchmark";
import { growth } from "./growth.js";
import { againstPytorch } from "./pytorch.js";
import { sharedForward } from "./shared-forward.js";
import { stepCost } from "./step-cost.js";

await runBenchmark({
  name: "training",
  results: new URL("../results/", import.meta.url),
  questions: [stepCost, againstPytorch, growth, sharedForward],
});
