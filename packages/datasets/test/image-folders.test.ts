import { execFileSync } from "node:child_process";
import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { deflateSync } from "node:zlib";
import { encode } from "fast-png";
import jpeg from "jpeg-js";
import { describe, expect, it } from "vitest";
import { loadFiles, loadInputs, sourceOf, takeSamples } from "../src/index.js";
import { scratch } from "./support.js";

type Png = Parameters<typeof encode>[0];

const grey = (width: number, height: number, value: (i: number) => number): Uint8Array =>
  encode({
    width,
    height,
    channels: 1,
    depth: 8,
    data: Uint8Array.from({ length: width * height }, (_, i) => value(i)),
  });

const colour = (width: number, height: number, pixel: readonly number[]): Uint8Array =>
  encode({
    width,
    height,
    channels: pixel.length,
    depth: 8,
    data: Uint8Array.from({ length: width * height * pixel.length }, (_, i) => pixel[i % pixel.length]!),
  });

/** Writes files into a folder of its own. */
async function folderOf(files: Record<string, Uint8Array | string>): Promise<string> {
  const folder = await scratch();
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  }
  return folder;
}

const pets = {
  "dog/2.png": grey(3, 2, (i) => 10 * i),
  "cat/b.png": grey(3, 2, () => 255),
  "cat/a.PNG": grey(3, 2, () => 51),
  "dog/puppies/1.png": grey(3, 2, () => 0),
  "cat/.DS_Store": "x",
  "dog/Thumbs.db": "x",
  ".hidden/x.png": "x",
  "README.md": "pets",
};

describe("a folder of images", () => {
  it("becomes samples in the order of their paths", async () => {
    const train = await folderOf(pets);
    const { classNames, train: samples, reading } = await loadFiles({ train });
    expect(classNames).toEqual(["cat", "dog"]);
    expect(samples.files).toEqual(["cat/a.PNG", "cat/b.png", "dog/2.png", "dog/puppies/1.png"]);
    expect([...samples.labels]).toEqual([0, 0, 1, 1]);
    expect(samples.shape).toEqual([2, 3, 1]);
    expect(samples.features[0]).toBeCloseTo(0.2, 6);
    expect([...samples.features.subarray(12, 18)]).toEqual(
      [0, 10, 20, 30, 40, 50].map((v) => Math.fround(v / 255)),
    );
    expect(reading).toMatchObject({ format: "images", classCounts: [2, 2] });
    expect(takeSamples(samples, Int32Array.of(3, 0)).files).toEqual(["dog/puppies/1.png", "cat/a.PNG"]);
  });

  it("keeps the images that select chooses", async () => {
    const train = await folderOf(pets);
    const { train: samples } = await loadFiles({ train }, { select: () => Int32Array.of(1, 2) });
    expect(samples).toMatchObject({ count: 2, files: ["cat/b.png", "dog/2.png"], rows: Int32Array.of(1, 2) });
    expect(samples.features[0]).toBe(1);
  });

  it("reads every kind of PNG, and JPEG", async () => {
    const png = (image: Png) => encode(image);
    const pixels = { width: 2, height: 1 };
    const [width, height] = [2, 1];
    const train = await folderOf({
      "a/1-grey16.png": png({ ...pixels, channels: 1, depth: 16, data: Uint16Array.of(65_535, 0) }),
      "a/2-grey-alpha.png": png({ ...pixels, channels: 2, depth: 8, data: Uint8Array.of(255, 7, 0, 7) }),
      "a/3-rgba.png": png({
        ...pixels,
        channels: 4,
        depth: 8,
        data: Uint8Array.of(255, 0, 51, 9, 0, 0, 0, 9),
      }),
      "b/4-bits.png": rawPng(2, 1, 1, 0, Uint8Array.of(0, 0b10_000000)),
      "b/5-palette.png": rawPng(2, 1, 8, 3, Uint8Array.of(0, 1, 0), Uint8Array.of(0, 0, 0, 255, 0, 51)),
      "b/6.jpg": jpeg.encode({ width, height, data: new Uint8Array(8).fill(255) }, 100).data,
    });
    const { shape, features, files } = (await loadFiles({ train })).train;
    expect(shape).toEqual([1, 2, 3]);
    const pixelsOf = (name: string) => {
      const at = files!.indexOf(name);
      return [...features.subarray(6 * at, 6 * at + 6)].map((value) => Math.round(10 * value) / 10);
    };
    for (const name of ["a/1-grey16.png", "a/2-grey-alpha.png", "b/4-bits.png"]) {
      expect(pixelsOf(name)).toEqual([1, 1, 1, 0, 0, 0]);
    }
    expect(pixelsOf("a/3-rgba.png")).toEqual([1, 0, 0.2, 0, 0, 0]);
    expect(pixelsOf("b/5-palette.png")).toEqual([1, 0, 0.2, 0, 0, 0]);
    expect(pixelsOf("b/6.jpg")).toEqual([1, 1, 1, 1, 1, 1]);
  });

  it("is resized only when it is asked for", async () => {
    const train = await folderOf({
      "a/1.png": grey(4, 4, (i) => (i % 4 < 2 ? 0 : 200)),
      "b/2.png": grey(2, 2, (i) => (i % 2 === 0 ? 0 : 200)),
    });
    await expect(loadFiles({ train })).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringMatching(
        /4 x 4 pixels like .*1\.png \(option imageSize resizes all\) for .*2\.png but received "2 x 2/,
      ),
    });
    const { train: samples } = await loadFiles({ train }, { imageSize: [2, 2] });
    expect(samples.shape).toEqual([2, 2, 1]);
    const [first, second] = [samples.features.subarray(0, 4), samples.features.subarray(4)];
    expect([...second]).toEqual([0, 200 / 255, 0, 200 / 255].map(Math.fround));
    // A dark and a light half stay a dark and a light half, of the same mean.
    expect(first[0]).toBeLessThan(0.2);
    expect(first[1]).toBeGreaterThan(0.6);
    expect(first.reduce((a, b) => a + b, 0)).toBeCloseTo((4 * 100) / 255, 5);
  });

  it("has the classes of the training folder in the other splits too", async () => {
    const train = await folderOf(pets);
    const test = await folderOf({ "dog/1.png": grey(3, 2, () => 0) });
    expect((await loadFiles({ train, test })).test).toMatchObject({ count: 1, labels: Int32Array.of(1) });
    const other = await folderOf({ "cow/1.png": grey(3, 2, () => 0) });
    await expect(loadFiles({ train, test: other })).rejects.toMatchObject({ code: "LABEL_OUT_OF_RANGE" });
    const colours = await folderOf({ "dog/1.png": colour(3, 2, [1, 2, 3]) });
    await expect(loadFiles({ train, test: colours })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  });
});

