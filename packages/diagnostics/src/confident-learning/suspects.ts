/** Samples whose labels may be wrong, in columns that grow. */
export class Suspects {
  length = 0;
  /** The key by which they are chosen, low = suspect */
  keys = new Float64Array(16);
  rows = new Float64Array(16);
  labels = new Int32Array(16);
  /** -1 for a sample whose label is as probable as any other class */
  suggestions = new Int32Array(16);
  qualities = new Float64Array(16);

  push(key: number, row: number, label: number, suggestion: number, quality: number): void {
    if (this.length === this.keys.length) this.#grow();
    const at = this.length++;
    this.keys[at] = key;
    this.rows[at] = row;
    this.labels[at] = label;
    this.suggestions[at] = suggestion;
    this.qualities[at] = quality;
  }

  pushAll(others: Suspects): void {
    const { keys, rows, labels, suggestions, qualities } = others;
    for (let i = 0; i < others.length; i++)
      this.push(keys[i]!, rows[i]!, labels[i]!, suggestions[i]!, qualities[i]!);
  }

  /** Drops all others, without a change of the order. */
  keep(isKept: (i: number) => boolean): void {
    let kept = 0;
    for (let i = 0; i < this.length; i++) {
      if (!isKept(i)) continue;
      this.keys[kept] = this.keys[i]!;
      this.rows[kept] = this.rows[i]!;
      this.labels[kept] = this.labels[i]!;
      this.suggestions[kept] = this.suggestions[i]!;
      this.qualities[kept] = this.qualities[i]!;
      kept++;
    }
    this.length = kept;
  }

  #grow(): void {
    const grown = <A extends Float64Array | Int32Array>(column: A): A => {
      const larger = new (column.constructor as new (length: number) => A)(2 * column.length);
      larger.set(column);
      return larger;
    };
    this.keys = grown(this.keys);
    this.rows = grown(this.rows);
    this.labels = grown(this.labels);
    this.suggestions = grown(this.suggestions);
    this.qualities = grown(this.qualities);
  }
}
