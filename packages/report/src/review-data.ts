/** Data that the script of the page reads and writes. Types only: the page imports nothing. */

/** Where a sample is in its source. */
export interface SampleSource {
  readonly split: string;
  /** From 0. */
  readonly row: number;
  /** From 1; absent where the source has no lines. */
  readonly line?: number;
  /** Absent where a file of the source holds more than one sample. */
  readonly file?: string;
}

/** The suspects as the page gets them: what its markup does not already show. */
export interface ReviewData {
  readonly storageKey: string;
  /** A file of decisions without its decisions. */
  readonly file: Omit<Decisions, "decisions">;
  readonly columns: readonly string[];
  /** The classes that samples of each given label are taken for most often; empty where every class has a key. */
  readonly alternatives: readonly (readonly number[])[];
  readonly suspects: readonly PageSuspect[];
  /** Samples that are neighbours, each once. */
  readonly neighbours: readonly PageSample[];
}

export interface PageSample {
  /** Where it is, in words. */
  readonly name: string;
  readonly picture?: string;
  readonly cells?: readonly string[];
}

/** The picture of a suspect is in its entry of the list. */
export interface PageSuspect {
  readonly split: string;
  readonly row: number;
  readonly name: string;
  readonly label: number;
  readonly suggested: number;
  readonly score: string;
  readonly cells?: readonly string[];
  /** Indices of `neighbours`. */
  readonly likeGiven: readonly number[];
  readonly likeSuggested: readonly number[];
}

/** A file of decisions, which `lilaw apply` and `lilaw train --decisions` read. */
export interface Decisions {
  readonly format: 1;
  readonly kind: "lilaw-decisions";
  /** The source of the training samples. */
  readonly source: DecisionSource;
  /** That of the validation samples, where they have their own. */
  readonly valid?: DecisionSource;
  /** Name of the label column or array. */
  readonly label?: string;
  /** SHA-256 of the `config.json` of the run; null where there was no run. */
  readonly run: string | null;
  readonly classNames: readonly string[];
  readonly decisions: readonly Decision[];
}

export interface DecisionSource {
  readonly name: string;
  readonly sha256: string;
}

export interface Decision {
  readonly split: string;
  readonly row: number;
  /** Name of the given label. */
  readonly old: string;
  /** Name of the right label; null unless `action` is `relabel`. */
  readonly new: string | null;
  readonly action: "relabel" | "keep" | "exclude";
  /** Who decided; `suggested` where a suggestion was taken unseen. */
  readonly by: string;
}
