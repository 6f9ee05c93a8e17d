/** The input of a report. Everything is plain data, so that it can be kept as JSON. */
import type { Decisions, SampleSource } from "./review-data.js";

/** All that a report shows. */
export interface ReportData {
  /** At least one; figures of several runs stand side by side. */
  readonly runs: readonly ReportRun[];
  /** The suspects to decide on; without it the report has no review. */
  readonly review?: Review;
}

/** A run, and what it found. */
export interface ReportRun {
  /** Different in every run of a report, such as the name of its folder. */
  readonly name: string;
  /** Name of the source of the samples. */
  readonly dataset: string;
  /** Sentences that a reader must know to read the figures, such as where the test samples come from. */
  readonly remarks: readonly string[];
  /** An entry for each finished unit (a method with a seed). */
  readonly results: readonly ReportResult[];
  /** An entry for each finished epoch of each unit. */
  readonly epochs: readonly ReportEpoch[];
  /** The labels as one unit sees them. */
  readonly labels?: LabelEvidence;
  /** The settings of the run: any JSON. */
  readonly configuration: object;
}

/** The result of a unit. Accuracies and areas are in [0, 1]. */
export interface ReportResult {
  readonly method: string;
  readonly seed: number;
  /** The epoch, from 1, with the highest accuracy on the validation labels. */
  readonly bestEpoch: number;
  readonly testAccuracyAtBest: number;
  readonly testAccuracyLast: number;
  /** Null where it is not defined. */
  readonly testAurocAtBest: number | null;
}

/** The figures of an epoch. Accuracies are in [0, 1]; null where they are not known. */
export interface ReportEpoch {
  readonly method: string;
  readonly seed: number;
  /** From 1. */
  readonly epoch: number;
  readonly trainAccuracy: number;
  readonly validAccuracy: number;
  readonly testAccuracy: number;
  /** LiLAW's scalars after the epoch. */
  readonly alpha?: number;
  readonly beta?: number;
  readonly delta?: number;
  /** Mean weights in the epoch, of the samples whose labels are known to be right, and of those known to be wrong. */
  readonly meanWeightClean?: number;
  readonly meanWeightWrong?: number;
}

/** The labels of the samples as one unit of a run sees them. */
export interface LabelEvidence {
  readonly method: string;
  readonly seed: number;
  /** `[classes]` */
  readonly classNames: readonly string[];
  /** `[classes][classes]`: how many samples with the given label (row) the model takes for a class (column). */
  readonly confusion: readonly (readonly number[])[];
  /** Classes, those with the worst labels first. */
  readonly classHealth: readonly ClassHealth[];
  /** Samples in the plane of u (probability of the given label) and v (largest probability), in [0, 1]. */
  readonly plane: readonly PlanePoint[];
  /** How well the score finds the labels that are known to be wrong. */
  readonly quality?: {
    readonly auroc: number;
    readonly auprc: number;
    readonly wrong: number;
    readonly count: number;
  };
}

export interface PlanePoint {
  readonly u: number;
  readonly v: number;
  /** Whether the label is known to be wrong; absent where that is not known. */
  readonly wrong?: boolean;
}

/** The state of the labels of a class. */
export interface ClassHealth {
  /** Index of the class. */
  readonly label: number;
  /** Samples that were given the label. */
  readonly count: number;
  /** Share of them, in [0, 1], that the evidence takes for another class. */
  readonly labelNoise: number;
  /** Share of the samples that the evidence takes for this class, in [0, 1], that were given another label. */
  readonly inverseLabelNoise: number;
  /** In [0, 1]; 1 where all labels seem right. */
  readonly quality: number;
}

/** The suspects of one unit of a run, in the order in which they are to be looked at. */
export interface Review {
  /** Of which run, method and seed, in words. */
  readonly title: string;
  /** The other members of a decisions file: the run, its source and its classes. */
  readonly file: Omit<Decisions, "format" | "kind" | "decisions">;
  /** Names the review among others of the same run; the browser keeps its progress under run and key. */
  readonly key: string;
  /** Names of the cells of the samples. */
  readonly columns?: readonly string[];
  /** Name of the score. */
  readonly score: string;
  /** Samples that were ranked; the suspects are the first of them. */
  readonly ranked: number;
  readonly suspects: readonly ReviewSuspect[];
  /** Sentences above the review, such as why there are no pictures. */
  readonly remarks: readonly string[];
}

/** A sample whose label is suspect. */
export interface ReviewSuspect extends SampleSource, SampleContent {
  /** Given label, an index of the class names. */
  readonly label: number;
  readonly suggestedLabel: number;
  /** High = suspect. */
  readonly score: number;
  /** Confident samples that are like it, nearest first, with its given label and with the suggested one. */
  readonly neighbours?: {
    readonly given: readonly ReviewNeighbour[];
    readonly suggested: readonly ReviewNeighbour[];
  };
}

/** A sample of whose label the model is confident. */
export interface ReviewNeighbour extends SampleSource, SampleContent {}

/** The sample itself, where its source could be read. */
export interface SampleContent {
  /** A picture as a `data:` URI. */
  readonly picture?: string;
  /** The cells of a row of a table, or texts, as the source has them; in the order of `columns`. */
  readonly cells?: readonly string[];
}
