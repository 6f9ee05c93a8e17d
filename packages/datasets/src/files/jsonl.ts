import { expected } from "@lilaw/core";
import { Fields } from "./fields.js";
import type { Chunks } from "./inflate.js";
import { lineBatches } from "./lines.js";
import type { Table } from "./table.js";

type JsonObject = Record<string, unknown>;

/**
 * JSON lines: one object a line. Its members are the cells; a member that a line does not have is missing there. Blank
 * lines do not count.
 *
 * @param chunks starts a new pass over the bytes of the file
 * @param dropped members that are left out, whatever they hold
 * @throws `CORRUPT_FILE` for a line that is no object, for objects and lists of anything but numbers in it, and for lists
 *   of different lengths, naming the line
 */
export async function openJsonl(
  name: string,
  chunks: () => Chunks,
  dropped: readonly string[] = [],
): Promise<Table> {
  const fields = new Fields(dropped);
  for await (const { object, line } of objectsOf(name, chunks())) {
    for (const [member, value] of Object.entries(object)) {
      fields.see(member, value, () => `${member} in line ${line} of ${name}`);
    }
  }
  const { columns } = fields;
  if (columns.length === 0) throw expected("CORRUPT_FILE", "a JSON object in every line", name, "no objects");
  return {
    name,
    columns,
    missingMark: "null",
    async read(visit) {
      for await (const { object, line } of objectsOf(name, chunks())) {
        const valueIn = (member: string) => (Object.hasOwn(object, member) ? object[member] : null);
        visit(
          fields.cells(valueIn, (member) => `${member} in line ${line} of ${name}`),
          line,
        );
      }
    },
  };
}

/** The objects of JSON lines, with their lines. */
export async function* objectsOf(
  name: string,
  chunks: Chunks,
): AsyncGenerator<{ object: JsonObject; line: number }, void, undefined> {
  for await (const { lines, first } of lineBatches(name, chunks)) {
    for (const [i, text] of lines.entries()) {
      if (text.trim() !== "") yield { object: parse(text, `line ${first + i} of ${name}`), line: first + i };
    }
  }
}

function parse(text: string, at: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw expected("CORRUPT_FILE", "a JSON object", at, (error as Error).message);
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as JsonObject;
  throw expected("CORRUPT_FILE", "a JSON object", at, Array.isArray(value) ? "a list" : text.slice(0, 100));
}
