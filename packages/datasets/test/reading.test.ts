import { zipSync } from "fflate";
import { describe, expect, it } from "vitest";
import { type FileOptions, loadFiles } from "../src/index.js";
import { csv, file, npyOf, textArray } from "./support.js";

/** An error whose message holds the parts, in their order. */
const refused = (code: string, ...parts: string[]) => ({
  code,
  message: expect.stringMatching(
    new RegExp(parts.map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join(".*"), "s"),
  ),
});

describe("missing cells", () => {
  // Every tenth row lacks its size, every seventh its colour.
  const text = csv("size,colour,label", 70, (i) =>
    [i % 10 === 3 ? "NA" : i, i % 7 === 2 ? "?" : ["red", "blue"][i % 2], i % 2].join(","),
  );
  const load = async (options: FileOptions) => loadFiles({ train: await file("a.csv", text) }, options);

  it("are refused with their line, and a numeric column stays numeric", async () => {
    await expect(load({})).rejects.toMatchObject(
      refused("NON_FINITE", "option missing", "line 4, column colour of", '"?"'),
    );
  });

  it.each(["", "?", "NA", "n/a", "NaN", "NULL", "null", "#N/A", "<NA>"])(
    "are those such as %j",
    async (cell) => {
      const train = await file(
        "a.csv",
        csv("x,label", 30, (i) => `${i === 8 ? cell : i},${i % 2}`),
      );
      await expect(loadFiles({ train })).rejects.toMatchObject(refused("NON_FINITE", "line 10, column x of"));
      const { train: samples, featureNames } = await loadFiles({ train }, { missing: "drop" });
      expect([samples.count, featureNames]).toEqual([29, ["x"]]);
    },
  );

  it("leave their rows out, which the other rows remember", async () => {
    const { train, featureNames, reading } = await load({ missing: "drop" });
    const kept = Array.from({ length: 70 }, (_, i) => i).filter((i) => i % 10 !== 3 && i % 7 !== 2);
    expect(featureNames).toEqual(["size", "colour=blue", "colour=red"]);
    expect([...train.rows!]).toEqual(kept);
    expect([...train.lines!]).toEqual(kept.map((i) => i + 2));
    expect(Array.from(kept, (_, row) => train.features[3 * row])).toEqual(kept);
    expect(reading).toMatchObject({
      rows: { train: { read: 70, used: kept.length, dropped: 70 - kept.length, filled: 0 } },
      classCounts: [0, 1].map((label) => kept.filter((i) => i % 2 === label).length),
      features: [{ missing: 0 }, { missing: 0 }],
    });
  });

  it("become the mean of the training rows, or a category of their own", async () => {
    const train = await file("a.csv", "size,colour,label\n1,red,0\n?,NA,1\n4,blue,0\n1,red,1\n");
    const test = await file("b.csv", "size,colour,label\nnull,red,0\n3,?,1\n");
    const files = { train, test };
    const dataset = await loadFiles(files, { missing: "mean" });
    expect(dataset.featureNames).toEqual(["size", "colour=blue", "colour=red", "colour=(missing)"]);
    expect([...dataset.train.features]).toEqual([1, 0, 1, 0, 2, 0, 0, 1, 4, 1, 0, 0, 1, 0, 1, 0]);
    expect([...dataset.test.features]).toEqual([2, 0, 1, 0, 3, 0, 0, 1]);
    expect(dataset.reading!.features).toEqual([
      { name: "size", kind: "numeric", values: 1, missing: 1 },
      { name: "colour", kind: "categorical", values: 3, missing: 1 },
    ]);
    expect(dataset.reading!.rows).toEqual({
      train: { read: 4, used: 4, dropped: 0, filled: 1 },
      test: { read: 2, used: 2, dropped: 0, filled: 2 },
    });
    const standardized = await loadFiles(files, { missing: "mean", standardize: true });
    const sizes = [0, 1, 2, 3].map((row) => standardized.train.features[4 * row]!);
    expect(sizes).toEqual([-1, 0, 2, -1].map((value) => Math.fround(value / Math.SQRT2)));
  });

  it("are still refused as labels, and where a whole column is missing", async () => {
    const label = await file("a.csv", "a,label\n1,x\n2,NA\n");
    await expect(loadFiles({ train: label }, { missing: "drop" })).rejects.toMatchObject(
      refused("LABEL_OUT_OF_RANGE", "line 3, column label"),
    );
    const column = await file("b.csv", "a,b,label\n1,,x\n2,,y\n");
    await expect(loadFiles({ train: column }, { missing: "mean" })).rejects.toMatchObject(
      refused("INVALID_ARGUMENT", "column b", "dropColumns"),
    );
    await expect(loadFiles({ train: column }, { missing: "drop" })).rejects.toMatchObject(
      refused("INVALID_ARGUMENT", "without missing cells"),
    );
  });

  it("are what ARFF declares, even where a category is called NA", async () => {
    const header = "@relation r\n@attribute a {NA,b}\n@attribute x real\n@attribute class {p,q}\n@data\n";
    const { train } = await loadFiles(
      { train: await file("a.arff", `${header}NA,1,p\n?,2,q\nb,?,p\n`) },
      { missing: "mean" },
    );
    expect([...train.features]).toEqual([1, 0, 0, 1, 0, 0, 1, 2, 0, 1, 0, 1.5]);
  });

  it("are told as the file writes them", async () => {
    const arff = (rows: string) => `@relation r\n@attribute x real\n@attribute class {p,q}\n@data\n${rows}`;
    const [whole, cell, label] = await Promise.all(
      ["1,p\n2,q\n", "1,p\n?,q\n", "1,p\n2,?\n"].map((rows) => file("a.arff", arff(rows))),
    );
    const questionMark = (code: string) => refused(code, "line 6", 'but received "?"');
    await expect(loadFiles({ train: cell! })).rejects.toMatchObject(questionMark("NON_FINITE"));
    await expect(loadFiles({ train: label! })).rejects.toMatchObject(questionMark("LABEL_OUT_OF_RANGE"));
    await expect(loadFiles({ train: whole!, test: cell! })).rejects.toMatchObject(questionMark("NON_FINITE"));
    await expect(loadFiles({ train: whole!, test: label! })).rejects.toMatchObject(
      questionMark("LABEL_OUT_OF_RANGE"),
    );
  });
});

