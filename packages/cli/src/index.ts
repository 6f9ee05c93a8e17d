export type { Backend, RunConfig } from "./config.js";
export type { EpochMetrics, Unit } from "./documents.js";
export { checkSettings, type Files, type Invocation, type Settings, type Surroundings } from "./options.js";
export { createProgress, type Progress } from "./progress.js";
export { type RunResult, renderTable, type Summary } from "./report.js";
export { RunFolder } from "./run-folder.js";
export { type Outcome, train } from "./train.js";
