import { gzipSync } from "node:zlib";
import { ByteWriter, type ColumnSource, parquetWrite, parquetWriteBuffer } from "hyparquet-writer";
import { describe, expect, it } from "vitest";
import { loadFiles } from "../src/index.js";
import { file, npyOf } from "./support.js";

const lines = (...values: unknown[]) => `${values.map((value) => JSON.stringify(value)).join("\n")}\n`;

const parquet = (columnData: ColumnSource[], rowGroupSize = 3) =>
  new Uint8Array(parquetWriteBuffer({ columnData, rowGroupSize }));

const rows = [
  { age: 1.5, town: "Ulm", vip: true, label: "b" },
  { age: 2, town: "Bonn", vip: false, label: "a" },
  { age: -3, town: "Ulm", vip: false, label: "b" },
  { age: 4, town: "Kiel", vip: true, label: "a" },
];

const asCsv = ["age,town,vip,label", ...rows.map((row) => Object.values(row).join(","))].join("\n");

const columnsOf = (records: readonly Record<string, unknown>[]): ColumnSource[] =>
  Object.keys(records[0]!).map((name) => ({
    name,
    data: records.map((row) => row[name] ?? null) as string[],
  }));

describe.each([
  ["JSONL", "t.jsonl", (records: typeof rows) => lines(...records)],
  ["packed JSONL", "t.ndjson.gz", (records: typeof rows) => gzipSync(lines(...records))],
  ["Parquet", "t.parquet", (records: typeof rows) => parquet(columnsOf(records))],
  ["packed Parquet", "t.parquet.gz", (records: typeof rows) => gzipSync(parquet(columnsOf(records)))],
])("%s", (_, name, write) => {
  it("is read as the same table in CSV is", async () => {
    const {
      reading: ownReading,
      name: __,
      ...own
    } = await loadFiles({ train: await file(name, write(rows)) });
    const { reading, name: ___, ...wanted } = await loadFiles({ train: await file("t.csv", asCsv) });
    expect(own.train.features).toEqual(wanted.train.features);
    expect(own).toMatchObject({ classNames: wanted.classNames, featureNames: wanted.featureNames });
    expect(own.train.labels).toEqual(wanted.train.labels);
    expect(ownReading).toMatchObject({ label: reading!.label, features: reading!.features });
  });

  it("has missing cells for nulls", async () => {
    const records = rows.map((row, i) => (i === 2 ? { ...row, age: null } : row)) as typeof rows;
    const train = await file(name, write(records));
    await expect(loadFiles({ train })).rejects.toMatchObject({
      code: "NON_FINITE",
      message: expect.stringMatching(
        /\(option missing .*\) for (line 3|row 2), column age of .* received "null"$/,
      ),
    });
    const { train: filled } = await loadFiles({ train }, { missing: "mean" });
    expect(filled.features[2 * 6]).toBeCloseTo(2.5, 6);
    const { train: kept } = await loadFiles({ train }, { missing: "drop" });
    expect([...kept.rows!]).toEqual([0, 1, 3]);
    const nameless = rows.map((row, i) => (i === 1 ? { ...row, label: null } : row));
    await expect(
      loadFiles({ train: await file(name, write(nameless as unknown as typeof rows)) }),
    ).rejects.toMatchObject({ code: "LABEL_OUT_OF_RANGE" });
  });
});

describe("JSONL", () => {
  it("has columns in the order in which they come first, and lines", async () => {
    const text = `\n${lines({ label: 1, a: 1 }, { b: 2, label: 0, a: 2 }, { b: 4, label: 1, a: 3 })}`;
    const { featureNames, train } = await loadFiles(
      { train: await file("t.jsonl", text) },
      { missing: "mean" },
    );
    expect(featureNames).toEqual(["a", "b"]);
    expect([...train.features]).toEqual([1, 3, 2, 2, 3, 4]);
    expect([...train.lines!]).toEqual([2, 3, 4]);
  });

  it.each([
    ["a nested value", lines({ x: 1, label: "a" }, { x: { y: 1 }, label: "b" }), /for x in line 2 of /],
    [
      "a list of texts",
      lines({ x: ["q"], label: "a" }, { x: ["r"], label: "b" }),
      /list of numbers for x in line 1 of /,
    ],
    [
      "lists of different lengths",
      lines({ x: [1, 2], label: "a" }, { x: [1], label: "b" }),
      /a list of 2 numbers.* for x in line 2 of .*"a list of 1 numbers"/,
    ],
    [
      "a list among numbers",
      lines({ x: 1, label: "a" }, { x: [1], label: "b" }),
      /a single value.* for x in line 2/,
    ],
    ["an empty list", lines({ x: [], label: "a" }), /a list of numbers for x in line 1/],
    ["a list as a line", lines([1, 2]), /a JSON object for line 1 of .*"a list"/],
    ["other text", `${lines({ x: 1, label: "a" })}{"x": 1,}\n`, /a JSON object for line 2 of /],
    ["no lines", "\n\n", /no objects/],
  ])("with %s is refused", async (_, text, message) => {
    await expect(loadFiles({ train: await file("t.jsonl", text) })).rejects.toMatchObject({
      code: "CORRUPT_FILE",
      message: expect.stringMatching(message),
    });
  });

  it("may hold anything in a column that is left out", async () => {
    const text = lines({ x: 1, meta: { a: 1 }, label: "a" }, { x: 2, meta: ["q"], label: "b" });
    const { featureNames } = await loadFiles(
      { train: await file("t.jsonl", text) },
      { dropColumns: ["meta"] },
    );
    expect(featureNames).toEqual(["x"]);
  });
});

