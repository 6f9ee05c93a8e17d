/** The values of every training sample that a recorder gathers. */

/** The three summands of LiLAW's weight (arXiv 2509.20786): W_alpha (easy), W_beta (hard), W_delta (moderate). */
export interface WeightTerms<T = Float32Array> {
  readonly alpha: T;
  readonly beta: T;
  readonly delta: T;
}

/**
 * Every training sample as one epoch saw it; all arrays are [count], indexed by training row.
 * A row the epoch did not visit is NaN, and -1 in `predictions`.
 */
export interface SampleRecord {
  readonly epoch: number;
  readonly losses: Float32Array;
  readonly labelProbs: Float32Array;
  readonly maxProbs: Float32Array;
  readonly weights: Float32Array;
  readonly predictions: Int32Array;
  /** Present when the epoch's batches had them. */
  readonly margins?: Float32Array;
  /** The most probable class beside the given label; -1 without any. Present with `margins`. */
  readonly rivals?: Int32Array;
  /** Present when the epoch's batches had them (LiLAW). */
  readonly terms?: WeightTerms;
}

/**
 * Every training sample over all epochs of a run; all arrays are [count], indexed by training row. An epoch counts once for
 * each row it visited, with the values of the last visit. A row without any visit is NaN, and 0 in the counts.
 */
export interface RunRecord {
  /** How many epochs visited the row. */
  readonly epochs: Uint32Array;
  /**
   * The class that competed most with the given label: the winner of a majority vote (Boyer and Moore 1981) in which each epoch
   * votes for its rival with the weight (1 - margin) / 2. The last prediction would be a poor suggestion, since the model
   * may have memorised the given label. It is taken where batches have no rivals. -1 without any visit.
   */
  readonly suggestedLabels: Int32Array;
  /** Mean probability of the given label, u. */
  readonly meanLabelProbs: Float64Array;
  /** Mean margin, in [-1, 1], over the epochs whose batches had margins. */
  readonly meanMargins: Float64Array;
  /** Sum of the margins (Pleiss et al. 2020, there divided by the number of epochs). */
  readonly areasUnderMargin: Float64Array;
  /**
   * How often the row was learned when an epoch saw it and no longer when the next one did (Toneva et al. 2019). Learned: no other class
   * is more probable than the given label, which is a margin of at least 0.
   */
  readonly forgettingEvents: Uint32Array;
  /** The first epoch in which the row was learned; NaN where none was. */
  readonly firstLearned: Float64Array;
  /** Means of LiLAW's three terms over the epochs that had them. */
  readonly terms?: WeightTerms<Float64Array>;
}
