import { zipSync } from "fflate";
import { describe, expect, it } from "vitest";
import { type Encoding, type FileOptions, loadFiles, loadInputs } from "../src/index.js";
import { file, npyOf } from "./support.js";

const people = [
  "id,age,town,label,iron",
  "p1,30,Ulm,well,1.5",
  "p2,,Bonn,ill,2.5",
  "p3,41,Ulm,well,NA",
  "p4,29.5,,ill,0.1",
  "p5,62,Kiel,well,-4",
].join("\n");

/** The encoding of a training, as it comes back from a file. */
async function encodingOf(path: string, options: FileOptions = {}) {
  const dataset = await loadFiles({ train: path }, { standardize: true, ...options });
  return { dataset, encoding: JSON.parse(JSON.stringify(dataset.encoding)) as Encoding };
}

describe("the training file read again, without its labels, has the numbers of the training", () => {
  it.each<FileOptions>([{ missing: "mean" }, { missing: "mean", standardize: false }, { missing: "drop" }])(
    "a table with %j",
    async (options) => {
      const path = await file("people.csv", people);
      const { dataset, encoding } = await encodingOf(path, { dropColumns: ["id"], ...options });
      const { labels, ...inputs } = dataset.train;
      const { dropped, filled } = dataset.reading!.rows.train!;
      expect(labels.length).toBeGreaterThan(0);
      expect(await loadInputs(path, encoding)).toEqual({ inputs, read: 5, dropped, filled });
      // Columns in another order, neither labels nor the column that is left out.
      const cells = people.split("\n").map((line) => line.split(","));
      const others = cells.map(([, age, town, , iron]) => [iron, town, age].join(","));
      const other = await loadInputs(await file("new.csv", others.join("\n")), encoding);
      expect(other.inputs.features).toEqual(inputs.features);
    },
  );

  it("ARFF, with declared categories", async () => {
    const arff = ["@relation r", "@attribute a {x,y,z}", "@attribute b numeric", "@attribute class {u,v}"];
    const path = await file("a.arff", [...arff, "@data", "y,1,u", "z,5,v", "y,2,u"].join("\n"));
    const { dataset, encoding } = await encodingOf(path);
    expect((await loadInputs(path, encoding)).inputs.features).toEqual(dataset.train.features);
    // A model of ARFF can score a CSV file: both hold rows of columns.
    const same = await file("a.csv", "a,b\ny,1\nz,5\ny,2\n");
    expect((await loadInputs(same, encoding)).inputs.features).toEqual(dataset.train.features);
  });

  it("images with channels first, and the same images alone in a file", async () => {
    const bytes = Uint8Array.from({ length: 4 * 3 * 5 * 6 }, (_, i) => (7 * i) % 256);
    const images = npyOf(bytes, [4, 3, 5, 6]);
    const labels = npyOf(Int32Array.of(0, 1, 0, 1), [4]);
    const path = await file("t.npz", zipSync({ "x_train.npy": images, "y_train.npy": labels }));
    const { dataset, encoding } = await encodingOf(path, { standardize: false });
    expect(encoding).toEqual({ kind: "array", shape: [5, 6, 3], layout: "channels-first", divisor: 255 });
    const alone = await file("new.npz", zipSync({ "pictures.npy": images }));
    const named = await file("new.npz", zipSync({ "x.npy": images, "names.npy": labels }));
    for (const one of [alone, named]) {
      expect((await loadInputs(one, encoding)).inputs.features).toEqual(dataset.train.features);
    }
  });

  it("IDX images, which have no channels", async () => {
    const pixels = Uint8Array.from({ length: 2 * 3 * 4 }, (_, i) => 10 * i);
    const idx = (shape: number[], body: Uint8Array) =>
      Uint8Array.of(0, 0, 8, shape.length, ...shape.flatMap((size) => [0, 0, 0, size]), ...body);
    const [path, labels] = [
      await file("a-images", idx([2, 3, 4], pixels)),
      await file("a-labels", idx([2], Uint8Array.of(0, 1))),
    ];
    const { dataset, encoding } = await encodingOf(path, { labels, standardize: false });
    expect(encoding).toEqual({ kind: "array", shape: [3, 4, 1], layout: "no channels", divisor: 255 });
    expect((await loadInputs(path, encoding)).inputs.features).toEqual(dataset.train.features);
  });
});

describe("new samples that do not fit the training are refused", () => {
  it.each([
    ["age,town,iron\n1,Rom,2", "UNKNOWN_NAME", /one of Bonn, Kiel, Ulm for line 2, column town of .*"Rom"/],
    ["age,town\n1,Ulm", "CORRUPT_FILE", /the column iron for .* received "age, town"/],
    ["age,town,iron,more\n1,Ulm,2,3", "CORRUPT_FILE", /the columns of the training for .*a column more too/],
    ["age,town,iron\nold,Ulm,2", "CORRUPT_FILE", /a number for line 2, column age .*"old"/],
    ["age,town,iron\n", "CORRUPT_FILE", /data rows/],
  ])("%j", async (text, code, message) => {
    const { encoding } = await encodingOf(await file("people.csv", people), {
      dropColumns: ["id"],
      missing: "mean",
    });
    const refused = loadInputs(await file("new.csv", text), encoding);
    await expect(refused).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });

  it("missing cells, where training refused them", async () => {
    const { encoding } = await encodingOf(await file("t.csv", "a,b,label\n1,2,x\n3,4,y"));
    const refused = loadInputs(await file("new.csv", "a,b\n1,\n"), encoding);
    await expect(refused).rejects.toMatchObject({ code: "NON_FINITE" });
  });

  it("images of another size, several arrays, and a table in place of an array", async () => {
    const encoding: Encoding = { kind: "array", shape: [2, 2, 1], layout: "no channels", divisor: 255 };
    const square = npyOf(new Uint8Array(9), [1, 3, 3]);
    for (const [name, content, message] of [
      ["a.npz", zipSync({ "x.npy": square }), /samples of shape \[2, 2, 1\].*received "\[3, 3, 1\]"/],
      ["a.npz", zipSync({ "x.npy": square, "data.npy": square }), /one array of samples/],
      ["a.csv", "a,b\n1,2\n", /an array .*received "CSV"/],
    ] as const) {
      const refused = loadInputs(await file(name, content), encoding);
      await expect(refused).rejects.toMatchObject({
        code: "INVALID_ARGUMENT",
        message: expect.stringMatching(message),
      });
    }
    const table: Encoding = { kind: "table", label: "y", dropped: [], missing: "error", columns: [] };
    const refused = loadInputs(await file("a.npz", zipSync({ "x.npy": square })), table);
    await expect(refused).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  });
});