/** Lists as pyarrow writes them. */
function listsInParquet(lists: readonly (readonly number[])[], labels: readonly string[]): Uint8Array {
  const writer = new ByteWriter();
  parquetWrite({
    writer,
    columnData: [
      { name: "embedding", data: lists as unknown[] },
      { name: "label", data: labels as string[] },
    ],
    schema: [
      { name: "root", num_children: 2 },
      {
        name: "embedding",
        num_children: 1,
        repetition_type: "OPTIONAL",
        converted_type: "LIST",
        logical_type: { type: "LIST" },
      },
      { name: "list", num_children: 1, repetition_type: "REPEATED" },
      { name: "element", type: "FLOAT", repetition_type: "OPTIONAL" },
      { name: "label", type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "OPTIONAL" },
    ],
    rowGroupSize: 2,
  });
  return new Uint8Array(writer.getBuffer());
}

const vectors = [
  [1, 2, 3],
  [4, 5, 6],
  [7, 8, 9.5],
];

describe("embeddings", () => {
  it.each<[string, string, Uint8Array | string]>([
    ["JSONL", "e.jsonl", lines(...vectors.map((embedding, i) => ({ embedding, label: `c${i % 2}` })))],
    ["Parquet", "e.parquet", listsInParquet(vectors, ["c0", "c1", "c0"])],
    [
      "JSON in Parquet",
      "e.parquet",
      parquet(
        [
          { name: "embedding", data: vectors },
          { name: "label", data: ["c0", "c1", "c0"] },
        ],
        2,
      ),
    ],
  ])("are lists in %s", async (_, name, content) => {
    const { train, featureNames } = await loadFiles({ train: await file(name, content) });
    expect(featureNames).toEqual(["embedding[0]", "embedding[1]", "embedding[2]"]);
    expect([...train.features]).toEqual(vectors.flat());
    expect([...train.labels]).toEqual([0, 1, 0]);
  });

  it("are lists of equal length in Parquet too", async () => {
    const train = await file("e.parquet", listsInParquet([[1, 2], [3]], ["a", "b"]));
    await expect(loadFiles({ train })).rejects.toMatchObject({
      code: "CORRUPT_FILE",
      message: expect.stringMatching(/a list of 2 numbers.* for row 1, column embedding of /),
    });
  });

  const features = npyOf(Float32Array.from(vectors.flat()), [3, 3]);
  it.each<[string, string, Uint8Array | string, string[]]>([
    ["NPY", "y.npy", npyOf(Int32Array.of(1, 0, 1)), ["0", "1"]],
    ["text", "y.txt", "dog\ncat\ndog\n", ["cat", "dog"]],
    ["CSV", "y.csv", "name,label\na,dog\nb,cat\nc,dog\n", ["cat", "dog"]],
  ])("are an NPY array with labels in %s", async (_, name, content, classNames) => {
    const labels = await file(name, content);
    const found = await loadFiles({ train: await file("x.npy", features) }, { labels });
    expect(found).toMatchObject({ classNames, reading: { format: "npy" } });
    expect([...found.train.features]).toEqual(vectors.flat());
    expect([...found.train.labels]).toEqual([1, 0, 1]);
  });

  it("need as many labels as rows, and labels at all", async () => {
    const train = await file("x.npy", features);
    await expect(loadFiles({ train })).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining("a label file (option labels)"),
    });
    await expect(loadFiles({ train }, { labels: await file("y.txt", "a\nb\n") })).rejects.toMatchObject({
      code: "LENGTH_MISMATCH",
    });
    await expect(loadFiles({ train }, { labels: await file("y.txt", "a\n\nb\n") })).rejects.toMatchObject({
      code: "LABEL_OUT_OF_RANGE",
      message: expect.stringContaining("line 2"),
    });
  });
});

describe("Parquet", () => {
  it("with nested columns is refused unless they are left out", async () => {
    const writer = new ByteWriter();
    parquetWrite({
      writer,
      columnData: [
        { name: "place", data: [{ x: 1 }, { x: 2 }] },
        { name: "age", data: [1, 2] },
        { name: "label", data: ["a", "b"] },
      ],
      schema: [
        { name: "root", num_children: 3 },
        { name: "place", num_children: 1, repetition_type: "OPTIONAL" },
        { name: "x", type: "INT32", repetition_type: "OPTIONAL" },
        { name: "age", type: "INT32", repetition_type: "OPTIONAL" },
        { name: "label", type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "OPTIONAL" },
      ],
    });
    const train = await file("n.parquet", new Uint8Array(writer.getBuffer()));
    await expect(loadFiles({ train })).rejects.toMatchObject({
      code: "CORRUPT_FILE",
      message: expect.stringMatching(/option dropColumns .*"the nested column place"/),
    });
    expect((await loadFiles({ train }, { dropColumns: ["place"] })).featureNames).toEqual(["age"]);
  });

  it("that is cut, or says to have more than it has, is refused", async () => {
    const bytes = parquet(columnsOf(rows));
    for (const content of [bytes.subarray(0, 40), bytes.subarray(0, bytes.length - 3), bytes.subarray(20)]) {
      await expect(loadFiles({ train: await file("t.parquet", content) })).rejects.toMatchObject({
        code: "CORRUPT_FILE",
      });
    }
    const big = parquet(
      [
        { name: "x", data: new Float64Array(50_000) },
        { name: "label", data: Array.from({ length: 50_000 }, (_, i) => `c${i % 2}`) },
      ],
      50_000,
    );
    await expect(
      loadFiles({ train: await file("t.parquet", big) }, { maxBytes: 100_000 }),
    ).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining("option maxBytes"),
    });
  });
});
