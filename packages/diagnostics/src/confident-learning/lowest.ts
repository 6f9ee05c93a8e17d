import { Suspects } from "./suspects.js";

/**
 * The samples with the lowest keys, as many as `rank`, in memory for a few times that number. `ties` tells which of the samples
 * that share the last key belong to them: all, those of the lowest rows up to `rank`, or none.
 */
export class Lowest {
  readonly #rank: number;
  readonly #ties: "all" | "rows" | "none";
  readonly #samples = new Suspects();
  #limit: number;
  /** Keys above it are not among the lowest. */
  bound: number;

  constructor(rank: number, ties: "all" | "rows" | "none") {
    this.#rank = rank;
    this.#ties = ties;
    this.#limit = limitFor(rank);
    this.bound = rank === 0 ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  }

  /** @param suggestion -1 for a sample that only takes a place */
  add(key: number, row: number, label: number, suggestion: number, quality: number): void {
    if (key > this.bound) return;
    this.#samples.push(key, row, label, suggestion, quality);
    if (this.#samples.length >= this.#limit) this.#compact();
  }

  merge(other: Lowest): void {
    const { keys, rows, labels, suggestions, qualities, length } = other.#samples;
    for (let i = 0; i < length; i++) this.add(keys[i]!, rows[i]!, labels[i]!, suggestions[i]!, qualities[i]!);
  }

  /** The samples that are suspects. */
  get found(): Suspects {
    this.#compact();
    const found = new Suspects();
    found.pushAll(this.#samples);
    const { keys, suggestions } = found;
    found.keep((i) => suggestions[i] !== -1 && !(this.#ties === "none" && keys[i] === this.bound));
    return found;
  }

  #compact(): void {
    const samples = this.#samples;
    const { keys, length } = samples;
    if (this.#rank === 0 || length < this.#rank) return;
    const last = selected(keys.slice(0, length), this.#rank - 1);
    const tied: number[] = [];
    let below = 0;
    for (let i = 0; i < length; i++) {
      if (keys[i]! < last) below++;
      else if (keys[i] === last) tied.push(i);
    }
    const kept = new Set(this.#keptTies(tied, this.#rank - below));
    samples.keep((i) => keys[i]! < last || kept.has(i));
    this.bound = last;
    this.#limit = limitFor(samples.length);
  }

  /** Of the samples that share the last key, those that are kept. */
  #keptTies(tied: number[], places: number): number[] {
    const { rows, suggestions } = this.#samples;
    if (this.#ties === "rows") return tied.sort((a, b) => rows[a]! - rows[b]!).slice(0, places);
    if (this.#ties === "none") return tied.slice(0, places);
    const suspects = tied.filter((i) => suggestions[i] !== -1);
    // Others are kept only as far as they take places.
    const others = tied.filter((i) => suggestions[i] === -1);
    return [...suspects, ...others.slice(0, Math.max(0, places - suspects.length))];
  }
}

/** The number that would be at `place` if the numbers were sorted; they are partly sorted in place. */
function selected(numbers: Float64Array, place: number): number {
  let [first, last] = [0, numbers.length - 1];
  while (first < last) {
    const pivot = numbers[(first + last) >> 1]!;
    let [i, j] = [first, last];
    while (i <= j) {
      while (numbers[i]! < pivot) i++;
      while (numbers[j]! > pivot) j--;
      if (i > j) break;
      const moved = numbers[i]!;
      numbers[i++] = numbers[j]!;
      numbers[j--] = moved;
    }
    if (place <= j) last = j;
    else if (place >= i) first = i;
    else break;
  }
  return numbers[place]!;
}

const limitFor = (kept: number): number => 2 * kept + 64;
