import { expected } from "@lilaw/core";
import { numberOf } from "./cells.js";
import type { Chunks } from "./inflate.js";
import { lineBatches, maxLineBytes } from "./lines.js";
import type { Table, VisitRow } from "./table.js";

export type Delimiter = "," | "\t";

const delimiterNames = new Map([
  [";", "semicolons"],
  ["\t", "tabs"],
  ["|", "bars"],
  [",", "commas"],
]);

/**
 * CSV or TSV with a header row (RFC 4180: quoted cells may hold delimiters, line ends and doubled quotes). Blanks around
 * cells do not count, nor do blank lines.
 *
 * @param chunks starts a new pass over the bytes of the file
 * @throws `CORRUPT_FILE` for rows of different length, a missing header row, a missing or repeated column name, quotes
 *   in odd places, each with its line
 */
export async function openDelimited(
  name: string,
  delimiter: Delimiter,
  chunks: () => Chunks,
): Promise<Table> {
  const header = await headerOf(name, delimiter, chunks());
  checkHeader(name, delimiter, header);
  return {
    name,
    columns: header.map((column) => ({ name: column })),
    async read(visit) {
      let inHeader = true;
      const records = new Records(name, delimiter, (cells, line) => {
        if (inHeader) {
          inHeader = false;
          return;
        }
        if (cells.length !== header.length) {
          throw expected("CORRUPT_FILE", `${header.length} cells`, `line ${line} of ${name}`, cells.length);
        }
        visit(cells, line);
      });
      for await (const batch of lineBatches(name, chunks())) records.add(batch);
      records.end();
    },
  };
}

async function headerOf(name: string, delimiter: Delimiter, chunks: Chunks): Promise<readonly string[]> {
  let header: readonly string[] | undefined;
  const records = new Records(name, delimiter, (cells) => {
    header ??= cells;
  });
  for await (const { lines, first } of lineBatches(name, chunks)) {
    for (const [i, line] of lines.entries()) {
      records.add({ lines: [line], first: first + i });
      if (header) return header;
    }
  }
  records.end();
  throw expected("CORRUPT_FILE", "a header row and data rows", name, "no rows");
}

function checkHeader(name: string, delimiter: Delimiter, header: readonly string[]): void {
  if (header.every((name) => !Number.isNaN(numberOf(name)))) {
    throw expected("CORRUPT_FILE", "a header row of names", name, header.join(delimiter));
  }
  const other = [...delimiterNames].find(([sign]) => sign !== delimiter && header[0]!.includes(sign));
  if (header.length === 1 && other) {
    const [sign, received] = other;
    const decimal = sign === ";" ? ', decimal=","' : "";
    const help = `pandas.read_csv(…, sep=${JSON.stringify(sign)}${decimal}).to_csv("data.csv", index=False) writes CSV`;
    const expectation = `${delimiterNames.get(delimiter)} between the cells (${help})`;
    throw expected("CORRUPT_FILE", expectation, `the header row of ${name}`, received);
  }
  const seen = new Set<string>();
  for (const column of header) {
    if (seen.has(column)) throw expected("CORRUPT_FILE", "distinct column names", name, column);
    seen.add(column);
  }
}

/** Joins lines into records, and splits records into cells. */
class Records {
  /** The lines so far of a record whose quoted cell continues, and the number of the first line. */
  #open: string[] = [];
  #openLine = 0;
  #openLength = 0;
  readonly #name: string;
  readonly #delimiter: Delimiter;
  readonly #visit: VisitRow;

  constructor(name: string, delimiter: Delimiter, visit: VisitRow) {
    this.#name = name;
    this.#delimiter = delimiter;
    this.#visit = visit;
  }

