/** Images in folders, JSON lines, Parquet, NPY with labels beside it, and decisions: small whole files, and their checks. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { deflateSync } from "node:zlib";
import { Random } from "@lilaw/core";
import { type Dataset, loadFiles } from "@lilaw/datasets";
import { encode } from "fast-png";
import { type ColumnSource, parquetWriteBuffer } from "hyparquet-writer";
import jpeg from "jpeg-js";
import { dump } from "npyjs";
import { parseDecisions } from "../../../cli/dist/decisions.js";
import { FaultFound } from "../kind.js";
import { type Format, rewritable } from "./format.js";
import { checkArrays, checkSameDataset, checkTable, readJsonl, readNpy } from "./judges.js";

const wrong = (message: string) => new FaultFound("silentDifferences", message);

type Judge = (found: Dataset, damaged: Uint8Array, original: Dataset) => void;

/** Nothing tells whether the numbers of such a file were others; they must make samples. */
const plausible: Judge = ({ train, classNames, classes }) => {
  const width = train.shape.reduce((a, b) => a * b, 1);
  if (train.features.length !== train.count * width) throw wrong("a number of features that does not fit");
  if (train.labels.length !== train.count) throw wrong("a number of labels that does not fit");
  if (!train.features.every(Number.isFinite)) throw wrong("features that are not finite");
  if (classNames.length !== classes || train.labels.some((label) => !(label >= 0 && label < classes)))
    throw wrong("labels out of range");
};

/**
 * @param path of the file that is damaged, in the folder
 * @param train path of the training samples there
 */
function loaded(
  path: string,
  kind: Format["kind"],
  original: Uint8Array,
  judge: Judge,
  {
    train = path,
    beside = {},
    bombs = [],
  }: Partial<Pick<Format, "bombs">> & { train?: string; beside?: Record<string, Uint8Array> } = {},
): Format {
  return {
    kind,
    original,
    bombs,
    async open(folder) {
      for (const [other, bytes] of Object.entries({ ...beside, [path]: original })) {
        mkdirSync(join(folder, other, ".."), { recursive: true });
        writeFileSync(join(folder, other), bytes);
      }
      const write = rewritable(join(folder, path));
      const load = () => loadFiles({ train: join(folder, train) });
      const whole = await load();
      return async (damaged) => {
        write(damaged);
        judge(await load(), damaged, whole);
      };
    },
  };
}

const random = Random.from(1, "records");
const count = 24;
const rows = Array.from({ length: count }, (_, i) => ({
  size: Math.round(1000 * random.normal()) / 8,
  age: i,
  colour: ["red", "green", "blue"][random.int(3)]!,
  wild: i % 3 === 0,
  label: ["cat", "dog"][i % 2]!,
}));
const vectors = Array.from({ length: count }, () =>
  [random.normal(), random.normal(), random.normal()].map(Math.fround),
);

const lines = (values: readonly unknown[]) =>
  new TextEncoder().encode(`${values.map((value) => JSON.stringify(value)).join("\n")}\n`);

const asJsonl: Judge = (found, damaged) => {
  const cells = readJsonl(new TextDecoder().decode(damaged));
  if (cells !== undefined) checkTable(found, cells);
};

const columns = (more: Partial<ColumnSource> = {}): ColumnSource[] =>
  Object.keys(rows[0]!).map((name) => ({
    name,
    data: rows.map((row) => row[name as keyof (typeof rows)[0]]) as unknown[],
    ...more,
  }));
const label: ColumnSource = { name: "label", data: rows.map((row) => row.label) };
const parquet = (columnData: ColumnSource[], codec: "SNAPPY" | "UNCOMPRESSED", rowGroupSize = 10) =>
  new Uint8Array(parquetWriteBuffer({ columnData, codec, rowGroupSize }));

const [height, width] = [6, 5];
const grey = () =>
  encode({
    width,
    height,
    channels: 1,
    depth: 8,
    data: Uint8Array.from({ length: 30 }, () => random.int(256)),
  });
const colours = () => Uint8Array.from({ length: 120 }, () => random.int(256));
const photo = () => new Uint8Array(jpeg.encode({ width, height, data: colours() }, 80).data);

/** A chunk of PNG with a length and a checksum that are right: only its content is hostile. */
function pngBomb(): Uint8Array {
  const whole = Buffer.from(grey());
  const at = whole.indexOf("IDAT") - 4;
  const data = deflateSync(new Uint8Array(2 ** 28));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  return Buffer.concat([
    whole.subarray(0, at),
    length,
    Buffer.from("IDAT"),
    data,
    Buffer.alloc(4),
    whole.subarray(-12),
  ]);
}

const features = new Uint8Array(dump(Float32Array.from(vectors.flat()), [count, 3]));
const labels = new Uint8Array(
  dump(
    Int32Array.from(rows, (_, i) => i % 3),
    [count],
  ),
);

const decisionsFile: Format = {
  kind: "json",
  bombs: [],
  original: lines([
    {
      format: 1,
      kind: "lilaw-decisions",
      source: { name: "a.csv", sha256: "a".repeat(64) },
      run: null,
      classNames: ["cat", "dog"],
      decisions: [
        { split: "train", row: 3, old: "cat", new: "dog", action: "relabel", by: "Ada" },
        { split: "valid", row: 5, old: "dog", new: null, action: "exclude", by: "suggested" },
      ],
    },
  ]),
  async open() {
    return async (damaged) => {
      const { classNames, decisions } = parseDecisions(Buffer.from(damaged).toString(), "decisions.json");
      const isKnown = (name: string | null) => name === null || classNames.includes(name);
      if (!decisions.every((one) => isKnown(one.old) && isKnown(one.new) && Number.isSafeInteger(one.row)))
        throw wrong("a decision about an unknown class or row");
    };
  },
};

export const records = {
  jsonl: [
    loaded("a.jsonl", "text", lines(rows), asJsonl),
    loaded(
      "e.jsonl",
      "text",
      lines(vectors.map((embedding, i) => ({ embedding, label: rows[i]!.label }))),
      plausible,
    ),
  ],
  parquet: [
    loaded("a.parquet", "binary", parquet(columns(), "SNAPPY"), plausible),
    loaded("b.parquet", "binary", parquet(columns(), "UNCOMPRESSED"), plausible),
    loaded("c.parquet", "binary", parquet(columns({ nullable: false }), "UNCOMPRESSED", 100), plausible),
    loaded(
      "e.parquet",
      "binary",
      parquet([{ name: "embedding", data: vectors }, label], "UNCOMPRESSED"),
      plausible,
    ),
  ],
  "npy file": [
    loaded(
      "x.npy",
      "binary",
      features,
      ({ train }, damaged) => checkArrays(train, readNpy(damaged), readNpy(labels)),
      { beside: { "y.npy": labels } },
    ),
  ],
  png: [
    loaded("pets/cat/1.png", "binary", grey(), (found, _, original) => checkSameDataset(found, original), {
      train: "pets",
      beside: { "pets/cat/2.png": grey(), "pets/dog/1.png": grey() },
      bombs: [pngBomb],
    }),
  ],
  jpeg: [
    loaded("pets/cat/1.jpg", "binary", photo(), plausible, {
      train: "pets",
      beside: { "pets/dog/1.jpg": photo() },
    }),
  ],
  "decisions.json": [decisionsFile],
} satisfies Record<string, readonly Format[]>;
