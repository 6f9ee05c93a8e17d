export { fail, interrupted, stopSignal } from "../process.js";
export * from "./kernels/index.js";
export { type Answer, answers, type BenchOptions, renderRows, withBenchOptions } from "./program.js";
export { type Case, type Cell, measure, type Opened, type Question, type Row, round } from "./questions.js";
export {
  type Absentee,
  type Contender,
  type Effort,
  type Measured,
  quick,
  spreadOf,
  takeTurns,
  thorough,
  timed,
} from "./turns.js";
