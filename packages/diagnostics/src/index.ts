export type { Flags } from "./arguments.js";
export {
  type ClassHealth,
  classHealth,
  classPriors,
  inverseNoiseMatrix,
  noiseMatrix,
  type OverlappingClasses,
  overlappingClasses,
} from "./confident-learning/class-estimates.js";
export {
  type ConfidentJoint,
  confidentJoint,
  JointCounts,
  LabelSums,
} from "./confident-learning/confident-joint.js";
export {
  type FindLabelIssuesInChunksOptions,
  type FindLabelIssuesOptions,
  type FoundLabelIssues,
  findLabelIssues,
  findLabelIssuesInChunks,
} from "./confident-learning/find-label-issues.js";
export {
  IssueSelection,
  type LabelFilter,
  labelFilters,
  type SelectionOptions,
  type SuspectLabel,
} from "./confident-learning/issue-selection.js";
export {
  type LabelRanking,
  type LabelScoresOptions,
  labelRankings,
  labelScores,
} from "./confident-learning/label-quality.js";
export type { LabelledProbs, PredProbs } from "./confident-learning/labelled-probs.js";
export {
  defaultIssueScore,
  type IssueQuality,
  type IssueScore,
  issueScoreNames,
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
