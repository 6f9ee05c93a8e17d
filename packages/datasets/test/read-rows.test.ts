import { parquetWriteBuffer } from "hyparquet-writer";
import { describe, expect, it } from "vitest";
import { readRows } from "../src/index.js";
import { file } from "./support.js";

const csv = 'id,text,label\n1, "a, b" ,x\n2,"two\nlines",y\n3,,x\n4,d,y\n';
const records = [
  { id: 1, text: "a, b", label: "x" },
  { id: 2, text: "two\nlines", label: "y" },
  { id: 3, text: null, label: "x" },
  { id: 4, text: "d", label: "y" },
];
const jsonl = `${records.map((record) => JSON.stringify(record)).join("\n")}\n`;
const columnData = (["id", "text", "label"] as const).map((name) => ({
  name,
  data: records.map((record) => record[name]) as string[],
}));
const arff = `@relation r\n@attribute id numeric\n@attribute text string\n@attribute label {x,y}\n@data\n1,'a, b',x\n2,'two\\nlines',y\n3,?,x\n4,d,y\n`;

describe.each([
  ["CSV", "t.csv", csv],
  ["JSONL", "t.jsonl", jsonl],
  ["Parquet", "t.parquet", new Uint8Array(parquetWriteBuffer({ columnData, rowGroupSize: 2 }))],
])("rows of %s", (_, name, content) => {
  it("are read as they are written", async () => {
    const path = await file(name, content);
    const { columns, cells } = await readRows(path, new Set([2, 1]));
    expect(columns).toEqual(["id", "text", "label"]);
    expect([...cells]).toEqual([
      [1, ["2", "two\nlines", "y"]],
      [2, ["3", "", "x"]],
    ]);
    expect((await readRows(path, new Set([9]))).cells.size).toBe(0);
  });
});

describe("readRows", () => {
  it("reads ARFF", async () => {
    const { cells } = await readRows(await file("t.arff", arff), new Set([0, 2]));
    expect([...cells.values()]).toEqual([
      ["1", "a, b", "x"],
      ["3", "", "x"],
    ]);
  });

  it("leaves out what a column holds that is dropped", async () => {
    const path = await file("t.jsonl", '{"id":{"a":1},"text":"t"}\n');
    await expect(readRows(path, new Set([0]))).rejects.toMatchObject({ code: "CORRUPT_FILE" });
    const { cells } = await readRows(path, new Set([0]), { dropColumns: ["id"] });
    expect(cells.get(0)).toEqual(["", "t"]);
  });

  it("refuses what is no table, and what is not there", async () => {
    await expect(readRows(await file("t.npy", "nothing"), new Set([0]))).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
    });
    await expect(readRows("/no/such.csv", new Set([0]))).rejects.toMatchObject({
      code: "SOURCE_UNAVAILABLE",
    });
  });
});
