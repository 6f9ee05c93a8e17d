import { expected } from "@lilaw/core";
import { isMissing, numberOf } from "./cells.js";

/**
 * More classes than any real dataset has. A larger label means a damaged file, and would need a model too large to
 * allocate.
 */
export const maxClasses = 65_536;

/** The classes of training labels, and the class of each label. */
export interface Classes {
  names: readonly string[];
  /** The class of a label's text; undefined where training has no such label. */
  indexOf(label: string): number | undefined;
}

/** Collects the text label of each sample, before the classes are known. */
export class LabelList {
  readonly #codes = new Map<string, number>();
  readonly #list = new IntList();
  readonly #help: string;
  readonly #missingMark: string;

  /**
   * @param help advice for the message where there are too many classes
   * @param missingMark how the source writes a missing label that is an empty text here
   */
  constructor(help = "", missingMark = "") {
    this.#help = help;
    this.#missingMark = missingMark;
  }

  /** @throws `LABEL_OUT_OF_RANGE` for a missing label, or where there are more classes than any data has */
  add(label: string, at: () => string): void {
    let code = this.#codes.get(label);
    if (code === undefined) {
      if (isMissing(label)) throw expected("LABEL_OUT_OF_RANGE", "a label", at(), label || this.#missingMark);
      if (this.#codes.size === maxClasses) {
        throw expected("LABEL_OUT_OF_RANGE", `at most ${maxClasses} classes${this.#help}`, at(), "one more");
      }
      code = this.#codes.size;
      // A copy, since a substring would keep the whole text in memory.
      this.#codes.set(copyOf(label), code);
    }
    this.#list.push(code);
  }

  /** The distinct texts of the labels. */
  get spellings(): string[] {
    return [...this.#codes.keys()];
  }

  /** The text of each label, in the order in which they were added. */
  get texts(): string[] {
    const spellings = this.spellings;
    return Array.from(this.#list.toArray(), (code) => spellings[code]!);
  }

  /** The class of each sample, `[count]`; throws the error of `unknown` for a label without a class. */
  indices(classes: Classes, unknown: (row: number, label: string) => Error): Int32Array {
    const spellings = this.spellings;
    const byCode = spellings.map((label) => classes.indexOf(label));
    return this.#list.toArray().map((code, row) => {
      const index = byCode[code];
      if (index === undefined) throw unknown(row, spellings[code]!);
      return index;
    });
  }
}

/**
 * Makes classes of labels: the declared ones; else numbers in their order where all labels are numbers (`0` and `0.0`
 * are one class); else the labels in sorted order.
 *
 * @param name what the labels are of, for messages
 * @throws `INVALID_ARGUMENT` for names that differ by blanks and letter case only
 */
export function classesOf(name: string, labels: readonly string[], declared?: readonly string[]): Classes {
  const isNumeric = declared === undefined && labels.every((label) => !Number.isNaN(numberOf(label)));
  const keyOf = isNumeric ? numericKey : (label: string) => label;
  const spellings = new Map<string, string[]>();
  for (const label of declared ?? labels) {
    const key = keyOf(label);
    const known = spellings.get(key);
    if (known) known.push(label);
    else spellings.set(key, [label]);
  }
  const keys = [...spellings.keys()];
  if (isNumeric) keys.sort((a, b) => Number(a) - Number(b));
  else if (declared === undefined) keys.sort();
  // A label keeps its spelling where it has only one.
  const names = keys.map((key) => (spellings.get(key)!.length === 1 ? spellings.get(key)![0]! : key));
  checkDistinct(name, names);
  const indices = new Map(keys.map((key, index) => [key, index]));
  return { names, indexOf: (label) => indices.get(keyOf(label)) };
}

/** The number as text, or the label itself where a double cannot hold it exactly. */
function numericKey(label: string): string {
  const value = Number(label);
  return Math.abs(value) <= Number.MAX_SAFE_INTEGER ? String(value + 0) : label;
}

function checkDistinct(name: string, names: readonly string[]): void {
  const seen = new Map<string, string>();
  for (const className of names) {
    const plain = className.normalize("NFKC").trim().split(/\s+/).join(" ").toLowerCase();
    const other = seen.get(plain);
    // Single letters such as a and A are often different classes.
    if (other !== undefined && plain.length > 1) {
      const difference = `${JSON.stringify(other)} differs by blanks or letter case only`;
      const help = `${name} (${difference}; option labelColumn names another column)`;
      throw expected("INVALID_ARGUMENT", "one spelling of each class", help, className);
    }
    seen.set(plain, className);
  }
}

/** The first names of a list, for messages. */
export function listOf(names: readonly string[], limit = 20): string {
  const more = names.length > limit ? `, … (${names.length} in all)` : "";
  return names.slice(0, limit).join(", ") + more;
}

/** A text with memory of its own. */
export function copyOf(text: string): string {
  return Buffer.from(text).toString();
}

/** A list of integers that grows, with four bytes for each. */
export class IntList {
  readonly #full: Int32Array[] = [];
  #last = new Int32Array(2 ** 16);
  #used = 0;

  get length(): number {
    return this.#full.length * this.#last.length + this.#used;
  }

  push(value: number): void {
    if (this.#used === this.#last.length) {
      this.#full.push(this.#last);
      this.#last = new Int32Array(this.#last.length);
      this.#used = 0;
    }
    this.#last[this.#used++] = value;
  }

  toArray(): Int32Array<ArrayBuffer> {
    const array = new Int32Array(this.length);
    this.#full.forEach((block, i) => {
      array.set(block, i * block.length);
    });
    array.set(this.#last.subarray(0, this.#used), this.#full.length * this.#last.length);
    return array;
  }
}
