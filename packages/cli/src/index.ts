export type { Backend, RunConfig } from "./config.js";
export type { EpochMetrics, Unit } from "./documents.js";
export type { Invocation } from "./invocation.js";
export { createProgress, type Progress } from "./progress.js";
export { type RunResult, renderTable, type Summary } from "./results-table.js";
export { RunFolder } from "./run-folder.js";
export { checkSettings, type Files, type Settings, type Surroundings } from "./settings.js";
export { type Outcome, train } from "./train.js";
