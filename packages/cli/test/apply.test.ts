import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import type { ErrorCode } from "@lilaw/core";
import { loadFiles, openSource, sourceOf } from "@lilaw/datasets";
import { encode } from "fast-png";
import { unzipSync, zipSync } from "fflate";
import { parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { parquetWriteBuffer } from "hyparquet-writer";
import { describe, expect, it } from "vitest";
import { apply } from "../src/commands/apply.js";
import type { Decision, Decisions } from "../src/decisions.js";
import { lilaw, scratch } from "./support.js";

type Change = [row: number, old: string, label: string | null];

const decisionOf = ([row, old, label]: Change, split: "train" | "valid" = "train"): Decision => ({
  split,
  row,
  old,
  new: label,
  action: label === null ? "exclude" : "relabel",
  by: "Ada",
});

interface Case {
  /** Content of the files by their names; the first is the input, or a folder of all where it ends in `/`. */
  files: Record<string, string | Uint8Array>;
  input: string;
  classNames?: string[];
  changes?: Change[];
  decisions?: Decision[];
  document?: Partial<Decisions>;
  /** Whether the input is the validation file of the decisions. */
  asValid?: boolean;
  options?: { patch?: boolean; force?: boolean; label?: string; output?: string };
}

/** Applies changes to files, and says where the result is. */
async function applied({
  files,
  input,
  classNames = ["cat", "dog"],
  changes = [],
  decisions,
  document,
  options = {},
  asValid = false,
}: Case) {
  const folder = await scratch();
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  }
  const path = join(folder, input);
  const file: Decisions = {
    format: 1,
    kind: "lilaw-decisions",
    source: await sourceOf(path),
    run: null,
    classNames,
    decisions: decisions ?? changes.map((change) => decisionOf(change)),
    ...document,
    ...(asValid && { valid: await sourceOf(path) }),
  };
  const decisionsPath = join(folder, "decisions.json");
  await writeFile(decisionsPath, JSON.stringify(file));
  const output = options.output ?? join(folder, `out-${input.replace(/\/$/, "")}`);
  const before = await sourceOf(path);
  const listed = (await readdir(folder)).sort();
  const run = () =>
    apply(decisionsPath, {
      input: path,
      output,
      patch: options.patch ?? false,
      force: options.force ?? false,
      json: false,
    });
  return { folder, path, output, decisionsPath, run, before, listed };
}

async function result(one: Case) {
  const { run, output, path, before } = await applied(one);
  const summary = await run();
  expect(await sourceOf(path)).toEqual(before);
  return { summary, output, bytes: (await stat(output)).isFile() ? await readFile(output) : Buffer.alloc(0) };
}

const text = async (one: Case) => (await result(one)).bytes.toString();