describe("new images", () => {
  it("become the same numbers, whatever folders they are in", async () => {
    const { encoding, train: whole } = await loadFiles({ train: await folderOf(pets) });
    const { inputs, read } = await loadInputs(
      await folderOf({ "2.png": pets["dog/2.png"], "more/b.png": pets["cat/b.png"] }),
      encoding!,
    );
    expect(read).toBe(2);
    expect(inputs).toMatchObject({ files: ["2.png", "more/b.png"], shape: whole.shape });
    expect([...inputs.features.subarray(0, 6)]).toEqual([...whole.features.subarray(12, 18)]);
    const larger = await folderOf({ "1.png": grey(6, 4, () => 255) });
    await expect(loadInputs(larger, encoding!)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    const resized = await loadFiles({ train: await folderOf(pets) }, { imageSize: [2, 3] });
    expect([...(await loadInputs(larger, resized.encoding!)).inputs.features]).toEqual([1, 1, 1, 1, 1, 1]);
  });
});

describe("folders that are refused", () => {
  const image = grey(3, 2, () => 9);
  it.each<[string, string, RegExp, Record<string, Uint8Array | string>]>([
    ["without subfolders", "INVALID_ARGUMENT", /subfolders that are named after/, { "1.png": image }],
    ["without images", "INVALID_ARGUMENT", /a subfolder of PNG or JPEG images/, { "README.md": "" }],
    [
      "with other files among the images",
      "INVALID_ARGUMENT",
      /alone among .*notes\.txt/,
      { "a/1.png": image, "a/notes.txt": "" },
    ],
    [
      "of splits",
      "INVALID_ARGUMENT",
      /of one split, such as .*test/,
      { "train/a/1.png": image, "test/a/1.png": image },
    ],
    [
      "with an empty file",
      "CORRUPT_FILE",
      /b\/2\.png but received "no bytes"/,
      { "a/1.png": image, "b/2.png": "" },
    ],
    ["with a text named .png", "CORRUPT_FILE", /b\/2\.png/, { "a/1.png": image, "b/2.png": "hello" }],
    [
      "with a cut image",
      "CORRUPT_FILE",
      /b\/2\.png/,
      { "a/1.png": image, "b/2.png": image.subarray(0, -20) },
    ],
    [
      "with missing pixels",
      "CORRUPT_FILE",
      /b\/2\.png/,
      { "a/1.png": image, "b/2.png": rawPng(3, 2, 8, 0, new Uint8Array(4)) },
    ],
    [
      "with a bomb",
      "CORRUPT_FILE",
      /b\/2\.png/,
      { "a/1.png": image, "b/2.png": rawPng(3, 2, 8, 0, new Uint8Array(2 ** 24)) },
    ],
  ])("%s", async (_, code, message, files) => {
    await expect(loadFiles({ train: await folderOf(files) })).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
  });

  it("with an image of more pixels than are decoded", async () => {
    const train = await folderOf({
      "a/1.png": image,
      "b/2.png": rawPng(60_000, 60_000, 8, 0, new Uint8Array(9)),
    });
    await expect(loadFiles({ train }, { imageSize: [2, 2] })).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringMatching(/option maxBytes raises it.*60000 x 60000 pixels/),
    });
  });

  it("one corrupt image among many is named", async () => {
    const files = Array.from({ length: 500 }, (_, i) => [`${i % 2 ? "a" : "b"}/${i}.png`, image] as const);
    const train = await folderOf({
      ...Object.fromEntries(files),
      "a/333.png": image.map((byte, i) => (i === 50 ? ~byte : byte)),
    });
    await expect(loadFiles({ train })).rejects.toMatchObject({
      code: "CORRUPT_FILE",
      message: expect.stringContaining(join("a", "333.png")),
    });
  });
});

