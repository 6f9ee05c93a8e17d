/** From this many rows on, different integers in a column with the name of an identifier are no coincidence. */
const fewestNamed = 21;

/** From this many rows on, integers in ascending order are an identifier, whatever the name of the column. */
const fewestOrdered = 100;

/** The most numbers that are kept to find out whether they are all different. */
const mostKept = 10_000;

/** Names that only identifiers have. */
const identifierNames = new Set(["id", "index", "idx", "row", "no", "nr", "#", "unnamed: 0"]);

/**
 * Finds out whether a column of numbers identifies the rows, so that a model would memorise them. It does where all
 * numbers are integers and
 *
 * - go up or down in the order of the file without large gaps, in 100 rows or more: they span at most 1.1 times what as
 *   many rows take at their smallest step; or
 * - the column is called `id`, `index`, `row`, `no` or the like, or its name ends in a word `id` (`customer_id`,
 *   `PassengerId`), and its numbers, the first 10,000 of them, are all different, in 21 rows or more.
 */
export class IdentifierWatch {
  /** The numbers of a column with such a name; undefined for other names, and once one is there twice. */
  #seen: Set<number> | undefined;
  #count = 0;
  #first = 0;
  #last = 0;
  /** 1 or -1 while all numbers go up, or down; 0 otherwise. */
  #direction = 0;
  #smallestStep = Infinity;
  /** False once neither order nor name can tell an identifier. */
  #isPossible = true;

  constructor(name: string) {
    if (isIdentifierName(name)) this.#seen = new Set();
  }

  add(value: number): void {
    if (!this.#isPossible) return;
    if (this.#count++ === 0) this.#first = value;
    else this.#addStep(value - this.#last);
    this.#last = value;
    if (this.#seen?.has(value)) this.#seen = undefined;
    else if (this.#seen && this.#seen.size < mostKept) this.#seen.add(value);
    const mayBeOrdered = this.#count === 1 || this.#direction !== 0;
    this.#isPossible = Number.isSafeInteger(value) && (mayBeOrdered || this.#seen !== undefined);
  }

  /** The reason to take the column for an identifier, or undefined. */
  finish(): string | undefined {
    if (!this.#isPossible) return undefined;
    const span = Math.abs(this.#last - this.#first);
    const isDense = span <= 1.1 * this.#smallestStep * (this.#count - 1);
    if (this.#direction !== 0 && isDense && this.#count >= fewestOrdered) {
      return `integers that number the rows, from ${this.#first} to ${this.#last}`;
    }
    const isIdentifier = this.#seen !== undefined && this.#count >= fewestNamed;
    return isIdentifier ? "an identifier, another integer in every row" : undefined;
  }

  #addStep(step: number): void {
    const direction = Math.sign(step);
    this.#direction = this.#count === 2 || direction === this.#direction ? direction : 0;
    this.#smallestStep = Math.min(this.#smallestStep, Math.abs(step));
  }
}

/** `PassengerId` and `customer_id` end in the word `id`, `humid` does not. */
function isIdentifierName(name: string): boolean {
  const words = name
    .trim()
    .replaceAll(/([a-z0-9])([A-Z])/g, "$1 $2")
    .toLowerCase()
    .split(/[\s_.-]+/);
  return identifierNames.has(name.trim().toLowerCase()) || words.at(-1) === "id";
}
