import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { zipSync } from "fflate";
import { dump } from "npyjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadFiles } from "../src/index.js";

const data = (name: string) => join(import.meta.dirname, "data", "files", name);
const coded = (code: string, ...parts: string[]) => ({
  code,
  message: expect.stringMatching(new RegExp(parts.join(".*"), "s")),
});

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lilaw-files-"));
});
afterAll(() => rm(folder, { recursive: true }));

async function file(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

describe("NPZ", () => {
  it("reads all splits of a file in MedMNIST's layout, bytes scaled to [0, 1]", async () => {
    const dataset = await loadFiles({ train: data("medmnist.npz") });
    expect(dataset).toMatchObject({ name: "medmnist.npz", classes: 3, classNames: ["0", "1", "2"] });
    const { train, valid, test } = dataset;
    expect([train.count, valid?.count, test.count]).toEqual([6, 3, 4]);
    expect([train.shape, valid?.shape, test.shape]).toEqual(new Array(3).fill([5, 4, 1]));
    expect([...train.labels]).toEqual([0, 1, 2, 0, 1, 2]);
    // The values that NumPy printed.
    expect(train.features.slice(0, 4)).toEqual(Float32Array.of(255 / 255, 228 / 255, 34 / 255, 121 / 255));
    expect(test.features.slice(-4)).toEqual(Float32Array.of(68 / 255, 143 / 255, 178 / 255, 108 / 255));
    expect(train.features).toHaveLength(6 * 20);
  });

  it("reads colours and plain names from a file given for one split", async () => {
    const { train, test } = await loadFiles({ train: data("rgb.npz"), test: data("rgb.npz") });
    expect(train.shape).toEqual([2, 2, 3]);
    expect(train.features[1]).toBe(Math.fround(6 / 255));
    expect(test).toEqual(train);
  });

  it("reads feature vectors as they are, and says by its count that there is no test split", async () => {
    const { train, test, valid } = await loadFiles({ train: data("vectors.npz") });
    expect(train.shape).toEqual([3]);
    expect([...train.features]).toEqual(Array.from({ length: 12 }, (_, i) => i / 4));
    expect([...train.labels]).toEqual([1, 0, 1, 0]);
    expect(test).toMatchObject({ count: 0, shape: [3] });
    expect(valid).toBeUndefined();
  });

  it("reads half precision and booleans", async () => {
    const { train } = await loadFiles({ train: data("half.npz") });
    expect([...train.features]).toEqual([0.5, -2]);
    expect([...train.labels]).toEqual([0, 1]);
  });

  it.each([
    ["fortran.npz", "CORRUPT_FILE", "Fortran"],
    ["unequal.npz", "LENGTH_MISMATCH", "4 labels.*received 3"],
    ["negative.npz", "LABEL_OUT_OF_RANGE", "row 1 of y_train.*-1"],
    ["nan.npz", "NON_FINITE", "row 1, column 1 of x_train.*NaN"],
    ["multilabel.npz", "INVALID_ARGUMENT", "one label a sample"],
  ])("refuses %s", async (name, code, message) => {
    await expect(loadFiles({ train: data(name) })).rejects.toMatchObject(coded(code, message));
  });

  it("refuses labels that training does not have, and samples of another shape", async () => {
    const npz = (name: string, images: Float64Array, labels: Int32Array, shape: number[]) =>
      file(
        name,
        zipSync({
          "images.npy": new Uint8Array(dump(images, shape)),
          "labels.npy": new Uint8Array(dump(labels)),
        }),
      );
    const train = await npz("train.npz", new Float64Array(4), Int32Array.of(0, 1), [2, 2]);
    const label = await npz("label.npz", new Float64Array(4), Int32Array.of(0, 2), [2, 2]);
    const wide = await npz("wide.npz", new Float64Array(6), Int32Array.of(0, 1), [2, 3]);
    await expect(loadFiles({ train, test: label })).rejects.toMatchObject(
      coded("LABEL_OUT_OF_RANGE", "one of 0, 1 for row 1 of labels of", "label.npz", "2"),
    );
    await expect(loadFiles({ train, valid: wide })).rejects.toMatchObject(coded("INVALID_ARGUMENT", "valid"));
  });

  it("refuses every truncated and every altered file", async () => {
    const whole = await readFile(data("medmnist.npz"));
    for (let length = 0; length < whole.length; length += 13) {
      const path = await file("truncated.npz", whole.subarray(0, length));
      await expect(loadFiles({ train: path })).rejects.toMatchObject({ code: "CORRUPT_FILE" });
    }
    // The first member's compressed bytes begin after its local header; a flipped bit breaks its checksum.
    const altered = Uint8Array.from(whole);
    altered[100]! ^= 1;
    const path = await file("altered.npz", altered);
    await expect(loadFiles({ train: path })).rejects.toMatchObject({ code: "CORRUPT_FILE" });
  });

  it("refuses an array shorter than its header says, text, and an archive without arrays", async () => {
    const npy = new Uint8Array(dump(new Float64Array(4), [2, 3]));
    const strings = new TextEncoder().encode("not an array");
    const labels = new Uint8Array(dump(Int32Array.of(0, 1)));
    const cases: Record<string, Uint8Array>[] = [
      { "x_train.npy": npy, "y_train.npy": labels },
      { "x_train.npy": strings, "y_train.npy": labels },
      { "x_train.npy": labels },
      { "readme.txt": strings },
    ];
    for (const members of cases) {
      const path = await file("odd.npz", zipSync(members));
      await expect(loadFiles({ train: path })).rejects.toMatchObject({ code: "CORRUPT_FILE" });
    }
  });
});

describe("CSV and TSV", () => {
  const train = "size,colour,label\n1,red,cat\n2.5,blue,dog\n-3e1,red,ant\n";

  it("keeps numbers, one-hot encodes the rest, and sorts the classes", async () => {
    const dataset = await loadFiles({ train: await file("a.csv", train) });
    expect(dataset.classNames).toEqual(["ant", "cat", "dog"]);
    expect(dataset.featureNames).toEqual(["size", "colour=blue", "colour=red"]);
    expect(dataset.train).toEqual({
      features: Float32Array.of(1, 0, 1, 2.5, 1, 0, -30, 0, 1),
      labels: Int32Array.of(1, 2, 0),
      count: 3,
      shape: [3],
      lines: Int32Array.of(2, 3, 4),
    });
  });

  it("applies what the training file taught, whatever the order of columns", async () => {
    const test = await file("test.csv", "label,colour,size\ndog,green,7\ncat,red,8\n");
    const dataset = await loadFiles({ train: await file("a.csv", train), test });
    expect([...dataset.test.features]).toEqual([7, 0, 0, 8, 0, 1]);
    expect([...dataset.test.labels]).toEqual([2, 1]);
  });

  it("standardizes numbers by the training rows when asked, constant columns to 0", async () => {
    const path = await file("scale.csv", "a,b,kind,label\n1,7,x,0\n3,7,y,1\n");
    const test = await file("scale-test.csv", "a,b,kind,label\n5,7,x,0\n");
    const dataset = await loadFiles({ train: path, test }, { standardize: true });
    expect([...dataset.train.features]).toEqual([-1, 0, 1, 0, 1, 0, 0, 1]);
    expect([...dataset.test.features]).toEqual([3, 0, 1, 0]);
  });

  it("keeps the training samples that select chooses, and asks it once", async () => {
    const rows = "x,label\n1,b\n2,a\n3,b\n4,a\n";
    const files = { train: await file("choice.csv", rows), test: await file("choice-test.csv", rows) };
    const asked: unknown[] = [];
    const select = (labels: Int32Array, source: object) => {
      asked.push([...labels], source);
      return Int32Array.of(1, 2);
    };
    const { train, test } = await loadFiles(files, { select });
    expect(asked).toEqual([[1, 0, 1, 0], { classNames: ["a", "b"], splits: ["train", "test"] }]);
    expect([[...train.features], [...train.labels], train.count]).toEqual([[2, 3], [0, 1], 2]);
    expect([...train.rows!]).toEqual([1, 2]);
    expect(test.count).toBe(4);
  });

  it("reads TSV, gzip, a byte order mark, quotes and blank lines", async () => {
    const text = '\uFEFFlabel\t"odd\tname"\r\n10\t1\r\n\r\n9\t2\r\n';
    const dataset = await loadFiles({ train: await file("a.tsv.gz", gzipSync(text)) });
    expect(dataset.classNames).toEqual(["9", "10"]);
    expect(dataset.featureNames).toEqual(["odd\tname"]);
    expect([...dataset.train.labels]).toEqual([1, 0]);
  });

  it("takes the label from the named column, else label, else the last", async () => {
    const path = await file("b.csv", "a,b,c\n1,2,0\n3,4,1\n");
    expect((await loadFiles({ train: path })).featureNames).toEqual(["a", "b"]);
    expect((await loadFiles({ train: path }, { labelColumn: "a" })).featureNames).toEqual(["b", "c"]);
    await expect(loadFiles({ train: path }, { labelColumn: "d" })).rejects.toMatchObject(
      coded("UNKNOWN_NAME", "a, b, c"),
    );
  });

  it.each([
    ["an empty cell", "a,b,label\n1,2,x\n3,,y\n", "NON_FINITE", "line 3, column b"],
    ["NaN", "a,b,label\n1,2,x\nNaN,4,y\n", "NON_FINITE", "line 3, column a"],
    ["infinity", "a,label\n1,x\n-inf,y\n", "NON_FINITE", "line 3, column a"],
    ["more than a float32 holds", "a,label\n1,x\n1e39,y\n", "NON_FINITE", "line 3, column a"],
    ["an empty category", "a,label\nred,x\n,y\n", "NON_FINITE", "line 3, column a"],
    ["an empty label", "a,label\n1,x\n2,\n", "LABEL_OUT_OF_RANGE", "line 3, column label"],
    ["a short row", "a,b,label\n1,2,x\n3,y\n", "CORRUPT_FILE", "line 3"],
    ["an open quote", 'a,label\n"1,x\n', "CORRUPT_FILE", "closing quote for line 2"],
    ["no header", "1,2,3\n4,5,6\n", "CORRUPT_FILE", "header"],
    ["no rows", "a,label\n", "CORRUPT_FILE", "data rows"],
    ["nothing", "", "CORRUPT_FILE", "header"],
    ["a repeated column", "a,a,label\n1,2,x\n", "CORRUPT_FILE", "distinct"],
    ["no features", "label\nx\n", "CORRUPT_FILE", "besides"],
  ])("refuses %s", async (_, text, code, message) => {
    await expect(loadFiles({ train: await file("bad.csv", text) })).rejects.toMatchObject(
      coded(code, message),
    );
  });

  it.each([
    ["text in a numeric column", "size,colour,label\nbig,red,cat\n", "CORRUPT_FILE", "line 2, column size"],
    [
      "an unknown label",
      "size,colour,label\n1,red,cow\n",
      "LABEL_OUT_OF_RANGE",
      "ant, cat, dog.*line 2.*cow",
    ],
    ["a missing column", "size,label\n1,cat\n", "CORRUPT_FILE", "the column colour"],
    ["another column", "size,shade,label\n1,red,cat\n", "CORRUPT_FILE", "column colour"],
  ])("refuses %s in the test file", async (_, text, code, message) => {
    const files = { train: await file("a.csv", train), test: await file("bad.csv", text) };
    await expect(loadFiles(files)).rejects.toMatchObject(coded(code, message));
  });

  it("refuses bytes that are not UTF-8, and a damaged gzip", async () => {
    const latin = await file("latin.csv", Buffer.from("a,label\ncafé,x\n", "latin1"));
    await expect(loadFiles({ train: latin })).rejects.toMatchObject(coded("CORRUPT_FILE", "UTF-8"));
    const cut = await file("cut.csv.gz", gzipSync(train).subarray(0, 30));
    await expect(loadFiles({ train: cut })).rejects.toMatchObject({ code: "CORRUPT_FILE" });
  });
});

describe("ARFF", () => {
  const header = `% a comment
@RELATION animals
@attribute 'body size' numeric
@attribute colour {red, 'dark blue', "it's"}
@attribute Age REAL
@attribute class {dog,cat}
@data
`;

  it("follows the declarations, their order included", async () => {
    const path = await file(
      "a.arff",
      `${header}1, 'dark blue', 2.5, cat\n% between\n-4,red,1e2,dog\n\n0,'it\\'s',0,dog`,
    );
    const dataset = await loadFiles({ train: path });
    expect(dataset.classNames).toEqual(["dog", "cat"]);
    expect(dataset.featureNames).toEqual([
      "body size",
      "colour=red",
      "colour=dark blue",
      "colour=it's",
      "Age",
    ]);
    expect([...dataset.train.features]).toEqual([1, 0, 1, 0, 2.5, -4, 1, 0, 0, 100, 0, 0, 0, 1, 0]);
    expect([...dataset.train.labels]).toEqual([1, 0, 0]);
  });

  it("may have comments behind declarations, attributes of text, and classes without samples", async () => {
    const text = `@relation 'german credit' % of 1994
@attribute "share in %" real % a number
@attribute status { '<0', '0<=X<200', "100%" } % of an account
@attribute customer string
@attribute since date "yyyy-MM-dd"
@attribute class {good, unknown, bad} % unknown is not used
@data
1, '<0', 'A. Smith', 2024-01-02, bad
2, '100%', ?, 2024-01-03, good
`;
    const path = await file("a.arff", text);
    await expect(loadFiles({ train: path })).rejects.toMatchObject(coded("NON_FINITE", "column customer"));
    const dataset = await loadFiles({ train: path }, { dropColumns: ["customer", "since"] });
    expect(dataset.classNames).toEqual(["good", "bad"]);
    expect([...dataset.train.labels]).toEqual([1, 0]);
    expect(dataset.featureNames).toEqual(["share in %", "status=<0", "status=0<=X<200", "status=100%"]);
    expect([...dataset.train.features]).toEqual([1, 1, 0, 0, 2, 0, 0, 1]);

    const many = Array.from({ length: 30 }, (_, i) => `1, '<0', 'A. Smith ${i}', 2024-01-02, bad\n`);
    const identifiers = await file("b.arff", text + many.join(""));
    await expect(loadFiles({ train: identifiers }, { missing: "mean" })).rejects.toMatchObject(
      coded("INVALID_ARGUMENT", "at most 20 categories.*column customer.*dropColumns"),
    );
    const test = await file("c.arff", `${text}3, '<0', x, 2024-01-04, unknown\n`);
    const dropped = { dropColumns: ["customer", "since"] };
    await expect(loadFiles({ train: path, test }, dropped)).rejects.toMatchObject(
      coded("LABEL_OUT_OF_RANGE", "one of good, bad.*line 10, column class"),
    );
  });

  it.each([
    ["a missing number", `${header}?,red,1,dog`, "NON_FINITE", "line 8, column body size"],
    ["a missing category", `${header}1,?,1,dog`, "NON_FINITE", "line 8, column colour"],
    ["a missing label", `${header}1,red,1,?`, "LABEL_OUT_OF_RANGE", "line 8, column class"],
    ["an undeclared category", `${header}1,green,1,dog`, "CORRUPT_FILE", "colour in line 8"],
    ["text for a number", `${header}big,red,1,dog`, "CORRUPT_FILE", "line 8, column body size"],
    ["a short row", `${header}1,red,dog`, "CORRUPT_FILE", "4 values.*line 8.*3"],
    ["an open quote", `${header}1,'red,1,dog`, "CORRUPT_FILE", "line 8"],
    ["a sparse row", `${header}{0 1, 3 dog}`, "CORRUPT_FILE", "dense"],
    [
      "an attribute of rows",
      "@relation r\n@attribute a relational\n@data\nx\n",
      "CORRUPT_FILE",
      "line 2.*relational",
    ],
    ["no rows", header, "CORRUPT_FILE", "data rows"],
    ["another format", "hello\n", "CORRUPT_FILE", "line 1"],
  ])("refuses %s", async (_, text, code, message) => {
    await expect(loadFiles({ train: await file("bad.arff", text) })).rejects.toMatchObject(
      coded(code, message),
    );
  });
});

describe("IDX", () => {
  const idx = (type: number, shape: number[], values: Uint8Array) => {
    const header = Buffer.alloc(4 + 4 * shape.length);
    header.set([0, 0, type, shape.length]);
    shape.forEach((size, axis) => {
      header.writeUInt32BE(size, 4 + 4 * axis);
    });
    return Buffer.concat([header, values]);
  };
  const images = idx(0x08, [2, 1, 3], Uint8Array.of(0, 51, 102, 153, 204, 255));
  const labels = idx(0x08, [2], Uint8Array.of(1, 0));

  it("finds the labels by name, beside the images, packed or not", async () => {
    const train = await file("train-images-idx3-ubyte", images);
    await file("train-labels-idx1-ubyte.gz", gzipSync(labels));
    const test = await file("t10k-images.idx3-ubyte.gz", gzipSync(images));
    await file("t10k-labels.idx1-ubyte", labels);
    const dataset = await loadFiles({ train, test });
    expect(dataset.train).toEqual({
      features: Float32Array.of(0, 0.2, 0.4, 0.6, 0.8, 1),
      labels: Int32Array.of(1, 0),
      count: 2,
      shape: [1, 3, 1],
    });
    expect(dataset.test).toEqual(dataset.train);
  });

  it("takes the label files that are named", async () => {
    const [train, test] = [await file("one", images), await file("two", images)];
    const given = await file("three", labels);
    const dataset = await loadFiles({ train, test }, { labels: { train: given, test: given } });
    expect([...dataset.test.labels]).toEqual([1, 0]);
    expect((await loadFiles({ train }, { labels: given })).train.count).toBe(2);
    await expect(loadFiles({ train })).rejects.toMatchObject(coded("INVALID_ARGUMENT", "labels"));
  });

  it("reads big-endian numbers of every type", async () => {
    const bytesOf = (size: number, write: (buffer: Buffer, value: number, offset: number) => void) => {
      const buffer = Buffer.alloc(2 * size);
      [-2, 3].forEach((value, i) => {
        write(buffer, value, i * size);
      });
      return buffer;
    };
    const types: [number, Uint8Array][] = [
      [0x09, bytesOf(1, (buffer, value, at) => buffer.writeInt8(value, at))],
      [0x0b, bytesOf(2, (buffer, value, at) => buffer.writeInt16BE(value, at))],
      [0x0c, bytesOf(4, (buffer, value, at) => buffer.writeInt32BE(value, at))],
      [0x0d, bytesOf(4, (buffer, value, at) => buffer.writeFloatBE(value, at))],
      [0x0e, bytesOf(8, (buffer, value, at) => buffer.writeDoubleBE(value, at))],
    ];
    for (const [type, bytes] of types) {
      const train = await file("typed", idx(type, [2, 1], bytes));
      const dataset = await loadFiles({ train }, { labels: await file("three", labels) });
      expect([...dataset.train.features]).toEqual([-2, 3]);
    }
  });

  it("refuses another length than the header's, and labels of another count", async () => {
    const given = await file("three", labels);
    const short = await file("short", images.subarray(0, -1));
    await expect(loadFiles({ train: short }, { labels: given })).rejects.toMatchObject(
      coded("CORRUPT_FILE", "22 bytes.*21"),
    );
    const header = await file("header", images.subarray(0, 9));
    await expect(loadFiles({ train: header }, { labels: given })).rejects.toMatchObject(
      coded("CORRUPT_FILE"),
    );
    const more = await file("more", idx(0x08, [3], Uint8Array.of(0, 1, 0)));
    await expect(loadFiles({ train: await file("one", images) }, { labels: more })).rejects.toMatchObject(
      coded("LENGTH_MISMATCH", "2 labels.*3"),
    );
  });
});

describe("any format", () => {
  it("refuses files that are missing, of an unknown format or of mixed formats", async () => {
    await expect(loadFiles({ train: join(folder, "absent.csv") })).rejects.toMatchObject(
      coded("SOURCE_UNAVAILABLE", "absent.csv"),
    );
    await expect(loadFiles({ train: await file("a.orc", "ORC") })).rejects.toMatchObject(
      coded("INVALID_ARGUMENT", "a.orc"),
    );
    const csv = await file("c.csv", "a,label\n1,0\n2,1\n");
    await expect(loadFiles({ train: csv, test: data("vectors.npz") })).rejects.toMatchObject(
      coded("INVALID_ARGUMENT", "csv like the training file.*vectors.npz"),
    );
  });
});

describe("options", () => {
  it("are refused where the format has no use for them", async () => {
    const table = await file("plain.csv", "x,label\n1,a\n2,b\n");
    for (const [path, options] of [
      [data("medmnist.npz"), { labelColumn: "y" }],
      [data("medmnist.npz"), { dropColumns: ["y"] }],
      [data("medmnist.npz"), { missing: "drop" as const }],
      [data("medmnist.npz"), { labels: "labels.npz" }],
      [table, { imageLayout: "auto" as const }],
      [table, { labels: table }],
    ] as const) {
      const [name] = Object.keys(options);
      await expect(loadFiles({ train: path }, options)).rejects.toMatchObject(
        coded("INVALID_ARGUMENT", `no option ${name} for (NPZ|CSV) files but received`),
      );
    }
  });
});

it("reading names the label array as it is called in its file", async () => {
  const { reading } = await loadFiles({ train: data("medmnist.npz") });
  expect(reading!.label).toEqual({
    name: "train_labels",
    reason: "the array that belongs to train_images",
  });
});