describe("sourceOf", () => {
  it("is the checksum that sha256sum gives for a file, and for the lines of several", async () => {
    const folder = await folderOf({ "b/1.png": grey(1, 1, () => 1), "a/2.png": grey(1, 1, () => 2) });
    const sum = (command: string) =>
      execFileSync("sh", ["-c", command], { cwd: folder }).toString().slice(0, 64);
    expect((await sourceOf(folder)).sha256).toBe(sum("sha256sum a/2.png b/1.png | sha256sum"));
    const moved = join(await scratch(), "moved");
    await cp(folder, moved, { recursive: true });
    expect((await sourceOf(moved)).sha256).toBe((await sourceOf(folder)).sha256);
    await rm(join(moved, "a/2.png"));
    expect((await sourceOf(moved)).sha256).not.toBe((await sourceOf(folder)).sha256);
    await writeFile(join(folder, "t.csv"), "x,label\n1,a\n");
    expect(await sourceOf(join(folder, "t.csv"))).toEqual({ name: "t.csv", sha256: sum("sha256sum t.csv") });
    expect((await readFile(join(folder, "t.csv"))).length).toBeGreaterThan(0);
  });
});

/** A PNG of pixels as they are stored: each line begins with its filter. */
function rawPng(
  width: number,
  height: number,
  depth: number,
  type: number,
  lines: Uint8Array,
  palette?: Uint8Array,
): Uint8Array {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([depth, type], 8);
  const parts = [
    chunk("IHDR", header),
    ...(palette ? [chunk("PLTE", palette)] : []),
    chunk("IDAT", deflateSync(lines)),
  ];
  return Buffer.concat([
    Buffer.from("\x89PNG\r\n\x1a\n", "latin1"),
    ...parts,
    chunk("IEND", new Uint8Array()),
  ]);
}

function chunk(type: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const [start, end] = [Buffer.alloc(4), Buffer.alloc(4)];
  start.writeUInt32BE(data.length);
  end.writeUInt32BE(crcOf(body));
  return Buffer.concat([start, body, end]);
}

function crcOf(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}
