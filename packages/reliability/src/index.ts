export {
  type Ending,
  type Fault,
  type Finding,
  faults,
  groupOf,
  type Kind,
  type KindName,
  kindNames,
} from "./kind.js";
export { kindOf } from "./kinds.js";
export { type Report, runCases, type Tally, type Wanted } from "./pool.js";