describe("lilaw apply leaves all but the labels as it is in", () => {
  it("CSV with a mark, CR LF, quotes, blanks, cells of several lines, and no last line end", async () => {
    const before =
      '\uFEFF"x" , label, note\r\n1, cat ,"a, ""b"""\r\n\r\n 2,"cat","two\r\nlines"\r\n3,dog,ö\r\n4,dog,z';
    const after = '\uFEFF"x" , label, note\r\n1, dog ,"a, ""b"""\r\n\r\n 2,"dog","two\r\nlines"\r\n4,cat,z';
    const changes: Change[] = [
      [0, "cat", "dog"],
      [1, "cat", "dog"],
      [2, "dog", null],
      [3, "dog", "cat"],
    ];
    expect(await text({ files: { "t.csv": before }, input: "t.csv", changes })).toBe(after);
  });

  it("CSV whose lines end with CR, and labels that need quotes", async () => {
    const before = 'x,label\r1,"a,b"\r2,c\r3,"line\rend"\r';
    const after = 'x,label\r1,"c"\r2,"a,b"\r3,"line\rend"\r';
    const classNames = ["a,b", "c", "line\nend"];
    const changes: Change[] = [
      [0, "a,b", "c"],
      [1, "c", "a,b"],
    ];
    expect(await text({ files: { "t.csv": before }, input: "t.csv", classNames, changes })).toBe(after);
  });

  it("packed TSV, and numbers as classes", async () => {
    const files = { "t.tsv.gz": gzipSync("x\tlabel\n1\t1.0\n2\t2\n3\t1\n") };
    const changes: Change[] = [
      [0, "1", "2"],
      [1, "2", "1"],
    ];
    const { bytes } = await result({ files, input: "t.tsv.gz", classNames: ["1", "2"], changes });
    expect(gunzipSync(bytes).toString()).toBe("x\tlabel\n1\t2\n2\t1\n3\t1\n");
  });

  it("ARFF", async () => {
    const head =
      "% pets\n@relation r\n@attribute x numeric\n@attribute class {cat,'big dog'}\n@data\n% rows\n";
    const before = `${head}1, cat\n\n2,'big dog'\n3,  cat  \n`;
    const changes: Change[] = [
      [0, "cat", "big dog"],
      [1, "big dog", "cat"],
      [2, "cat", null],
    ];
    expect(
      await text({ files: { "t.arff": before }, input: "t.arff", classNames: ["cat", "big dog"], changes }),
    ).toBe(`${head}1, 'big dog'\n\n2,'cat'\n`);
  });

  it("JSON lines", async () => {
    const before =
      '{"a": {"label": "cat"}, "label" : "cat", "x":[1,2]}\n{"label":"dog","q":"\\"label\\": \\"cat\\""}\n\n{"x":1 , "label":"dog"}';
    const after =
      '{"a": {"label": "cat"}, "label" : "dog", "x":[1,2]}\n{"label":"cat","q":"\\"label\\": \\"cat\\""}\n\n';
    const changes: Change[] = [
      [0, "cat", "dog"],
      [1, "dog", "cat"],
      [2, "dog", null],
    ];
    expect(await text({ files: { "t.jsonl": before }, input: "t.jsonl", changes })).toBe(after);
    const numbers = '{"x":1,"label":0}\n{"x":2,"label":1}\n';
    expect(
      await text({
        files: { "t.jsonl": numbers },
        input: "t.jsonl",
        classNames: ["0", "1"],
        changes: [[0, "0", "1"]],
      }),
    ).toBe('{"x":1,"label":1}\n{"x":2,"label":1}\n');
  });

  it("NPZ, of both splits", async () => {
    const members = {
      "train_images.npy": npy(
        "|u1",
        [4, 2, 2],
        Uint8Array.from({ length: 16 }, (_, i) => i),
      ),
      "train_labels.npy": npy("<i8", [4, 1], new Uint8Array(BigInt64Array.of(0n, 1n, 2n, 1n).buffer)),
      "val_images.npy": npy("|u1", [2, 2, 2], new Uint8Array(8)),
      "val_labels.npy": npy(">i2", [2], Uint8Array.of(0, 1, 0, 2)),
      "notes.txt": Buffer.from("as it was"),
    };
    const decisions = [
      decisionOf([0, "0", "2"]),
      decisionOf([1, "1", null]),
      decisionOf([0, "1", "2"], "valid"),
    ];
    const { output, summary } = await result({
      files: { "t.npz": zipSync(members) },
      input: "t.npz",
      classNames: ["0", "1", "2"],
      decisions,
    });
    expect(summary).toMatchObject({ relabelled: 2, excluded: 1, others: 0 });
    const { train, valid } = await loadFiles({ train: output });
    expect([...train.labels]).toEqual([2, 2, 1]);
    expect(Array.from(train.features, (value) => Math.round(255 * value))).toEqual([
      0, 1, 2, 3, 8, 9, 10, 11, 12, 13, 14, 15,
    ]);
    expect([...valid!.labels]).toEqual([2, 2]);
    const after = unzipSync(await readFile(output));
    expect(Object.keys(after)).toEqual(Object.keys(members));
    expect(Buffer.from(after["notes.txt"]!).toString()).toBe("as it was");
    expect(Buffer.compare(after["val_images.npy"]!, members["val_images.npy"])).toBe(0);
  });

  it("NPY and IDX, each with its labels in a second file", async () => {
    const x = npy("<f4", [3, 2], new Uint8Array(Float32Array.of(1, 2, 3, 4, 5, 6).buffer));
    const changes: Change[] = [
      [0, "cat", "dog"],
      [1, "dog", null],
    ];
    const { output } = await result({
      files: { "x.npy": x, "y.npy": npy("<U3", [3], utf32("cat", "dog", "cat")) },
      input: "x.npy",
      changes,
    });
    const { train, classNames } = await loadFiles({ train: join(output, "x.npy") });
    expect([...train.features]).toEqual([1, 2, 5, 6]);
    expect(Array.from(train.labels, (label) => classNames[label])).toEqual(["dog", "cat"]);
    const pixels = Uint8Array.of(0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 1, 0, 0, 0, 2, 1, 2, 3, 4, 5, 6);
    const labels = Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 3, 0, 1, 1);
    const idx = await result({
      files: { "images-idx3-ubyte": pixels, "labels-idx1-ubyte": labels },
      input: "images-idx3-ubyte",
      classNames: ["0", "1"],
      changes: [
        [2, "1", "0"],
        [0, "0", null],
      ],
    });
    expect([...(await readFile(join(idx.output, "images-idx3-ubyte"))).subarray(4, 8)]).toEqual([0, 0, 0, 2]);
    expect([...(await readFile(join(idx.output, "labels-idx1-ubyte")))]).toEqual([
      0, 0, 8, 1, 0, 0, 0, 2, 1, 0,
    ]);
    expect((await readFile(join(idx.output, "images-idx3-ubyte"))).subarray(-4)).toEqual(
      Buffer.of(3, 4, 5, 6),
    );
  });

  it("Parquet", async () => {
    const data = {
      id: [1n, 2n, 3n, 4n, 5n],
      at: [1, 2, 3, 4, 5].map((day) => new Date(Date.UTC(2024, 0, day))),
      x: [1.5, null, 3, 4, 5],
      v: [
        [1, 2],
        [3, 4],
        [5, 6],
        [7, 8],
        [9, 10],
      ],
      label: ["cat", "dog", "cat", "dog", "dog"],
    };
    const columnData = Object.entries(data).map(([name, values]) => ({ name, data: values as unknown[] }));
    const bytes = new Uint8Array(parquetWriteBuffer({ columnData, rowGroupSize: 2 }));
    const changes: Change[] = [
      [0, "cat", "dog"],
      [2, "cat", null],
      [3, "dog", "cat"],
    ];
    const { bytes: after } = await result({ files: { "t.parquet": bytes }, input: "t.parquet", changes });
    const read = (file: Uint8Array) =>
      parquetReadObjects({ file: Uint8Array.from(file).buffer, compressors }) as Promise<
        Record<string, unknown>[]
      >;
    const expected = (await read(bytes)).filter((_, row) => row !== 2);
    expected[0]!.label = "dog";
    expected[2]!.label = "cat";
    expect(await read(after)).toEqual(expected);
  });

  it("a folder of images", async () => {
    const names = ["cat/1.png", "cat/2.png", "cat/3.png", "dog/1.png", "dog/3.png"];
    const { output } = await result({
      files: Object.fromEntries(names.map((name, i) => [`pets/${name}`, png(i)])),
      input: "pets/",
      changes: [
        [0, "cat", "dog"],
        [1, "cat", null],
        [2, "cat", "dog"],
        [3, "dog", "cat"],
      ],
    });
    const places: Record<string, number> = {
      "dog/1.png": 0,
      "dog/3-cat.png": 2,
      "cat/1.png": 3,
      "dog/3.png": 4,
    };
    const found = (await readdir(output, { recursive: true })).filter((name) => name.endsWith(".png"));
    expect(found.sort()).toEqual(Object.keys(places).sort());
    for (const [name, i] of Object.entries(places)) {
      expect(await readFile(join(output, name))).toEqual(Buffer.from(png(i)));
    }
  });
});