  add({ lines, first }: { lines: readonly string[]; first: number }): void {
    for (let i = 0; i < lines.length; i++) {
      const line = lines[i]!;
      if (this.#open.length === 0 && !line.includes('"')) this.#addPlain(line, first + i);
      else this.#addQuoted(line, first + i);
    }
  }

  /** @throws `CORRUPT_FILE` for a quoted cell without an end */
  end(): void {
    if (this.#open.length > 0) throw this.#unclosed();
  }

  #addPlain(line: string, number: number): void {
    const cells = line.split(this.#delimiter);
    for (let i = 0; i < cells.length; i++) cells[i] = trimmed(cells[i]!);
    if (cells.length > 1 || cells[0] !== "") this.#visit(cells, number);
  }

  /** A complete record has an even number of quotes. */
  #addQuoted(line: string, number: number): void {
    const closes = hasOddQuotes(line) === this.#open.length > 0;
    if (this.#open.length === 0) this.#openLine = number;
    this.#open.push(line);
    this.#openLength += line.length;
    if (this.#openLength > maxLineBytes) throw this.#unclosed();
    if (!closes) return;
    const record = this.#open.join("\n");
    this.#open = [];
    this.#openLength = 0;
    this.#visit(
      quotedCells(record, this.#delimiter, `line ${this.#openLine} of ${this.#name}`),
      this.#openLine,
    );
  }

  #unclosed(): Error {
    return expected("CORRUPT_FILE", "a closing quote", `line ${this.#openLine} of ${this.#name}`, "none");
  }
}

function quotedCells(record: string, delimiter: Delimiter, at: string): string[] {
  return cellsOf(record, delimiter, at).map(({ text }) => text);
}

/** A cell of a record, and where it is, without the blanks around it. */
export interface Cell {
  text: string;
  start: number;
  end: number;
  isQuoted: boolean;
}

/** The cells of a record. */
export function cellsOf(record: string, delimiter: Delimiter, at: string): Cell[] {
  const cells: Cell[] = [];
  for (let start = 0; ; ) {
    const open = skipBlanks(record, start, delimiter);
    const isQuoted = record[open] === '"';
    const close = isQuoted ? closingQuote(record, open) : open;
    const found = isQuoted ? skipBlanks(record, close + 1, delimiter) : record.indexOf(delimiter, open);
    const end = found < 0 ? record.length : found;
    const cell = isQuoted ? record.slice(open + 1, close).replaceAll('""', '"') : record.slice(open, end);
    if ((!isQuoted && cell.includes('"')) || (end < record.length && record[end] !== delimiter)) {
      const odd = isQuoted ? record.slice(open, end + 1) : cell;
      throw expected("CORRUPT_FILE", "quotes around a whole cell", at, odd.slice(0, 100));
    }
    const last = isQuoted ? close + 1 : open + cell.trimEnd().length;
    cells.push({ text: trimmed(cell), start: open, end: last, isQuoted });
    if (end === record.length) return cells;
    start = end + 1;
  }
}

/**
 * The position of the quote that ends the cell whose opening quote is at `open`: the first quote that is not doubled.
 */
function closingQuote(record: string, open: number): number {
  let at = record.indexOf('"', open + 1);
  while (at >= 0 && record[at + 1] === '"') at = record.indexOf('"', at + 2);
  return at < 0 ? record.length : at;
}

function skipBlanks(text: string, start: number, delimiter: Delimiter): number {
  let at = start;
  while (at < text.length && text[at] !== delimiter && text[at]!.trim() === "") at++;
  return at;
}

/** Whether a line opens or closes a quoted cell that holds line ends. */
export function hasOddQuotes(line: string): boolean {
  let odd = false;
  for (let at = line.indexOf('"'); at >= 0; at = line.indexOf('"', at + 1)) odd = !odd;
  return odd;
}

/** `trim`, called only where it changes something. */
function trimmed(cell: string): string {
  const [first, last] = [cell.charCodeAt(0), cell.charCodeAt(cell.length - 1)];
  return first > 32 && first < 128 && last > 32 && last < 128 ? cell : cell.trim();
}
