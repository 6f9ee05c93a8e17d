import { constants as bufferConstants } from "node:buffer";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { mkdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import { constants, createGzip, gzipSync } from "node:zlib";
import { Zip, ZipDeflate, ZipPassThrough, zipSync } from "fflate";
import { describe, expect, it } from "vitest";
import { loadFiles } from "../src/index.js";
import { csv, file, npyOf, scratch } from "./support.js";

const run = promisify(execFile);
const mebibyte = 2 ** 20;

interface Loaded {
  /** The largest memory of the process, less the memory before, in bytes. */
  grown: number;
  count: number;
  rows: number[];
  firstFeatures: number[];
}

/** Loads a file in a process of its own with a small heap; `select` is the body of the function. */
async function loadApart(train: string, options = "{}"): Promise<Loaded> {
  const program = `
    import { loadFiles } from ${JSON.stringify(join(import.meta.dirname, "..", "dist", "index.js"))};
    await loadFiles({ train: process.argv[2] });
    const before = process.resourceUsage().maxRSS;
    const { train } = await loadFiles({ train: process.argv[1] }, ${options});
    console.log(JSON.stringify({
      grown: 1024 * (process.resourceUsage().maxRSS - before),
      count: train.count,
      rows: [...(train.rows ?? []).slice(0, 3)],
      firstFeatures: [...train.features.slice(0, 3)],
    }));`;
  const warmUp = await file("small.csv", "a,label\n1,x\n2,y\n");
  const args = ["--max-old-space-size=64", "--input-type=module", "--eval", program, train, warmUp];
  const { stdout } = await run(process.execPath, args);
  return JSON.parse(stdout) as Loaded;
}

/** Writes text or bytes that would not fit the memory of the test. */
async function written(name: string, parts: Iterable<string | Uint8Array>): Promise<string> {
  const path = join(await scratch(), name);
  await pipeline(Readable.from(parts), createWriteStream(path));
  return path;
}

describe("memory", () => {
  // 40 numbers a row: 64 MB of features.
  const [rows, width] = [400_000, 40];
  const samplesBytes = 4 * rows * (width + 2);
  const chunkBytes = 64 * mebibyte;

  function* table() {
    yield `${Array.from({ length: width }, (_, i) => `f${i}`).join(",")},label\n`;
    const cells = Array.from({ length: width }, (_, i) => `${i}.25`).join(",");
    for (let row = 0; row < rows; row += 100) yield `${row}${cells},${row % 7}\n`.repeat(100);
  }

  it("for CSV is little more than the samples, with select little more than those", async () => {
    const train = await written("big.csv", table());
    const all = await loadApart(train, "{ standardize: true }");
    expect(all.count).toBe(rows);
    // The rest is chunks, text and garbage of the reader, which do not depend on the size of the file.
    expect(all.grown).toBeLessThan(1.5 * samplesBytes + chunkBytes);
    const some = await loadApart(
      train,
      "{ select: (labels) => labels.map((_, i) => 40 * i).slice(0, 10_000) }",
    );
    expect(some).toMatchObject({ count: 10_000, rows: [0, 40, 80] });
    expect(some.grown).toBeLessThan(0.5 * samplesBytes + chunkBytes);
  });

  // A row group is in memory as a whole, and its rows are doubles.
  it("for Parquet is little more than the samples, in row groups of 4,000 rows", async () => {
    const { ByteWriter, ParquetWriter, schemaFromColumnData } = await import("hyparquet-writer");
    const columnData = Array.from({ length: width + 1 }, (_, i) => ({
      name: i === width ? "label" : `f${i}`,
      data: Array.from({ length: 4000 }, (_, row) =>
        i === width ? `c${row % 7}` : row + i / 4,
      ) as unknown[],
      offsetIndex: false,
    }));
    const bytes = new ByteWriter();
    const writer = new ParquetWriter({ writer: bytes, schema: schemaFromColumnData({ columnData }) });
    for (let row = 0; row < rows; row += 4000) writer.write({ columnData, rowGroupSize: 4000 });
    writer.finish();
    const train = await written("big.parquet", [new Uint8Array(bytes.getBuffer())]);
    const all = await loadApart(train, '{ keepColumns: Array.from({ length: 40 }, (_, i) => "f" + i) }');
    expect(all).toMatchObject({ count: rows, firstFeatures: [0, 0.25, 0.5] });
    expect(all.grown).toBeLessThan(1.5 * samplesBytes + chunkBytes);
  });

  it("for JSON lines is little more than the samples", async () => {
    const cells = Array.from({ length: width }, (_, i) => `"f${i}":${i}.25`).join(",");
    function* lines() {
      for (let row = 0; row < rows / 4; row += 100) yield `{${cells},"label":"c${row % 700}"}\n`.repeat(100);
    }
    const all = await loadApart(await written("big.jsonl", lines()));
    expect(all).toMatchObject({ count: rows / 4, firstFeatures: [0.25, 1.25, 2.25] });
    expect(all.grown).toBeLessThan((1.5 * samplesBytes) / 4 + chunkBytes);
  });

  it("for a folder of images is little more than the samples", async () => {
    const { encode } = await import("fast-png");
    const folder = await scratch();
    const data = Uint8Array.from({ length: 128 * 128 }, (_, i) => (i * 7) % 256);
    const image = encode({ width: 128, height: 128, channels: 1, depth: 8, data });
    for (const name of ["cat", "dog"]) {
      await mkdir(join(folder, name));
      for (let i = 0; i < 500; i++) await writeFile(join(folder, name, `${i}.png`), image);
    }
    const all = await loadApart(folder);
    expect(all.count).toBe(1000);
    expect(all.grown).toBeLessThan(1.5 * 4 * 1000 * data.length + chunkBytes);
  });

  it.each([
    ["stored", (name: string) => new ZipPassThrough(name)],
    ["deflated", (name: string) => new ZipDeflate(name, { level: 1 })],
  ])("for NPZ with %s arrays is little more than the samples", async (_, member) => {
    const images = new Float64Array(1000 * width).fill(1.5);
    // Doubles: twice the bytes that the samples have.
    const header = (shape: number[], descr: string) => {
      const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape.join(", ")},), }\n`;
      return Buffer.concat([
        Buffer.from([0x93, ...Buffer.from("NUMPY"), 1, 0, text.length, 0]),
        Buffer.from(text),
      ]);
    };
    const path = join(await scratch(), "big.npz");
    const out = createWriteStream(path);
    const zip = new Zip((error, chunk, final) => {
      if (error) out.destroy(error);
      else out.write(chunk);
      if (final) out.end();
    });
    const x = member("x_train.npy");
    zip.add(x);
    x.push(header([rows, width], "<f8"));
    const block = new Uint8Array(images.buffer);
    for (let row = 0; row < rows; row += 1000) {
      x.push(block, row + 1000 === rows);
      if (out.writableNeedDrain) await once(out, "drain");
    }
    const y = member("y_train.npy");
    zip.add(y);
    y.push(header([rows], "|u1"));
    y.push(
      Uint8Array.from({ length: rows }, (_, row) => row % 7),
      true,
    );
    zip.end();
    await once(out, "finish");

    const all = await loadApart(path);
    expect(all).toMatchObject({ count: rows, firstFeatures: [1.5, 1.5, 1.5] });
    expect(all.grown).toBeLessThan(1.5 * samplesBytes + chunkBytes);
    const some = await loadApart(
      path,
      "{ select: (labels) => labels.map((_, i) => 40 * i).slice(0, 10_000) }",
    );
    expect(some).toMatchObject({ count: 10_000, rows: [0, 40, 80] });
    expect(some.grown).toBeLessThan(0.5 * samplesBytes + chunkBytes);
  });

  it("for files that unpack to far more than they may stays small", async () => {
    const level = constants.Z_BEST_SPEED;
    const line = Buffer.from("0,0,1\n".repeat(100_000));
    const path = join(await scratch(), "bomb.csv.gz");
    const lines = function* () {
      yield "a,b,label\n";
      // 600 MB, packed to some 3 MB.
      for (let i = 0; i < 1000; i++) yield line;
    };
    await pipeline(Readable.from(lines()), createGzip({ level }), createWriteStream(path));
    expect((await stat(path)).size).toBeLessThan(4 * mebibyte);
    await expect(loadApart(path, `{ maxBytes: ${100 * mebibyte} }`)).rejects.toMatchObject({
      stderr: expect.stringContaining("at most 104857600 unpacked bytes (option maxBytes raises it)"),
    });
    const zeros = await file("zeros.csv.gz", gzipSync(new Uint8Array(200 * mebibyte), { level }));
    await expect(loadApart(zeros)).rejects.toMatchObject({ stderr: expect.stringContaining("line 1 of") });
  });
});

describe("a compressed NPZ", () => {
  const npz = (members: Record<string, Uint8Array>) => file("a.npz", zipSync(members));

  it("is refused before it is unpacked when its header promises another size, or too much", async () => {
    const zeros = npyOf(new Uint8Array(8 * mebibyte), [mebibyte, 8]);
    const y = npyOf(new Int32Array(mebibyte));
    const train = await npz({ "x_train.npy": zeros, "y_train.npy": y });
    let unpacked = 0;
    const onProgress = ({ received }: { received: number }) => {
      unpacked = Math.max(unpacked, received);
    };
    await expect(loadFiles({ train }, { maxBytes: 8 * mebibyte, onProgress })).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringMatching(/at most 8388608 unpacked bytes .* but received 12583/),
    });
    expect(unpacked).toBeLessThanOrEqual(y.length);
    // The same bytes, with a header that describes a quarter of them.
    const fewer = await npz({
      "x_train.npy": Buffer.concat([
        npyOf(new Uint8Array(2 * mebibyte), [mebibyte, 2]),
        new Uint8Array(6 * mebibyte),
      ]),
      "y_train.npy": y,
    });
    unpacked = 0;
    await expect(loadFiles({ train: fewer }, { onProgress })).rejects.toMatchObject({
      code: "CORRUPT_FILE",
      message: expect.stringContaining("2097152 bytes of shape [1048576, 2] for x_train of"),
    });
    expect(unpacked).toBeLessThan(y.length + mebibyte);
  });

  it("may be as large as it is where its arrays are stored", async () => {
    const members = {
      "x_train.npy": npyOf(new Float64Array(2), [2, 1]),
      "y_train.npy": npyOf(Int32Array.of(0, 1)),
    };
    const train = await file("a.npz", zipSync(members, { level: 0 }));
    expect((await loadFiles({ train }, { maxBytes: 1 })).train.count).toBe(2);
  });
});

describe("samples too large for the memory", () => {
  it("are refused before they are allocated", async () => {
    // A packed IDX file whose header claims a million columns and rows; being packed, its real size is not known
    // beforehand.
    const header = Buffer.alloc(16);
    header.set([0, 0, 8, 3]);
    [2 ** 20, 2 ** 10, 2 ** 10].forEach((size, axis) => {
      header.writeUInt32BE(size, 4 + 4 * axis);
    });
    const train = await file("images.gz", gzipSync(header));
    const labels = await file("labels", Buffer.from([0, 0, 8, 1, 0, 0x10, 0, 0, ...new Uint8Array(0)]));
    await expect(loadFiles({ train }, { labels })).rejects.toMatchObject({ code: "CORRUPT_FILE" });
    const whole = await file(
      "labels.gz",
      gzipSync(Buffer.concat([Buffer.from([0, 0, 8, 1, 0, 0x10, 0, 0]), new Uint8Array(2 ** 20)])),
    );
    await expect(loadFiles({ train }, { labels: whole })).rejects.toMatchObject({
      code: "OUT_OF_MEMORY",
      message: expect.stringContaining("memory for 1048576 samples of 1048576 numbers"),
    });
  });
});

describe("select", () => {
  const text = csv(
    "x,c,label",
    50,
    (i) => `${i === 7 ? "" : i},${i % 3 ? "a" : "b"},${i % 2 ? "odd" : "even"}`,
  );

  it("is asked once, about the rows that are usable, and names rows of the source", async () => {
    const train = await file("a.csv", text);
    const whole = await loadFiles({ train }, { missing: "drop", standardize: true });
    const asked: number[][] = [];
    const { train: samples } = await loadFiles(
      { train },
      {
        missing: "drop",
        standardize: true,
        select: (labels) => {
          asked.push([...labels]);
          return Int32Array.of(0, 6, 7, 48);
        },
      },
    );
    expect(asked).toEqual([[...whole.train.labels]]);
    expect([...samples.rows!]).toEqual([0, 6, 8, 49]);
    expect([...samples.lines!]).toEqual([2, 8, 10, 51]);
    expect([...samples.labels]).toEqual([0, 0, 0, 1]);
    // Mean and deviation are learned from all rows, those left out included.
    const row = (index: number) => [...whole.train.features.slice(3 * index, 3 * index + 3)];
    expect([...samples.features]).toEqual([0, 6, 7, 48].flatMap(row));
  });

  it.each([[[1, 1]], [[2, 1]], [[-1]], [[50]]])("may not return %j", async (rows) => {
    const train = await file("a.csv", text.replace(",a,odd", "0,a,odd"));
    const select = () => Int32Array.from(rows);
    await expect(loadFiles({ train }, { missing: "drop", select })).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining("what select returns"),
    });
  });
});

describe("progress and abort", () => {
  it.each([
    ["a.csv", csv("x,label", 200_000, (i) => `${i}.5,${i % 2}`)],
    ["a.csv.gz", gzipSync(csv("x,label", 200_000, (i) => `${(i * 7919) % 100_003},${i % 2}`))],
    [
      "a.npz",
      zipSync({
        "x_train.npy": npyOf(new Float32Array(mebibyte), [mebibyte, 1]),
        "y_train.npy": npyOf(new Int32Array(mebibyte)),
      }),
    ],
  ])("of %s", async (name, content) => {
    const train = await file(name, content);
    const told: { received: number; total: number }[] = [];
    const controller = new AbortController();
    await loadFiles(
      { train },
      { onProgress: ({ received, total }) => told.push({ received, total: total! }) },
    );
    expect(told.length).toBeGreaterThan(2);
    const last = told.at(-1)!;
    expect(last.received).toBe(last.total);
    const reason = new Error("enough");
    let calls = 0;
    const loading = loadFiles(
      { train },
      {
        signal: controller.signal,
        onProgress: () => {
          if (++calls === 2) controller.abort(reason);
        },
      },
    );
    await expect(loading).rejects.toBe(reason);
    expect(calls).toBe(2);
  });
});

it("reads a file that is longer than a string can be", { timeout: 240_000 }, async () => {
  const lines = function* () {
    yield "a,label\n";
    for (let i = 0; i < 70_000; i++) yield `${i}${" ".repeat(8000)},${i % 2}\n`;
  };
  const train = await written("long.csv", lines());
  expect((await stat(train)).size).toBeGreaterThan(bufferConstants.MAX_STRING_LENGTH);
  const { train: samples } = await loadFiles({ train }, { keepColumns: ["a"] });
  expect(samples.count).toBe(70_000);
  expect(samples.features.every((value, row) => value === row)).toBe(true);
});
