import { expected } from "@lilaw/core";
import type { Column, Table } from "./table.js";

/** A quoted or bare value, then the comma or the end. Groups: single-quoted, double-quoted, bare. */
const valuePattern = /\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|([^,'"]*?))\s*(,|$)/y;

/** A quoted or bare attribute name, then its type. */
const attributePattern = /^@attribute\s+(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|([^\s'"{]+))\s*(\S.*)$/i;

/**
 * Reads Weka's ARFF: numeric (also real, integer) and nominal attributes, dense rows. Missing values (`?`)
 * become empty cells.
 *
 * @throws `CORRUPT_FILE` for anything else, naming the line
 */
export function parseArff(name: string, text: string): Table {
  const columns: Column[] = [];
  const rows: string[][] = [];
  let inData = false;
  text.split(/\r?\n/).forEach((raw, i) => {
    const line = raw.trim();
    const at = `line ${i + 1} of ${name}`;
    if (line === "" || line.startsWith("%")) return;
    if (inData) rows.push(parseRow(line, columns, at));
    else if (/^@data$/i.test(line)) inData = true;
    else if (/^@attribute\s/i.test(line)) columns.push(parseAttribute(line, at));
    else if (!/^@relation\s/i.test(line))
      throw expected("CORRUPT_FILE", "@relation, @attribute or @data", at, line);
  });
  if (columns.length === 0 || rows.length === 0) {
    throw expected("CORRUPT_FILE", "attributes and data rows", name, `${columns.length} and ${rows.length}`);
  }
  return { name, columns, rows };
}

function parseAttribute(line: string, at: string): Column {
  const [, single, double, bare, type = ""] = attributePattern.exec(line) ?? [];
  const name = unescaped(single ?? double) ?? bare;
  if (name === undefined) throw expected("CORRUPT_FILE", "@attribute NAME TYPE", at, line);
  if (/^(numeric|real|integer)$/i.test(type)) return { name, kind: "numeric" };
  if (!/^\{.*\}$/.test(type)) throw expected("CORRUPT_FILE", "a numeric or nominal attribute", at, type);
  return {
    name,
    kind: "categorical",
    categories: parseValues(type.slice(1, -1), at).map(({ value }) => value),
  };
}

function parseRow(line: string, columns: readonly Column[], at: string): string[] {
  if (line.startsWith("{")) throw expected("CORRUPT_FILE", "a dense row", at, "a sparse one");
  const values = parseValues(line, at);
  if (values.length !== columns.length) {
    throw expected("CORRUPT_FILE", `${columns.length} values`, at, values.length);
  }
  return values.map(({ value, quoted }, i) => {
    if (value === "?" && !quoted) return "";
    const { name, categories } = columns[i]!;
    if (categories !== undefined && !categories.includes(value)) {
      throw expected("CORRUPT_FILE", `one of ${categories.join(", ")}`, `${name} in ${at}`, value);
    }
    return value;
  });
}

function parseValues(text: string, at: string): { value: string; quoted: boolean }[] {
  const values: { value: string; quoted: boolean }[] = [];
  valuePattern.lastIndex = 0;
  for (;;) {
    const match = valuePattern.exec(text);
    if (match === null) throw expected("CORRUPT_FILE", "values separated by commas", at, text);
    const quoted = unescaped(match[1] ?? match[2]);
    values.push({ value: quoted ?? match[3]!, quoted: quoted !== undefined });
    if (match[4] === "") return values;
  }
}

function unescaped(text: string | undefined): string | undefined {
  return text?.replace(/\\(.)/g, "$1");
}
