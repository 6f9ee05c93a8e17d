export { findPython, PythonProgram } from "./python.js";
export { comparableRows, type Regression, regressionsOf, rowIdentity } from "./regressions.js";
export {
  type Cell,
  currentOrigin,
  type Origin,
  type Row,
  readResults,
  round,
  type WrittenRow,
  writeResults,
} from "./results.js";
export { type Case, measure, type OpenCase, type Selection, type Suite, select } from "./suites.js";
export {
  type Effort,
  type Measured,
  quick,
  ratiosOf,
  type SkippedVariant,
  type Spread,
  spreadOf,
  type TurnOptions,
  takeTurns,
  thorough,
  timed,
  type Variant,
} from "./turns.js";
