export { type Benchmark, runBenchmark } from "./program.js";
