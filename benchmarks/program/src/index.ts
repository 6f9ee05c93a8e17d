export { type Benchmark, runBenchmark } from "./program.js";
export { findPython, PythonProgram } from "./python.js";
