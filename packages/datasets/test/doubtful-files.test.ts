import { appendFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { zipSync } from "fflate";
import { describe, expect, it } from "vitest";
import { type FileOptions, loadFiles } from "../src/index.js";
import { csv, file, npyOf, scratch, textArray } from "./support.js";

const features = npyOf(Float32Array.of(1, 2, 3, 4), [4, 1]);
const labels = npyOf(Uint8Array.of(0, 1, 0, 1), [4]);
const coded = (code: string, message: RegExp) => ({ code, message: expect.stringMatching(message) });

describe("NPZ", () => {
  it("refuses labels whose bytes are no text", async () => {
    for (const code of [0x7fff_ffff, 0xd800]) {
      const texts = textArray(["a", "b", "a", "b"], 1);
      new DataView(texts.buffer, texts.byteOffset).setUint32(texts.length - 4, code, true);
      const train = await file("text.npz", zipSync({ "x_train.npy": features, "y_train.npy": texts }));
      await expect(loadFiles({ train })).rejects.toMatchObject(coded("CORRUPT_FILE", /y_train/));
    }
    const header = "{'descr': '|S1', 'fortran_order': False, 'shape': (4,), }\n";
    const start = Buffer.from([0x93, ...Buffer.from("NUMPY"), 1, 0, header.length, 0]);
    const bytes = Buffer.concat([start, Buffer.from(header), Buffer.from([97, 98, 97, 0xff])]);
    const train = await file("bytes.npz", zipSync({ "x_train.npy": features, "y_train.npy": bytes }));
    await expect(loadFiles({ train })).rejects.toMatchObject(coded("CORRUPT_FILE", /y_train/));
  });

  it("refuses a split without samples", async () => {
    const none = [npyOf(new Float32Array(), [0, 1]), npyOf(new Uint8Array(), [0])] as const;
    for (const split of ["train", "val", "test"]) {
      const members: Record<string, Uint8Array> = { "x_train.npy": features, "y_train.npy": labels };
      [members[`x_${split}.npy`], members[`y_${split}.npy`]] = none;
      const train = await file("none.npz", zipSync(members));
      await expect(loadFiles({ train })).rejects.toMatchObject(coded("INVALID_ARGUMENT", /samples of the/));
    }
  });

  it("refuses an array that is there twice", async () => {
    const packed = zipSync({ "x_train.npy": features, "z_train.npy": features, "y_train.npy": labels });
    const twice = Buffer.from(packed);
    for (let at = twice.indexOf("z_train"); at >= 0; at = twice.indexOf("z_train")) twice.write("x", at);
    const train = await file("twice.npz", twice);
    await expect(loadFiles({ train })).rejects.toMatchObject(coded("CORRUPT_FILE", /once.*x_train again/));
  });

  it("refuses two arrays that may both be the features", async () => {
    const arrays = { x_train: features, y_train: labels, train_images: features, train_labels: labels };
    const members = Object.fromEntries(Object.entries(arrays).map(([name, bytes]) => [`${name}.npy`, bytes]));
    const train = await file("both.npz", zipSync(members));
    const refused = coded("INVALID_ARGUMENT", /train_images and x_train/);
    await expect(loadFiles({ train })).rejects.toMatchObject(refused);
  });
});

describe("IDX", () => {
  it("takes no memory for the channels of images that are not there", async () => {
    const folder = await scratch();
    const train = join(folder, "images-idx3.gz");
    const header = Buffer.from([0, 0, 8, 4, ...new Array(16).fill(0)]);
    [1, 3, 60_000, 60_000].forEach((size, axis) => {
      header.writeUInt32BE(size, 4 + 4 * axis);
    });
    await writeFile(train, gzipSync(header));
    await writeFile(join(folder, "labels-idx1.gz"), gzipSync(Buffer.from([0, 0, 8, 1, 0, 0, 0, 1, 0])));
    await expect(loadFiles({ train })).rejects.toMatchObject({
      code: expect.stringMatching(/OUT_OF_MEMORY|CORRUPT_FILE/),
    });
  });
});

describe("tables", () => {
  it("refuses zero bytes, which UTF-16 has and the holes of broken disks", async () => {
    const text = csv("a,label", 20, (i) => `${i},${i % 2}`);
    const utf16 = Buffer.from(text, "utf16le");
    for (const [content, line] of [
      [utf16, 1],
      [Buffer.from(utf16).swap16(), 1],
      [`${text}1,0\0\n`, 22],
      [text.replace("a,", "a\0,"), 1],
    ] as const) {
      const train = await file("zeros.csv", content);
      const refused = coded("CORRUPT_FILE", new RegExp(`UTF-8 text .*for line ${line} of`));
      await expect(loadFiles({ train })).rejects.toMatchObject(refused);
    }
  });

  it("refuses a file that changes between its passes", async () => {
    const rows = (label: number) => csv("a,label", 20, (i) => `${i},${(i + label) % 2}`);
    const changes: ((path: string) => Promise<void>)[] = [
      (path) => writeFile(path, rows(1)),
      (path) => appendFile(path, "7,1\n"),
    ];
    for (const change of changes) {
      const train = await file("changing.csv", rows(0));
      const changed: Promise<void>[] = [];
      const select: FileOptions["select"] = (all) => {
        changed.push(change(train));
        return all.map((_, row) => row);
      };
      await expect(loadFiles({ train }, { select })).rejects.toMatchObject(
        coded("CORRUPT_FILE", /changed while it was read/),
      );
      await Promise.all(changed);
    }
  });
});

describe("select", () => {
  it("returns rows, one at least, or is refused", async () => {
    const train = await file(
      "rows.csv",
      csv("a,label", 20, (i) => `${i},${i % 2}`),
    );
    const nonsense = [new Int32Array(), [0, 1], [0.5], "abc", Float64Array.of(0, Number.NaN), null, 3];
    for (const rows of nonsense) {
      const select = (() => rows) as unknown as NonNullable<FileOptions["select"]>;
      await expect(loadFiles({ train }, { select })).rejects.toMatchObject(
        coded("INVALID_ARGUMENT", /what select returns/),
      );
    }
  });

  it("cannot change the labels of the samples", async () => {
    const train = await file(
      "labels.csv",
      csv("a,label", 20, (i) => `${i},${i % 2}`),
    );
    const { train: samples } = await loadFiles({ train }, { select: (all) => all.fill(0).map((_, i) => i) });
    expect([...samples.labels.slice(0, 4)]).toEqual([0, 1, 0, 1]);
  });
});
