export { renderReport } from "./page.js";
export { type Pixels, picture, pictureSide, signalPicture } from "./picture.js";
export type {
  ClassHealth,
  LabelEvidence,
  PlanePoint,
  ReportData,
  ReportEpoch,
  ReportResult,
  ReportRun,
  Review,
  ReviewNeighbour,
  ReviewSuspect,
  SampleContent,
} from "./report-data.js";
export type { Decision, Decisions, SampleSource } from "./review-data.js";
