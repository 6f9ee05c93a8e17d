import { expected } from "@lilaw/core";
import type { Chunks } from "./inflate.js";
import { lineBatches } from "./lines.js";
import type { Column, Table } from "./table.js";

interface Attribute {
  column: Column;
  /** The declared categories as a set, for fast lookup. */
  categories?: ReadonlySet<string>;
}

/**
 * Opens Weka's ARFF with dense rows: numeric (also real, integer) and nominal attributes. Attributes of type string and
 * date are columns without a declared kind. Missing values (`?`) become empty cells.
 *
 * @param chunks starts a new pass over the bytes of the file
 * @throws `CORRUPT_FILE` for anything else, naming the line
 */
export async function openArff(name: string, chunks: () => Chunks): Promise<Table> {
  const attributes: Attribute[] = [];
  let dataLine = 0;
  for await (const { line, number } of contentLines(name, chunks())) {
    const at = `line ${number} of ${name}`;
    if (/^@data$/i.test(line)) {
      dataLine = number;
      break;
    }
    if (/^@attribute\s/i.test(line)) attributes.push(parseAttribute(line, at));
    else if (!/^@relation\s/i.test(line))
      throw expected("CORRUPT_FILE", "@relation, @attribute or @data", at, line.slice(0, 100));
  }
  if (attributes.length === 0 || dataLine === 0) {
    throw expected("CORRUPT_FILE", "attributes and data rows", name, `${attributes.length} attributes`);
  }
  return {
    name,
    columns: attributes.map(({ column }) => column),
    missingMark: "?",
    async read(visit) {
      for await (const { line, number } of contentLines(name, chunks())) {
        if (number > dataLine) visit(parseRow(line, attributes, `line ${number} of ${name}`), number);
      }
    },
  };
}

/** Lines that are neither blank nor comments. */
async function* contentLines(name: string, chunks: Chunks): AsyncGenerator<{ line: string; number: number }> {
  for await (const { lines, first } of lineBatches(name, chunks)) {
    for (const [i, raw] of lines.entries()) {
      const line = raw.trim();
      if (line !== "" && !line.startsWith("%")) yield { line, number: first + i };
    }
  }
}

function parseAttribute(line: string, at: string): Attribute {
  const declaration = withoutComment(line.slice("@attribute".length)).trim();
  const { value: name, end } = parseName(declaration, at);
  const type = declaration.slice(end).trim();
  if (name === "" || type === "")
    throw expected("CORRUPT_FILE", "@attribute NAME TYPE", at, line.slice(0, 100));
  if (/^(?:numeric|real|integer)$/i.test(type)) return { column: { name, kind: "numeric" } };
  if (/^(?:string|date)\b/i.test(type)) return { column: { name } };
  if (!type.startsWith("{") || !type.endsWith("}")) {
    throw expected("CORRUPT_FILE", "a numeric, nominal, string or date attribute", at, type.slice(0, 100));
  }
  const listed = parseValues(type.slice(1, -1), at).map(({ value }) => value);
  const categories = new Set(listed);
  if (categories.size < listed.length)
    throw expected("CORRUPT_FILE", "distinct categories", at, type.slice(0, 100));
  return { column: { name, kind: "categorical", categories: listed }, categories };
}

/** A declaration up to a `%` that is outside quotes. */
function withoutComment(declaration: string): string {
  let quote: string | undefined;
  for (let i = 0; i < declaration.length; i++) {
    const character = declaration[i]!;
    if (quote === undefined && character === "%") return declaration.slice(0, i);
    if (quote === undefined && isQuote(character)) quote = character;
    else if (character === quote) quote = undefined;
    else if (quote !== undefined && character === "\\") i++;
  }
  return declaration;
}

/** A quoted name, or one that ends before a blank or the brace of its type. */
function parseName(text: string, at: string): { value: string; end: number } {
  if (isQuote(text[0])) return parseQuoted(text, 0, at);
  const end = text.search(/[\s'"{]/);
  return { value: text.slice(0, Math.max(end, 0)), end: Math.max(end, 0) };
}

function parseRow(line: string, attributes: readonly Attribute[], at: string): string[] {
  if (line.startsWith("{")) throw expected("CORRUPT_FILE", "a dense row", at, "a sparse one");
  const values = parseValues(line, at);
  if (values.length !== attributes.length) {
    throw expected("CORRUPT_FILE", `${attributes.length} values`, at, values.length);
  }
  return values.map(({ value, quoted }, i) => {
    if (value === "?" && !quoted) return "";
    const { column, categories } = attributes[i]!;
    if (categories?.has(value) === false) {
      const declared = `one of ${[...categories].slice(0, 20).join(", ")}`;
      throw expected("CORRUPT_FILE", declared, `${column.name} in ${at}`, value);
    }
    return value;
  });
}

/** A value of a row, and where it is. */
export interface ArffValue {
  value: string;
  quoted: boolean;
  start: number;
  end: number;
}

/** Values between commas, quoted or bare. */
export function parseValues(text: string, at: string): ArffValue[] {
  const values: ArffValue[] = [];
  for (let start = 0; ; ) {
    let begin = start;
    while (begin < text.length && text[begin]!.trim() === "") begin++;
    const quoted = isQuote(text[begin]);
    const { value, end } = quoted ? parseQuoted(text, begin, at) : parseBare(text, begin, at);
    values.push({ value, quoted, start: begin, end: quoted ? end : begin + value.length });
    let comma = end;
    while (comma < text.length && text[comma]!.trim() === "") comma++;
    if (comma === text.length) return values;
    if (text[comma] !== ",")
      throw expected("CORRUPT_FILE", "values separated by commas", at, text.slice(0, 100));
    start = comma + 1;
  }
}

function parseBare(text: string, start: number, at: string): { value: string; end: number } {
  const comma = text.indexOf(",", start);
  const end = comma < 0 ? text.length : comma;
  const value = text.slice(start, end).trimEnd();
  if (value.includes("'") || value.includes('"')) {
    throw expected("CORRUPT_FILE", "quotes around a whole value", at, value.slice(0, 100));
  }
  return { value, end };
}

/** The text between the quote at `start` and the next such quote; a backslash takes the next character as it is. */
function parseQuoted(text: string, start: number, at: string): { value: string; end: number } {
  const quote = text[start];
  let value = "";
  for (let i = start + 1; i < text.length; i++) {
    if (text[i] === quote) return { value, end: i + 1 };
    if (text[i] === "\\") i++;
    value += text[i] ?? "";
  }
  throw expected("CORRUPT_FILE", "a closing quote", at, text.slice(start, start + 100));
}

function isQuote(character: string | undefined): boolean {
  return character === "'" || character === '"';
}
