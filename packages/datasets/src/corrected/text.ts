/** Text files with other labels: all other bytes stay as they are. */
import { expected } from "@lilaw/core";
import { type ArffValue, parseValues } from "../files/arff.js";
import { cellsOf, type Delimiter, hasOddQuotes } from "../files/delimited.js";
import type { Chunks } from "../files/inflate.js";
import { type LineBatch, lineBatches } from "../files/lines.js";
import type { Changes } from "./changes.js";

/** Text that is put in the place of other text. */
interface Edit {
  start: number;
  end: number;
  text: string;
}

/** How the records of a format are told, and how the label of one is changed. */
export interface TextFormat {
  /** Whether a quoted cell may hold line ends, so that a record may take several lines. */
  hasQuotes?: true;
  /** Whether a line is a row of data, told of every record in order. */
  isRow(record: string): boolean;
  edit(record: string, label: string, at: string): Edit;
}

/**
 * The bytes of a text file with the labels of some rows changed.
 *
 * @throws the errors of `lineBatches`
 */
export async function* correctedText(
  name: string,
  chunks: Chunks,
  format: TextFormat,
  changes: Changes,
): AsyncGenerator<Uint8Array, void, undefined> {
  let row = 0;
  for await (const batch of recordBatches(name, chunks, format.hasQuotes ?? false)) {
    const parts: string[] = batch.hasMark ? ["\uFEFF"] : [];
    for (const { text, end, line } of batch.records) {
      const label = format.isRow(text) ? changes.get(row++) : undefined;
      if (label === null) continue;
      parts.push(
        label === undefined ? text : edited(text, format.edit(text, label, `line ${line} of ${name}`)),
        end,
      );
    }
    yield Buffer.from(parts.join(""));
  }
}

/** CSV and TSV, with the label in the column `index`. */
export function delimitedFormat(delimiter: Delimiter, index: number): TextFormat {
  let hasHeader = false;
  return {
    hasQuotes: true,
    isRow(record) {
      if (record.trim() === "" && !record.includes(delimiter)) return false;
      const isRow = hasHeader;
      hasHeader = true;
      return isRow;
    },
    edit(record, label, at) {
      const { start, end, isQuoted } = cellsOf(record, delimiter, at)[index]!;
      const needsQuotes = isQuoted || /["\r\n]/.test(label) || label.includes(delimiter);
      return { start, end, text: needsQuotes ? `"${label.replaceAll('"', '""')}"` : label };
    },
  };
}

/** ARFF with dense rows. */
export function arffFormat(index: number): TextFormat {
  let inData = false;
  return {
    isRow(record) {
      const line = record.trim();
      if (line === "" || line.startsWith("%")) return false;
      if (inData) return true;
      inData = /^@data$/i.test(line);
      return false;
    },
    edit(record, label, at) {
      const { start, end, quoted }: ArffValue = parseValues(record, at)[index]!;
      const needsQuotes = quoted || label === "?" || /[\s,'"%{}\\]/.test(label);
      return { start, end, text: needsQuotes ? arffText(label, record[start]!) : label };
    },
  };
}

function arffText(label: string, sign: string): string {
  const quote = sign === '"' ? '"' : "'";
  return quote + label.replaceAll("\\", "\\\\").replaceAll(quote, `\\${quote}`) + quote;
}

/** JSON lines, with the label in the member `name`. */
export function jsonlFormat(name: string): TextFormat {
  return {
    isRow: (record) => record.trim() !== "",
    edit(record, label, at) {
      const span = memberSpan(record, name);
      if (span === undefined) throw expected("CORRUPT_FILE", `the member ${name}`, at, "none");
      const isText = record[span.start] === '"';
      return { ...span, text: isText || !isScalar(label) ? JSON.stringify(label) : label };
    },
  };
}

/** Lines of text, each a label. */
export function linesFormat(): TextFormat {
  return {
    isRow: (record) => record.trim() !== "",
    edit(record, label) {
      const start = record.length - record.trimStart().length;
      return { start, end: record.trimEnd().length, text: label };
    },
  };
}

/** Whether a text is a number, true or false in JSON. */
function isScalar(text: string): boolean {
  return /^(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false)$/.test(text);
}

/** Where the value of a member is in the text of an object, which is known to be JSON; of several, the last counts. */
function memberSpan(text: string, name: string): { start: number; end: number } | undefined {
  let found: { start: number; end: number } | undefined;
  let at = text.indexOf("{") + 1;
  for (;;) {
    at = afterBlanks(text, at);
    if (text[at] !== '"') return found;
    const keyEnd = afterString(text, at);
    const key = JSON.parse(text.slice(at, keyEnd)) as string;
    const start = afterBlanks(text, text.indexOf(":", keyEnd) + 1);
    const end = afterValue(text, start);
    if (key === name) found = { start, end };
    at = afterBlanks(text, end) + 1;
  }
}

function afterBlanks(text: string, start: number): number {
  let at = start;
  while (at < text.length && text[at]!.trim() === "") at++;
  return at;
}

function afterString(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
  return at + 1;
}

function afterValue(text: string, start: number): number {
  let [at, depth] = [start, 0];
  while (at < text.length) {
    const sign = text[at]!;
    if (sign === '"') at = afterString(text, at);
    else if (depth === 0 && (sign === "," || sign === "}" || sign.trim() === "")) return at;
    else {
      if (sign === "{" || sign === "[") depth++;
      if (sign === "}" || sign === "]") depth--;
      at++;
    }
    if (depth === 0 && at > start && (sign === '"' || sign === "]" || sign === "}")) return at;
  }
  return at;
}

interface TextRecord {
  text: string;
  /** Its line end. */
  end: string;
  line: number;
}

/** The records of a file, lines or several lines where quotes hold them together. Joined, they are the file. */
async function* recordBatches(
  name: string,
  chunks: Chunks,
  hasQuotes: boolean,
): AsyncGenerator<{ records: TextRecord[]; hasMark: boolean }, void, undefined> {
  let open: { lines: string[]; line: number } | undefined;
  let last: LineBatch | undefined;
  // Of the last line, which may have none, it is that of the others.
  let lineEnd = "\n";
  for await (const batch of lineBatches(name, chunks)) {
    last = batch;
    lineEnd = batch.end || lineEnd;
    const records: TextRecord[] = [];
    for (const [i, line] of batch.lines.entries()) {
      const closes = hasQuotes && hasOddQuotes(line);
      if (open) {
        open.lines.push(line);
        if (!closes) continue;
        records.push({ text: open.lines.join(lineEnd), end: batch.end, line: open.line });
        open = undefined;
      } else if (closes) open = { lines: [line], line: batch.first + i };
      else records.push({ text: line, end: batch.end, line: batch.first + i });
    }
    yield { records, hasMark: batch.hasMark };
  }
  if (open && last) {
    yield { records: [{ text: open.lines.join(lineEnd), end: last.end, line: open.line }], hasMark: false };
  }
}

function edited(text: string, { start, end, text: inserted }: Edit): string {
  return text.slice(0, start) + inserted + text.slice(end);
}