const table = { "t.csv": "x,label\n1,cat\n2,dog\n3,cat\n" };

describe("lilaw apply", () => {
  it("writes a patch", async () => {
    const decisions = [
      decisionOf([2, "cat", null]),
      { ...decisionOf([0, "cat", "dog"]), by: 'A "B", C' },
      { ...decisionOf([1, "dog", null], "valid"), action: "keep" as const },
    ];
    const { bytes } = await result({ files: table, input: "t.csv", decisions, options: { patch: true } });
    expect(bytes.toString()).toBe(
      'row,line,old,new,action,by\n0,2,cat,dog,relabel,"A ""B"", C"\n1,3,dog,dog,keep,Ada\n2,4,cat,,exclude,Ada\n',
    );
  });

  it("applies the decisions on a validation file to that file", async () => {
    const sha = createHash("sha256").update(table["t.csv"]).digest("hex");
    const { bytes, summary } = await result({
      files: table,
      input: "t.csv",
      decisions: [decisionOf([0, "cat", "dog"]), decisionOf([1, "dog", "cat"], "valid")],
      document: {
        source: { name: "train.csv", sha256: "0".repeat(64) },
        valid: { name: "t.csv", sha256: sha },
      },
    });
    expect(bytes.toString()).toBe("x,label\n1,cat\n2,cat\n3,cat\n");
    expect(summary).toMatchObject({ relabelled: 1, others: 1 });
  });

  it("runs as a command", async () => {
    const { decisionsPath, path, output } = await applied({
      files: table,
      input: "t.csv",
      changes: [[1, "dog", "cat"]],
    });
    const { status, stdout, stderr } = await lilaw([
      "apply",
      decisionsPath,
      "--input",
      path,
      "--output",
      output,
    ]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toContain("1 label changed, 0 rows left out");
    const again = await lilaw(["apply", decisionsPath, "--input", path, "--output", output]);
    expect(again).toMatchObject({ status: 2, stdout: "" });
    expect(again.stderr).toContain("(or --force)");
    expect(
      (await lilaw(["apply", decisionsPath, "--input", path, "--output", output, "--force"])).status,
    ).toBe(0);
    expect((await lilaw(["apply", decisionsPath, "--output", output])).stderr).toContain("--input");
  });

  it.each<[string, ErrorCode, Partial<Case>]>([
    [
      "another source",
      "CHECKSUM_MISMATCH",
      { document: { source: { name: "t.csv", sha256: "0".repeat(64) } } },
    ],
    ["an unknown class", "UNKNOWN_NAME", { changes: [[0, "cat", "cow"]] }],
    [
      "a class that the source does not have",
      "LABEL_OUT_OF_RANGE",
      { classNames: ["cat", "cow"], changes: [[0, "cat", "cow"]] },
    ],
    [
      "a class that only the decisions know",
      "UNKNOWN_NAME",
      { classNames: ["cat", "dog", "cow"], changes: [[0, "cat", "cow"]] },
    ],
    ["a row that there is not", "INVALID_ARGUMENT", { changes: [[3, "cat", "dog"]] }],
    ["another label", "INCOMPATIBLE_STATE", { changes: [[1, "cat", "dog"]] }],
    [
      "all rows to leave out",
      "EMPTY_CLASS",
      {
        changes: [
          [0, "cat", null],
          [1, "dog", null],
          [2, "cat", null],
        ],
      },
    ],
    [
      "an output in a folder that there is not",
      "NOT_WRITABLE",
      { changes: [[0, "cat", "dog"]], options: { output: "/nowhere/t.csv" } },
    ],
  ])("refuses %s and writes nothing", async (_, code, changes) => {
    const { run, folder, listed } = await applied({ files: table, input: "t.csv", ...changes });
    await expect(run()).rejects.toMatchObject({ code });
    expect((await readdir(folder)).sort()).toEqual(listed);
  });

  it.each(["t.csv", "t.jsonl", "t.npz", "t.parquet", "pets"])(
    "leaves nothing of %s when it is stopped",
    async (name) => {
      const rows = [
        { x: 1, label: "cat" },
        { x: 2, label: "dog" },
      ];
      const files: Record<string, string | Uint8Array> = {
        ...table,
        "t.jsonl": rows.map((row) => `${JSON.stringify(row)}\n`).join(""),
        "t.npz": zipSync({
          "x.npy": npy("|u1", [2, 1], Uint8Array.of(1, 2)),
          "y.npy": npy("<U3", [2], utf32("cat", "dog")),
        }),
        "t.parquet": new Uint8Array(
          parquetWriteBuffer({
            columnData: [
              { name: "x", data: [1, 2] },
              { name: "label", data: ["cat", "dog"] },
            ],
          }),
        ),
        "pets/cat/1.png": png(1),
        "pets/dog/2.png": png(2),
      };
      const { folder, path, output, listed } = await applied({ files, input: name });
      const stop = new AbortController();
      const source = await openSource(path, { classNames: ["cat", "dog"], signal: stop.signal });
      const reason = new Error("enough");
      stop.abort(reason);
      await expect(source.write(output, { train: new Map([[0, "dog"]]) })).rejects.toBe(reason);
      expect((await readdir(folder)).sort()).toEqual(listed);
    },
  );

  it.each([undefined, null, {}, { classNames: "cat" }, { classNames: [1] }])(
    "knows classes: %j",
    async (options) => {
      const { path } = await applied({ files: table, input: "t.csv" });
      await expect(openSource(path, options as never)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
      await expect(openSource(undefined as never, { classNames: [] })).rejects.toMatchObject({
        code: "SOURCE_UNAVAILABLE",
      });
    },
  );

  it("never writes over the original, nor into it", async () => {
    const one = await applied({ files: table, input: "t.csv", changes: [[0, "cat", "dog"]] });
    for (const output of [one.path, join(one.folder, ".", "t.csv")]) {
      await expect(
        apply(one.decisionsPath, { input: one.path, output, patch: false, force: true, json: false }),
      ).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    }
    const images = await applied({
      files: { "pets/cat/1.png": png(1), "pets/dog/2.png": png(2) },
      input: "pets",
    });
    await expect(
      apply(images.decisionsPath, {
        input: images.path,
        output: join(images.path, "new"),
        patch: false,
        force: true,
        json: false,
      }),
    ).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  });

  it("writes no image outside of its output", async () => {
    const { run, folder, listed } = await applied({
      files: { "pets/cat/1.png": png(1), "pets/dog/2.png": png(2) },
      input: "pets",
      classNames: ["../../cat", "cat", "dog"],
      decisions: [{ ...decisionOf([0, "cat", "../../cat"]), split: "valid" }],
      document: { source: { name: "train", sha256: "0".repeat(64) } },
      asValid: true,
    });
    await expect(run()).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    expect((await readdir(folder)).sort()).toEqual(listed);
  });

  it("writes nothing of an NPZ file whose new label no other row has", async () => {
    const files = {
      "t.npz": zipSync({
        "x_train.npy": npy("|u1", [2, 1], Uint8Array.of(1, 2)),
        "y_train.npy": npy("|u1", [2], Uint8Array.of(0, 1)),
        "x_val.npy": npy("|u1", [1, 1], Uint8Array.of(1)),
        "y_val.npy": npy("|u1", [1], Uint8Array.of(0)),
      }),
    };
    const decisions = [decisionOf([0, "0", "1"], "valid")];
    const { run, folder, listed } = await applied({
      files,
      input: "t.npz",
      classNames: ["0", "1"],
      decisions,
    });
    await expect(run()).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining("a patch"),
    });
    expect((await readdir(folder)).sort()).toEqual(listed);
  });

  it("refuses to leave rows out of an NPZ file with other arrays of as many rows", async () => {
    const files = {
      "t.npz": zipSync({
        "x.npy": npy("|u1", [2, 1], Uint8Array.of(1, 2)),
        "y.npy": npy("|u1", [2], Uint8Array.of(0, 1)),
        "ids.npy": npy("|u1", [2], Uint8Array.of(7, 8)),
      }),
    };
    const { run, folder, listed } = await applied({
      files,
      input: "t.npz",
      classNames: ["0", "1"],
      changes: [[0, "0", null]],
    });
    await expect(run()).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining("ids"),
    });
    expect((await readdir(folder)).sort()).toEqual(listed);
  });
});

function npy(descr: string, shape: number[], bytes: Uint8Array): Uint8Array {
  const header = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape.join(", ")},), }`.padEnd(
    117,
  );
  return Buffer.concat([Buffer.from("\x93NUMPY\x01\x00v\x00", "latin1"), Buffer.from(`${header}\n`), bytes]);
}

function utf32(...texts: string[]): Uint8Array {
  return new Uint8Array(
    Uint32Array.from(texts.flatMap((word) => [...word].map((letter) => letter.codePointAt(0)!))).buffer,
  );
}

/** A grey image of one pixel. */
function png(value: number): Uint8Array {
  return encode({ width: 1, height: 1, channels: 1, depth: 8, data: Uint8Array.of(value) });
}
