import { execFile } from "node:child_process";
import { mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { zipSync } from "fflate";
import { describe, expect, it } from "vitest";
import { loadFiles } from "../src/index.js";
import { file, npyOf, scratch } from "./support.js";

/** An NPZ file of arrays by name. */
const archiveOf = (arrays: Record<string, Uint8Array>) =>
  zipSync(Object.fromEntries(Object.entries(arrays).map(([name, bytes]) => [`${name}.npy`, bytes])));

describe("files of other kinds are refused with what they are and what helps", () => {
  const table = "a,label\n1,x\n2,y\n";
  it.each([
    ["data.csv", '{"a": 1}\n', "a JSON file", "named .jsonl"],
    ["data.json", '[\n{"a": 1}]\n', "a JSON file", "read_json\\(…\\)\\.to_csv"],
    ["data.xlsx", zipSync({ "[Content_Types].xml": new Uint8Array(9) }), "a spreadsheet", "save it as CSV"],
    ["data.csv", zipSync({ "[Content_Types].xml": new Uint8Array(9) }), "a ZIP archive", "saved as CSV"],
    ["data.h5", Buffer.from("\x89HDF\r\n", "latin1"), "an HDF5 file", "numpy.savez"],
    [
      "cat.png",
      Buffer.from("\x89PNG\r\n", "latin1"),
      "one image",
      "a folder with a subfolder for each class",
    ],
    ["data.csv.xz", Buffer.from("\xfd7zXZ\0", "latin1"), "a packed file", "gzip"],
    ["data.txt", table, ".txt", "named .csv where commas"],
    ["data", table, "another format", "named .csv"],
    ["data.csv", Buffer.from(`\uFEFF${table}`, "utf16le"), "UTF-16 text", "UTF-8"],
    ["data.csv.gz", gzipSync('{"a": 1}\n'), "a JSON file", "read_json"],
  ])("%s of %j", async (name, content, what, help) => {
    await expect(loadFiles({ train: await file(name, content) })).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringMatching(
        new RegExp(`an NPZ, .* or IDX file, or a folder of images.*${help}.*"${what}"$`),
      ),
    });
  });

  it("a folder, and a pipe", async () => {
    const folder = await scratch();
    await mkdir(join(folder, "images.csv"));
    await expect(loadFiles({ train: join(folder, "images.csv") })).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringMatching(/a subfolder of PNG or JPEG images for each class.* received "none"$/),
    });
    const table = await file("table.csv", "a,label\n1,x\n2,y\n");
    await expect(loadFiles({ train: table, test: folder })).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringMatching(/a file .* received "a folder"$/),
    });
    await promisify(execFile)("mkfifo", [join(folder, "pipe.csv")]);
    await expect(loadFiles({ train: join(folder, "pipe.csv") })).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining("a pipe or a device"),
    });
  });

  it("one that is not there", async () => {
    await expect(loadFiles({ train: "/nowhere/a.csv" })).rejects.toMatchObject({
      code: "SOURCE_UNAVAILABLE",
      message: "Expected a readable file for /nowhere/a.csv but received no such file",
    });
  });

  it.each(["valid", "test", "clean"] as const)("one table for training and %s", async (split) => {
    const train = await file("a.csv", "x,label\n1,a\n2,b\n3,a\n");
    const linked = join(await scratch(), `${split}.csv`);
    await symlink(train, linked);
    await expect(loadFiles({ train, [split]: linked })).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: `Expected another file than that of train for ${split} but received ${JSON.stringify(linked)}`,
    });
  });

  it.each([
    ["images", "labels"],
    ["x", "y"],
    ["X", "y"],
    ["data", "target"],
    ["data", "labels"],
    ["features", "labels"],
    ["X_train", "y_train"],
  ])("but not an NPZ of %s and %s", async (features, labels) => {
    const arrays = {
      [features]: npyOf(Float32Array.of(1, 2, 3, 4), [2, 2]),
      [labels]: npyOf(Int32Array.of(1, 0)),
    };
    const path = await file("a.npz", archiveOf(arrays));
    const { train, reading } = await loadFiles({ train: path });
    expect([[...train.features], [...train.labels]]).toEqual([
      [1, 2, 3, 4],
      [1, 0],
    ]);
    expect(reading!.label).toEqual({ name: labels, reason: `the array that belongs to ${features}` });
  });

  it.each([
    [["data", "target", "labels"], "INVALID_ARGUMENT", "target and labels"],
    [["x", "X", "y"], "INVALID_ARGUMENT", "x and X"],
    [["y_train"], "CORRUPT_FILE", "the array x_train or X_train"],
    [["x_train", "X_train", "y_train"], "INVALID_ARGUMENT", "x_train and X_train"],
    [["train_images", "train_labels", "y_train"], "CORRUPT_FILE", "the array x_train or X_train"],
    [["data"], "CORRUPT_FILE", "data, target; or data, labels"],
  ])("an NPZ of %j", async (names, code, words) => {
    const arrays = names.map((name) => [
      name,
      npyOf(Float32Array.of(0, 1, 1, 0), /[xXd]/.test(name) ? [2, 2] : [4]),
    ]);
    const path = await file("a.npz", archiveOf(Object.fromEntries(arrays)));
    await expect(loadFiles({ train: path })).rejects.toMatchObject({
      code,
      message: expect.stringContaining(words),
    });
  });

  it("an NPZ without the arrays of the split it is given for", async () => {
    const train = await file(
      "a.npz",
      zipSync({
        "x_train.npy": npyOf(new Float64Array(2), [2, 1]),
        "y_train.npy": npyOf(Int32Array.of(0, 1)),
      }),
    );
    await expect(loadFiles({ train, valid: train })).rejects.toMatchObject({
      code: "CORRUPT_FILE",
      message: expect.stringMatching(
        /valid split \(val_images, val_labels; or x_val, y_val; or .*; or images, labels; or x, y; .*\).*"x_train, y_train"$/,
      ),
    });
  });

  it("an NPZ with the labels of a split and without its images", async () => {
    const train = await file(
      "a.npz",
      zipSync({
        "train_images.npy": npyOf(new Float64Array(2), [2, 1]),
        "train_labels.npy": npyOf(Int32Array.of(0, 1)),
        "test_imagés.npy": npyOf(new Float64Array(2), [2, 1]),
        "test_labels.npy": npyOf(Int32Array.of(0, 1)),
      }),
    );
    await expect(loadFiles({ train })).rejects.toMatchObject({
      code: "CORRUPT_FILE",
      message: expect.stringContaining("Expected the array test_images or test_embeddings for "),
    });
  });

  it("an NPZ whose members have other names in its directory", async () => {
    const whole = zipSync({
      "train_images.npy": npyOf(new Float64Array(2), [2, 1]),
      "train_labels.npy": npyOf(Int32Array.of(0, 1)),
      "test_images.npy": npyOf(new Float64Array(2), [2, 1]),
      "test_labels.npy": npyOf(Int32Array.of(0, 1)),
    });
    expect((await loadFiles({ train: await file("a.npz", whole) })).test.count).toBe(2);
    const damaged = Buffer.from(whole);
    for (const name of ["test_images", "test_labels"]) damaged[damaged.lastIndexOf(name)] = 0x54;
    await expect(loadFiles({ train: await file("a.npz", damaged) })).rejects.toMatchObject({
      code: "CORRUPT_FILE",
      message: expect.stringContaining("two names of one member"),
    });
  });

  it("an ARFF file that declares a category twice", async () => {
    const text = "@relation r\n@attribute x {a,b,a}\n@attribute label {c,d}\n@data\na,c\nb,d\n";
    await expect(loadFiles({ train: await file("twice.arff", text) })).rejects.toMatchObject({
      code: "CORRUPT_FILE",
      message: expect.stringMatching(/^Expected distinct categories for line 2 of /),
    });
  });

  it("an NPZ whose validation labels training does not have, by the array's name", async () => {
    const train = await file(
      "a.npz",
      zipSync({
        "train_images.npy": npyOf(new Float64Array(2), [2, 1]),
        "train_labels.npy": npyOf(Int32Array.of(0, 1)),
        "val_images.npy": npyOf(new Float64Array(3), [3, 1]),
        "val_labels.npy": npyOf(Int32Array.of(0, 1, 7)),
      }),
    );
    await expect(loadFiles({ train })).rejects.toMatchObject({
      code: "LABEL_OUT_OF_RANGE",
      message: expect.stringMatching(/one of 0, 1 for row 2 of val_labels of .*a\.npz but received "7"$/),
    });
  });
});