describe("columns that are no categories", () => {
  const columns: [string, (i: number) => string, string][] = [
    ["identifiers", (i) => `user-${i}`, "an identifier or free text"],
    ["dates", (i) => `2024-${1 + (i % 12)}-${1 + (i % 28)}`, "a date"],
    ["decimal commas", (i) => `"${i},5"`, "a decimal comma, to be written 1.5"],
    ["units", (i) => `${i}.5 kg`, "a unit, to be written without it"],
    ["a word among numbers", (i) => (i === 40 ? "unknown" : String(i)), '"unknown" in line 42'],
  ];

  it.each(columns)("are refused: %s", async (_, cell, what) => {
    const train = await file(
      "a.csv",
      csv("x,column,label", 300, (i) => `${i / 4},${cell(i)},${i % 2}`),
    );
    await expect(loadFiles({ train })).rejects.toMatchObject(
      refused("INVALID_ARGUMENT", "at most 30 categories", "column column of", what, "dropColumns"),
    );
    const { featureNames, reading } = await loadFiles({ train }, { dropColumns: ["column"] });
    expect([featureNames, reading!.dropped]).toEqual([["x"], ["column"]]);
  });

  it("are not those with up to 20 categories in few rows, nor with a tenth of many", async () => {
    const few = await file(
      "a.csv",
      csv("c,label", 20, (i) => `c${i},${i % 2}`),
    );
    expect((await loadFiles({ train: few })).featureNames).toHaveLength(20);
    const many = (count: number) =>
      file(
        "b.csv",
        csv("c,label", 300, (i) => `c${i % count},${i % 2}`),
      );
    expect((await loadFiles({ train: await many(30) })).featureNames).toHaveLength(30);
    await expect(loadFiles({ train: await many(31) })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  });

  it("do not fill the memory before they are refused", async () => {
    const train = await file(
      "a.csv",
      csv("c,x,label", 70_000, (i) => `identifier-${i},${i},${i % 2}`),
    );
    await expect(loadFiles({ train })).rejects.toMatchObject(
      refused("INVALID_ARGUMENT", "at most 65536", "column c"),
    );
  });

  it("keep categories that are numbers and come before text", async () => {
    const train = await file(
      "a.csv",
      csv("class,x,label", 60, (i) => `${i < 50 ? i % 3 : "crew"},${i},${i % 2}`),
    );
    const { featureNames, train: samples } = await loadFiles({ train });
    expect(featureNames).toEqual(["class=0", "class=1", "class=2", "class=crew", "x"]);
    expect([...samples.features.slice(5, 10)]).toEqual([0, 1, 0, 0, 1]);
  });

  it("may be dropped by names that exist, but not the label", async () => {
    const train = await file("a.csv", "a,b,label\n1,2,x\n3,4,y\n");
    const drop = (...dropColumns: string[]) => loadFiles({ train }, { dropColumns });
    await expect(drop("c")).rejects.toMatchObject(
      refused("UNKNOWN_NAME", "one of a, b, label", "dropColumns"),
    );
    await expect(drop("label")).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    await expect(drop("a", "b")).rejects.toMatchObject(refused("CORRUPT_FILE", "besides the label"));
    // Another file may lack what is dropped.
    const test = await file("b.csv", "b,label\n5,y\n");
    expect([...(await loadFiles({ train, test }, { dropColumns: ["a"] })).test.features]).toEqual([5]);
  });

  it("have names: a column without one is refused", async () => {
    const train = await file("a.csv", ",b,label\n0,2,x\n1,4,y\n");
    await expect(loadFiles({ train })).rejects.toMatchObject(
      refused("CORRUPT_FILE", "a name", "column 1 of", "dropColumns"),
    );
    expect((await loadFiles({ train }, { dropColumns: [""] })).featureNames).toEqual(["b"]);
  });
});

describe("the label column", () => {
  it("is told with its reason", async () => {
    const train = await file("a.csv", "label,b,c\n1,2,0\n3,4,1\n");
    const label = async (options: FileOptions) => (await loadFiles({ train }, options)).reading!.label;
    expect(await label({})).toEqual({ name: "label", reason: "the column is called label" });
    expect(await label({ labelColumn: "c" })).toEqual({ name: "c", reason: "named by labelColumn" });
    const last = await loadFiles({ train: await file("b.csv", "b,c\n2,0\n4,1\n") });
    expect(last.reading!.label).toEqual({ name: "c", reason: "the last column" });
  });

  it.each([
    ["another is called so", "a,target,c\n1,x,0\n2,y,1\n", "option labelColumn: target, or c"],
    ["the last one holds fractions", "species,width\na,0.5\nb,1\na,2\n", "labelColumn"],
    ["the last one has too many values", csv("species,width", 40, (i) => `${i % 2},${i}`), "labelColumn"],
  ])("is asked for where %s", async (_, text, hint) => {
    const train = await file("a.csv", text);
    await expect(loadFiles({ train })).rejects.toMatchObject(refused("INVALID_ARGUMENT", hint));
    const labelColumn = text.includes("target") ? "target" : "species";
    expect((await loadFiles({ train }, { labelColumn })).classes).toBe(2);
  });
});

describe("classes", () => {
  it("are not as many as the rows of a large table", async () => {
    const train = await file(
      "a.csv",
      csv("species,width", 70_000, (i) => `${i % 2},${i}`),
    );
    await expect(loadFiles({ train })).rejects.toMatchObject(
      refused(
        "LABEL_OUT_OF_RANGE",
        "at most 65536 classes (option labelColumn",
        "line 65538, column width of",
      ),
    );
  });

  it("are one where numbers are written in two ways", async () => {
    const train = await file("a.csv", "x,label\n1,0.0\n2,1\n3,1.0\n4,0.0\n");
    const test = await file("b.csv", "x,label\n1,1.00\n2,0\n");
    const dataset = await loadFiles({ train, test });
    expect([dataset.classNames, [...dataset.train.labels], [...dataset.test.labels]]).toEqual([
      ["0.0", "1"],
      [0, 1, 1, 0],
      [1, 0],
    ]);
  });

  it("are two where doubles could not tell them apart", async () => {
    const train = await file("a.csv", "x,label\n1,9007199254740993\n2,9007199254740992\n");
    expect((await loadFiles({ train })).classes).toBe(2);
  });

  it("are refused where they differ by blanks and letter case only", async () => {
    const message = refused("INVALID_ARGUMENT", '"Healthy" differs', "labelColumn", '"healthy"');
    const train = await file("a.csv", "x,label\n1,Healthy\n2,healthy\n3,ill\n");
    await expect(loadFiles({ train })).rejects.toMatchObject(message);
    const npz = await file(
      "a.npz",
      zipSync({
        "x_train.npy": npyOf(new Float64Array(2), [2, 1]),
        "y_train.npy": textArray(["ill ", "ill"], 4),
      }),
    );
    await expect(loadFiles({ train: npz })).rejects.toMatchObject(
      refused("INVALID_ARGUMENT", "y_train", '"ill" differs', '"ill "'),
    );
    // Letters are often classes of their own.
    const letters = await file("b.csv", "x,label\n1,a\n2,A\n");
    expect((await loadFiles({ train: letters })).classNames).toEqual(["A", "a"]);
  });

  it("are not named by the first row of data", async () => {
    const text = "0.3,ill\n1,healthy\n2,ill\n";
    const train = await file("a.csv", text);
    await expect(loadFiles({ train })).rejects.toMatchObject(
      refused("CORRUPT_FILE", "a header row of names", "labelColumn", "the label ill"),
    );
    expect((await loadFiles({ train }, { labelColumn: "ill" })).classNames).toEqual(["healthy", "ill"]);
  });

  it("are counted over the whole training file, whatever is selected", async () => {
    const train = await file(
      "a.csv",
      csv("x,label", 30, (i) => `${i},${i % 3 === 0 ? "a" : "b"}`),
    );
    const { reading } = await loadFiles({ train }, { select: () => Int32Array.of(4) });
    expect(reading!.classCounts).toEqual([10, 20]);
    expect(reading!.rows.train).toEqual({ read: 30, used: 1, dropped: 0, filled: 0 });
  });
});

describe("NPZ with labels of text", () => {
  const npz = (name: string, labels: Uint8Array, count: number) =>
    file(name, zipSync({ "images.npy": npyOf(new Float32Array(count), [count, 1]), "labels.npy": labels }));

  it("works as CSV does", async () => {
    const train = await npz("a.npz", textArray(["dog", "cat", "dog", "ant"], 3), 4);
    const test = await npz("b.npz", textArray(["cat", "ant"], 5), 2);
    const dataset = await loadFiles({ train, test });
    expect(dataset.classNames).toEqual(["ant", "cat", "dog"]);
    expect([[...dataset.train.labels], [...dataset.test.labels]]).toEqual([
      [2, 1, 2, 0],
      [1, 0],
    ]);
    expect(dataset.reading).toMatchObject({
      format: "npz",
      label: { name: "labels", reason: "the array that belongs to images" },
      classCounts: [1, 1, 2],
    });
  });

  it("names a class of the test split that training does not have, and its row", async () => {
    const train = await npz("a.npz", textArray(["dog", "cat"], 3), 2);
    const test = await npz("b.npz", textArray(["cat", "cow"], 3), 2);
    await expect(loadFiles({ train, test })).rejects.toMatchObject(
      refused("LABEL_OUT_OF_RANGE", "one of cat, dog for row 1 of labels of", "b.npz", '"cow"'),
    );
    const numbers = await npz("c.npz", npyOf(Int32Array.of(0, 1)), 2);
    await expect(loadFiles({ train, test: numbers })).rejects.toMatchObject(
      refused("LABEL_OUT_OF_RANGE", "row 0 of labels of", '"0"'),
    );
  });
});

describe("images", () => {
  const load = async (shape: number[], options: FileOptions = {}) => {
    const size = shape.reduce((a, b) => a * b, 1);
    const images = npyOf(
      Float32Array.from({ length: 2 * size }, (_, i) => i),
      [2, ...shape],
    );
    const train = await file(
      "a.npz",
      zipSync({ "images.npy": images, "labels.npy": npyOf(Int32Array.of(0, 1)) }),
    );
    const dataset = await loadFiles({ train }, options);
    return { ...dataset.train, layout: dataset.reading!.layout };
  };

  it("have their channels last, wherever they are in the file", async () => {
    const first = await load([3, 2, 5]);
    expect([first.shape, first.layout]).toEqual([[2, 5, 3], "channels-first"]);
    // Row 1, place (1, 4), channel 2 is element 2 * 10 + 9 of the second sample.
    expect(first.features[30 + 9 * 3 + 2]).toBe(30 + 2 * 10 + 9);
    expect(await load([2, 5, 3])).toMatchObject({ shape: [2, 5, 3], layout: "channels-last" });
    expect(await load([1, 5, 6])).toMatchObject({ shape: [5, 6, 1], layout: "channels-first" });
    expect(await load([5, 6])).toMatchObject({ shape: [5, 6, 1], layout: "no channels" });
    expect(await load([7, 5, 6])).toMatchObject({ shape: [7, 5, 6, 1], layout: "no channels" });
    expect(await load([7])).toMatchObject({ shape: [7], layout: undefined });
  });

  it("are asked for their layout where the shape leaves it open", async () => {
    await expect(load([3, 2, 4])).rejects.toMatchObject(
      refused("INVALID_ARGUMENT", "option imageLayout", "[3, 2, 4]"),
    );
    expect(await load([3, 2, 4], { imageLayout: "channels-first" })).toMatchObject({ shape: [2, 4, 3] });
    expect(await load([3, 2, 4], { imageLayout: "channels-last" })).toMatchObject({ shape: [3, 2, 4] });
    expect(await load([8, 8, 10], { imageLayout: "channels-last" })).toMatchObject({ shape: [8, 8, 10] });
  });
});

it("reads trusted samples of their own", async () => {
  const train = await file("a.csv", "x,label\n1,a\n2,b\n");
  const clean = await file("b.csv", "x,label\n3,b\n");
  const dataset = await loadFiles({ train, clean });
  expect([...dataset.clean!.features, ...dataset.clean!.labels]).toEqual([3, 1]);
  expect(Object.keys(dataset.reading!.rows)).toEqual(["train", "clean"]);
});

it.each([
  ["missing", { missing: "zero" }],
  ["imageLayout", { imageLayout: "NCHW" }],
  ["maxBytes", { maxBytes: 0 }],
])("refuses another value of %s", async (name, options) => {
  const train = await file("a.csv", "x,label\n1,a\n2,b\n");
  await expect(loadFiles({ train }, options as FileOptions)).rejects.toMatchObject(
    refused("INVALID_ARGUMENT", name),
  );
});
