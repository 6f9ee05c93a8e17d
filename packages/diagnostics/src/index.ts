export type { Flags } from "./arguments.js";
export {
  type IssueQuality,
  type IssueScore,
  issueScores,
  type LabelIssue,
  type LabelIssues,
  type LabelIssuesOptions,
  labelIssues,
} from "./label-issues.js";
export {
  accuracy,
  auprc,
  auroc,
  effectiveSampleSize,
  multiclassAuroc,
  precisionAtK,
  predictedClasses,
  softmax,
} from "./metrics.js";
export { type SampleBatch, SampleRecorder } from "./recorder.js";
export type { RunRecord, SampleRecord, WeightTerms } from "./records.js";
