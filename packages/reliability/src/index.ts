export {
  type Fault,
  type Finding,
  faults,
  groupOf,
  type Kind,
  type KindName,
  kindNames,
  type Outcome,
} from "./kind.js";
export { kindOf } from "./kinds.js";
export { type Report, runCases, type Tally, type Wanted } from "./pool.js";
