export {
  type Fault,
  type Finding,
  faults,
  groupOf,
  type Kind,
  type KindName,
  kindNames,
  kindOf,
  type Outcome,
} from "./kind.js";
export { type Report, runCases, type Tally, type Wanted } from "./pool.js";
