export { type Benchmark, runBenchmark } from "./benchmark.js";
export { exitStatus } from "./exit-status.js";
export { fail, parserError, statusOf, stopSignal, tell } from "./process.js";
export {
  type BenchOptions,
  runSuites,
  type SuiteResults,
  type SuiteSurroundings,
  withBenchOptions,
} from "./run.js";
export { renderRows } from "./table.js";
export {
  barOf,
  durationText,
  fitted,
  lengthOf,
  lineOf,
  type Output,
  type Part,
  widthOf,
} from "./terminal.js";
