import { parse } from "csv-parse/sync";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Delimiter, openDelimited } from "../src/files/delimited.js";

interface Row {
  cells: string[];
  line: number;
}

/** Reads text whose bytes come in chunks of `size`. */
async function read(
  text: string,
  delimiter: Delimiter,
  size: number,
): Promise<{ header: string[]; rows: Row[] }> {
  const bytes = Buffer.from(text);
  const chunks = () =>
    Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
      bytes.subarray(i * size, (i + 1) * size),
    );
  const table = await openDelimited("text", delimiter, chunks);
  const rows: Row[] = [];
  await table.read((cells, line) => rows.push({ cells: [...cells], line }));
  return { header: table.columns.map(({ name }) => name), rows };
}

describe("CSV and TSV", () => {
  const cell = fc.oneof(
    fc.string({ unit: fc.constantFrom("a", "1", ".", "é", "日", "😀", "\u00a0", "'", "#") }),
    fc.string({ unit: fc.constantFrom("a", '"', ",", "\t", "\n", "\r\n", " ", "ü") }),
  );
  const tables = fc
    .integer({ min: 2, max: 4 })
    .chain((width) =>
      fc.array(fc.array(cell, { minLength: width, maxLength: width }), { minLength: 1, maxLength: 8 }),
    );
  const write = (cells: string[], delimiter: string, padding: string, alwaysQuote: boolean) =>
    cells
      .map((text) => {
        const quote = alwaysQuote || /[",\t\r\n]/.test(text) || text !== text.trim();
        return padding + (quote ? `"${text.replaceAll('"', '""')}"` : text) + padding;
      })
      .join(delimiter);

  it("are read as csv-parse reads them, wherever chunks end", async () => {
    await fc.assert(
      fc.asyncProperty(
        tables,
        fc.constantFrom<Delimiter>(",", "\t"),
        fc.constantFrom("\n", "\r\n"),
        fc.constantFrom("", " "),
        fc.boolean(),
        fc.boolean(),
        fc.integer({ min: 1, max: 9 }),
        async (rows, delimiter, end, padding, alwaysQuote, bom, size) => {
          const header = rows[0]!.map((_, i) => `column ${i}`);
          const lines = [header, ...rows].map((cells) => write(cells, delimiter, padding, alwaysQuote));
          const text = (bom ? "\uFEFF" : "") + lines.join(end) + end;
          const wanted = parse(text, {
            bom: true,
            delimiter,
            skip_empty_lines: true,
            trim: true,
          });
          const found = await read(text, delimiter, size);
          expect([found.header, ...found.rows.map(({ cells }) => cells)]).toEqual(
            // Blanks within quotes do not count either.
            wanted.map((record) => record.map((text) => text.trim())),
          );
        },
      ),
      { numRuns: 300 },
    );
  });

  it("count lines as editors do, quoted line ends and blank lines included", async () => {
    const text = 'a,"b\n2",label\r\n\r\n1,"x\r\ny\n",p\n\n \n2,z,q\n';
    const { rows } = await read(text, ",", 7);
    expect(rows).toEqual([
      { cells: ["1", "x\r\ny", "p"], line: 4 },
      { cells: ["2", "z", "q"], line: 9 },
    ]);
  });

  it("may end their lines with CR alone, and miss the last end", async () => {
    const { header, rows } = await read("a,b\r1,2\r3,4", ",", 64);
    expect(header).toEqual(["a", "b"]);
    expect(rows.map(({ line }) => line)).toEqual([2, 3]);
  });

  it.each([
    ["a cell too few", "a,b\n1,2\n3\n", "2 cells for line 3 of text but received 1"],
    ["a cell too many", "a,b\n1,2\n3,4,5\n", "2 cells for line 3 of text but received 3"],
    ["a quote within a cell", 'a,b\n1,2\n3,4"5"\n', "a whole cell for line 3 of text"],
    ["text after a quote", 'a,b\n1,"2"x\n', "a whole cell for line 2 of text"],
    ["a quote that is not closed", 'a,b\n1,2\n"3,4\n5,6\n', "a closing quote for line 3 of text"],
    [
      "semicolons",
      "a;b;label\n1;2;x\n",
      'commas between the cells .*sep=";", decimal=",".* received "semicolons"',
    ],
    ["tabs", "a\tb\n1\t2\n", 'received "tabs"'],
  ])("with %s are refused, with the line", async (_, text, message) => {
    await expect(read(text, ",", 3)).rejects.toMatchObject({
      code: "CORRUPT_FILE",
      message: expect.stringMatching(message),
    });
  });

  it("name the line of bytes that are not UTF-8", async () => {
    const bytes = Buffer.concat([Buffer.from("a,b\nü,1\n"), Buffer.from("caf\u00e9,2\n", "latin1")]);
    const table = await openDelimited("text", ",", () => [bytes.subarray(0, 9), bytes.subarray(9)]);
    await expect(table.read(() => {})).rejects.toMatchObject({
      code: "CORRUPT_FILE",
      message: 'Expected UTF-8 text (save the file as UTF-8) for line 3 of text but received "other bytes"',
    });
  });

  it("refuse a line without an end before it fills the memory", async () => {
    let given = 0;
    function* zeros() {
      for (; ; given += 2 ** 20) yield new Uint8Array(2 ** 20);
    }
    await expect(openDelimited("text", ",", zeros)).rejects.toMatchObject({
      code: "CORRUPT_FILE",
      message: expect.stringContaining("at most 67108864 bytes for line 1 of text"),
    });
    expect(given).toBeLessThan(2 ** 27);
  });
});
