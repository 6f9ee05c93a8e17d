import { expected } from "@lilaw/core";
import type { Column } from "./table.js";

/** A place in a file, for messages. */
type At = () => string;

/**
 * The fields of records, as cells of a table. A field of lists of numbers, such as embeddings, becomes a column for each
 * number: `embedding[0]`, `embedding[1]`, …
 */
export class Fields {
  /** Length of its lists; 0 for a field of single values, undefined while all its values are missing. */
  readonly #lengths = new Map<string, number | undefined>();
  readonly #dropped: ReadonlySet<string>;

  /** @param dropped fields that are left out, of which nothing is expected */
  constructor(dropped: readonly string[] = []) {
    this.#dropped = new Set(dropped);
  }

  get names(): string[] {
    return [...this.#lengths.keys()];
  }

  isDropped(name: string): boolean {
    return this.#dropped.has(name);
  }

  get columns(): Column[] {
    return [...this.#lengths].flatMap(([name, length = 0]) =>
      length === 0 ? [{ name }] : Array.from({ length }, (_, i) => ({ name: `${name}[${i}]` })),
    );
  }

  /** Learns of a field; its columns come in the order in which fields are seen first. */
  see(name: string, value: unknown, at: At): void {
    if (this.#dropped.has(name) || value === null || value === undefined) {
      if (!this.#lengths.has(name)) this.#lengths.set(name, undefined);
      return;
    }
    const length = lengthOf(value, at);
    const known = this.#lengths.get(name);
    if (known !== undefined && known !== length) throw otherLength(known, length, at);
    this.#lengths.set(name, length);
  }

  /** Learns of a field that has single values. */
  seeSingle(name: string): void {
    this.#lengths.set(name, 0);
  }

  /** The cells of one record; `valueIn` gives the value of a field, and `at` its place. */
  cells(valueIn: (name: string) => unknown, at: (name: string) => string): string[] {
    const cells: string[] = [];
    for (const [name, length = 0] of this.#lengths) {
      const value = this.#dropped.has(name) ? null : valueIn(name);
      const place = () => at(name);
      if (length === 0) cells.push(cellOf(value, place));
      else if (value === null || value === undefined) for (let i = 0; i < length; i++) cells.push("");
      else {
        const list = value as ArrayLike<unknown>;
        const own = lengthOf(value, place);
        if (own !== length) throw otherLength(length, own, place);
        for (let i = 0; i < length; i++) cells.push(numberCellOf(list[i], place));
      }
    }
    return cells;
  }
}

/** The length of a list; 0 for a single value. */
function lengthOf(value: unknown, at: At): number {
  if (!isList(value)) {
    cellOf(value, at);
    return 0;
  }
  if (value.length === 0) throw expected("CORRUPT_FILE", "a list of numbers", at(), "an empty list");
  return value.length;
}

function isList(value: unknown): value is ArrayLike<unknown> {
  const isTyped = ArrayBuffer.isView(value) && !(value instanceof Uint8Array);
  return Array.isArray(value) || isTyped;
}

function numberCellOf(value: unknown, at: At): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "number" || typeof value === "bigint") return String(value);
  throw expected("CORRUPT_FILE", "a list of numbers", at(), value);
}

/** The text of a value, as CSV would hold it. */
export function cellOf(value: unknown, at: At): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "string") return value.trim();
  if (typeof value === "number" || typeof value === "boolean" || typeof value === "bigint")
    return String(value);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "" : value.toISOString();
  const help =
    "a number, a text, true, false, null or a list of numbers (option dropColumns leaves a column out)";
  throw expected("CORRUPT_FILE", help, at(), isList(value) ? "a list" : value);
}

function otherLength(length: number, received: number, at: At): Error {
  const text = (n: number) => (n === 0 ? "a single value" : `a list of ${n} numbers`);
  return expected("CORRUPT_FILE", `${text(length)}, as before,`, at(), text(received));
}
