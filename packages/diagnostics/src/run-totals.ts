import type { RunRecord, SampleRecord } from "./records.js";

const sums = ["labelProbs", "margins", "alpha", "beta", "delta"] as const;

type SumName = (typeof sums)[number];

/** The sums of a run's epochs, in a constant number of values a row. */
export class RunTotals {
  readonly #sums: Record<SumName, Float64Array>;
  readonly #counts: Record<"labelProbs" | "margins" | "terms", Uint32Array>;
  readonly #forgettingEvents: Uint32Array;
  readonly #firstLearned: Float64Array;
  readonly #suggestedLabels: Int32Array;
  /** By which the vote is won at present */
  readonly #votes: Float64Array;
  /** 1 where the last visit found the row learned */
  readonly #learned: Uint8Array;

  constructor(count: number) {
    const zeros = () => new Float64Array(count);
    this.#sums = { labelProbs: zeros(), margins: zeros(), alpha: zeros(), beta: zeros(), delta: zeros() };
    const none = () => new Uint32Array(count);
    this.#counts = { labelProbs: none(), margins: none(), terms: none() };
    this.#forgettingEvents = none();
    this.#firstLearned = zeros().fill(Number.NaN);
    this.#suggestedLabels = new Int32Array(count).fill(-1);
    this.#votes = zeros();
    this.#learned = new Uint8Array(count);
  }

  /** All that there is to save. */
  get arrays(): (Float64Array | Uint32Array | Int32Array | Uint8Array)[] {
    const { labelProbs, margins, terms } = this.#counts;
    const vote = [this.#suggestedLabels, this.#votes];
    const own = [this.#forgettingEvents, this.#firstLearned, ...vote, this.#learned];
    return [...sums.map((name) => this.#sums[name]), labelProbs, margins, terms, ...own];
  }

  copy(): RunTotals {
    const copy = new RunTotals(this.#learned.length);
    copy.arrays.forEach((array, i) => {
      array.set(this.arrays[i]!);
    });
    return copy;
  }

  /** Adds an epoch. */
  add({ epoch, predictions, labelProbs, margins, rivals, terms }: SampleRecord): void {
    for (let row = 0; row < predictions.length; row++) {
      if (predictions[row] === -1) continue;
      this.#sums.labelProbs[row]! += labelProbs[row]!;
      this.#counts.labelProbs[row]!++;
      if (margins !== undefined) this.#addMargin(row, margins[row]!, epoch);
      if (rivals !== undefined) this.#vote(row, rivals[row]!, (1 - margins![row]!) / 2);
      else this.#suggestedLabels[row] = predictions[row]!;
      if (terms === undefined) continue;
      this.#sums.alpha[row]! += terms.alpha[row]!;
      this.#sums.beta[row]! += terms.beta[row]!;
      this.#sums.delta[row]! += terms.delta[row]!;
      this.#counts.terms[row]!++;
    }
  }

  #addMargin(row: number, margin: number, epoch: number): void {
    const learned = margin >= 0;
    if (this.#learned[row] === 1 && !learned) this.#forgettingEvents[row]!++;
    if (learned && Number.isNaN(this.#firstLearned[row])) this.#firstLearned[row] = epoch;
    this.#learned[row] = Number(learned);
    this.#sums.margins[row]! += margin;
    this.#counts.margins[row]!++;
  }

  #vote(row: number, rival: number, share: number): void {
    // Of a row that is not finite.
    if (Number.isNaN(share)) return;
    const lead = this.#votes[row]! + (this.#suggestedLabels[row] === rival ? share : -share);
    if (lead < 0) this.#suggestedLabels[row] = rival;
    this.#votes[row] = Math.abs(lead);
  }

  /** The totals, of which nothing is shared. */
  record(): RunRecord {
    const { labelProbs, margins, terms } = this.#counts;
    const mean = (name: SumName, counts: Uint32Array) =>
      this.#sums[name].map((sum, row) => sum / counts[row]!);
    const hasTerms = terms.some((count) => count > 0);
    return {
      epochs: labelProbs.slice(),
      suggestedLabels: this.#suggestedLabels.slice(),
      meanLabelProbs: mean("labelProbs", labelProbs),
      meanMargins: mean("margins", margins),
      areasUnderMargin: this.#sums.margins.map((sum, row) => (margins[row] === 0 ? Number.NaN : sum)),
      forgettingEvents: this.#forgettingEvents.slice(),
      firstLearned: this.#firstLearned.slice(),
      ...(hasTerms && {
        terms: { alpha: mean("alpha", terms), beta: mean("beta", terms), delta: mean("delta", terms) },
      }),
    };
  }
}
