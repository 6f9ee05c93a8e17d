import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { parquetWriteBuffer } from "hyparquet-writer";
import { describe, expect, it } from "vitest";
import { loadLabelledProbs } from "../src/index.js";

const folder = await mkdtemp(join(tmpdir(), "lilaw-probs-"));

async function file(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

/** An NPY file, as NumPy writes it. */
function npy(descr: string, shape: number[], values: ArrayBufferView): Uint8Array {
  const dictionary = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape.join(", ")},), }`;
  const header = `${dictionary.padEnd(117)}\n`;
  const start = Buffer.from([0x93, ...Buffer.from("NUMPY"), 1, 0, header.length, 0]);
  return Buffer.concat([start, Buffer.from(header), Buffer.from(values.buffer)]);
}

const probs = [0.1, 0.7, 0.2, 1 / 3, 1 / 3, 1 / 3];
const probsNpy = npy("<f8", [2, 3], Float64Array.from(probs));
const csv = `cat,dog,owl\n${probs.slice(0, 3).join()}\n${probs.slice(3).join()}\n`;
const named = { classes: 3, classNames: ["cat", "dog", "owl"], predProbs: Float64Array.from(probs) };
const numbered = { ...named, classNames: ["0", "1", "2"] };

describe("loadLabelledProbs", () => {
  it("reads arrays, with all digits of float64", async () => {
    const predProbs = await file("probs.npy", probsNpy);
    const labels = await file("labels.npy", npy("<u2", [2], Uint16Array.of(2, 0)));
    const loaded = await loadLabelledProbs({ predProbs, labels });
    expect(loaded).toEqual({ ...numbered, labels: Int32Array.of(2, 0) });
    const packed = await file("probs.npy.gz", gzipSync(probsNpy));
    expect(await loadLabelledProbs({ predProbs: packed, labels })).toEqual(loaded);
    const single = await file("single.npy", npy("<f4", [2, 3], Float32Array.from(probs)));
    const { predProbs: rounded } = await loadLabelledProbs({ predProbs: single, labels });
    expect(rounded).toEqual(Float64Array.from(Float32Array.from(probs)));
  });

  it("reads tables, whose columns are the classes", async () => {
    const predProbs = await file("probs.csv", csv);
    const labels = await file("labels.txt", "owl\ncat\n");
    const wanted = { ...named, labels: Int32Array.of(2, 0), lines: Int32Array.of(1, 2) };
    expect(await loadLabelledProbs({ predProbs, labels })).toEqual(wanted);
    // The numbers of the columns are labels too.
    const numbers = await file("numbers.csv", "id,label\n7,2\n8,0\n");
    expect(await loadLabelledProbs({ predProbs, labels: numbers })).toEqual({
      ...wanted,
      lines: Int32Array.of(2, 3),
    });
  });

  it("reads labels and probabilities of one table", async () => {
    const path = await file("both.csv", "label,cat,dog,owl\nowl,0.1,0.7,0.2\ncat,0.5,0.25,0.25\n");
    const loaded = await loadLabelledProbs({ predProbs: path, labels: path });
    expect(loaded.classNames).toEqual(["cat", "dog", "owl"]);
    expect([...loaded.labels]).toEqual([2, 0]);
    expect([...loaded.predProbs]).toEqual([0.1, 0.7, 0.2, 0.5, 0.25, 0.25]);
  });

  it("reads Parquet, with a list of probabilities or a column for each class", async () => {
    const data = (name: string, values: unknown[], type?: string) => ({
      name,
      data: values,
      ...(type && { type }),
    });
    const columns = ["cat", "dog", "owl"].map((name, k) => data(name, [probs[k], probs[k + 3]], "DOUBLE"));
    const predProbs = await file(
      "probs.parquet",
      new Uint8Array(parquetWriteBuffer({ columnData: columns as never })),
    );
    const text = [data("label", ["owl", "cat"], "STRING")];
    const labels = await file(
      "labels.parquet",
      new Uint8Array(parquetWriteBuffer({ columnData: text as never })),
    );
    expect(await loadLabelledProbs({ predProbs, labels })).toEqual({ ...named, labels: Int32Array.of(2, 0) });
  });

  it("takes texts in sorted order for the columns of an array", async () => {
    const predProbs = await file("probs.npy", probsNpy);
    const two = await file("two.npy", npy("<f8", [2, 2], Float64Array.of(0.5, 0.5, 0.1, 0.9)));
    const labels = await file("labels.txt", "owl\ncat\n");
    const loaded = await loadLabelledProbs({ predProbs: two, labels });
    expect(loaded.classNames).toEqual(["cat", "owl"]);
    expect([...loaded.labels]).toEqual([1, 0]);
    await expect(loadLabelledProbs({ predProbs, labels })).rejects.toMatchObject({
      code: "LABEL_OUT_OF_RANGE",
      message: expect.stringContaining("labels that are named like the 3 columns"),
    });
  });

  it.each<[string, string | Uint8Array, string | Uint8Array, string, string]>([
    ["labels.txt", "owl\n", csv, "LENGTH_MISMATCH", "2 labels (one a row of"],
    ["labels.txt", "owl\n\ncat\n", csv, "LABEL_OUT_OF_RANGE", "line 2"],
    ["labels.txt", "owl\ncow\n", csv, "LABEL_OUT_OF_RANGE", "named like the 3 columns"],
    ["labels.txt", "owl\ncat\n", "cat,dog,owl\n0.1,0.9,0\n0.1,?,0\n", "NON_FINITE", "line 3, column dog"],
    ["labels.txt", "owl\ncat\n", "cat,dog,owl\n0.1,0.9\n", "CORRUPT_FILE", "line 2"],
    ["labels.npz", "PK", csv, "INVALID_ARGUMENT", "a table or lines of text"],
  ])("refuses %s %#", async (name, labels, table, code, text) => {
    const files = { labels: await file(name, labels), predProbs: await file("probs.csv", table) };
    await expect(loadLabelledProbs(files)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(text),
    });
  });

  it.each([
    [
      "another shape",
      npy("<f8", [6], Float64Array.from(probs)),
      "INVALID_ARGUMENT",
      "of shape [rows, classes]",
    ],
    ["too few numbers", probsNpy.slice(0, -8), "CORRUPT_FILE", "bytes of shape [2, 3]"],
    ["text", npy("<U1", [2, 3], new Uint32Array(6).fill(97)), "CORRUPT_FILE", "Expected numbers"],
  ])("refuses an array with %s", async (_, bytes, code, text) => {
    const files = { predProbs: await file("probs.npy", bytes), labels: await file("labels.txt", "0\n1\n") };
    await expect(loadLabelledProbs(files)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(text),
    });
  });
});
