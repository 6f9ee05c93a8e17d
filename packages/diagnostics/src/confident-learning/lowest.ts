/** Rows of samples whose label may be wrong, in columns. */
export class Suspects {
  readonly rows: number[] = [];
  readonly labels: number[] = [];
  readonly suggestions: number[] = [];
  readonly qualities: number[] = [];

  push(row: number, label: number, suggestion: number, quality: number): void {
    this.rows.push(row);
    this.labels.push(label);
    this.suggestions.push(suggestion);
    this.qualities.push(quality);
  }

  pushFrom(other: Suspects, i: number): void {
    this.push(other.rows[i]!, other.labels[i]!, other.suggestions[i]!, other.qualities[i]!);
  }
}

/**
 * The samples with the lowest keys, as many as `rank`, in memory for a few times that number. `ties` tells which of the samples
 * that share the last key belong to them: all, those of the lowest rows up to `rank`, or none.
 */
export class Lowest {
  readonly #rank: number;
  readonly #ties: "all" | "rows" | "none";
  #keys: number[] = [];
  #suspects = new Suspects();
  #limit: number;
  /** Keys above it are not among the lowest. */
  bound = Number.POSITIVE_INFINITY;

  constructor(rank: number, ties: "all" | "rows" | "none") {
    this.#rank = rank;
    this.#ties = ties;
    this.#limit = limitFor(rank);
    if (rank === 0) this.bound = Number.NEGATIVE_INFINITY;
  }

  /** @param suggestion -1 for a sample that only takes a place */
  add(key: number, row: number, label: number, suggestion: number, quality: number): void {
    if (key > this.bound) return;
    this.#keys.push(key);
    this.#suspects.push(row, label, suggestion, quality);
    if (this.#keys.length >= this.#limit) this.#compact();
  }

  merge(other: Lowest): void {
    const { rows, labels, suggestions, qualities } = other.#suspects;
    other.#keys.forEach((key, i) => {
      this.add(key, rows[i]!, labels[i]!, suggestions[i]!, qualities[i]!);
    });
  }

  /** The samples that are suspects. */
  get found(): Suspects {
    this.#compact();
    const found = new Suspects();
    this.#keys.forEach((key, i) => {
      if (this.#suspects.suggestions[i] === -1 || (this.#ties === "none" && key === this.bound)) return;
      found.pushFrom(this.#suspects, i);
    });
    return found;
  }

  #compact(): void {
    const [keys, suspects] = [this.#keys, this.#suspects];
    if (this.#rank === 0 || keys.length < this.#rank) return;
    const last = Float64Array.from(keys).sort()[this.#rank - 1]!;
    const below = keys.reduce((count, key) => (key < last ? count + 1 : count), 0);
    const atLast = keys.flatMap((key, i) => (key === last ? [i] : []));
    const kept = new Set(this.#keptTies(atLast, this.#rank - below));
    this.#keys = [];
    this.#suspects = new Suspects();
    keys.forEach((key, i) => {
      if (key > last || (key === last && !kept.has(i))) return;
      this.#keys.push(key);
      this.#suspects.pushFrom(suspects, i);
    });
    this.bound = last;
    this.#limit = limitFor(this.#keys.length);
  }

  /** Of the samples that share the last key, those that are kept. */
  #keptTies(tied: number[], places: number): number[] {
    const { rows, suggestions } = this.#suspects;
    if (this.#ties === "rows") return tied.sort((a, b) => rows[a]! - rows[b]!).slice(0, places);
    const isSuspect = (i: number) => suggestions[i] !== -1;
    if (this.#ties === "all") {
      const suspects = tied.filter(isSuspect);
      // Others are kept only as far as they take places.
      const others = tied.filter((i) => !isSuspect(i)).slice(0, Math.max(0, places - suspects.length));
      return [...suspects, ...others];
    }
    return tied.slice(0, places);
  }
}

const limitFor = (kept: number): number => 2 * kept + 64;
