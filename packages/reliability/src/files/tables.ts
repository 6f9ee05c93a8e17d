/** The user's own files: a small file of each format, and the check of samples that are read from a damaged one. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { Random } from "@lilaw/core";
import { type Dataset, loadFiles } from "@lilaw/datasets";
import { type Zippable, zipSync } from "fflate";
import { dump } from "npyjs";
import { gzipBomb, zipBomb } from "./bombs.js";
import { type Format, rewritable } from "./format.js";
import {
  checkArrays,
  checkSameDataset,
  checkTable,
  readArff,
  readDelimited,
  readIdx,
  readNpy,
} from "./judges.js";

const count = 40;
const random = Random.from(1, "original");
const decimals = () => Array.from({ length: count }, () => random.normal().toFixed(3));
const colours = Array.from({ length: count }, () => ["red", "green", "blue"][random.int(3)]!);
const kinds = Array.from({ length: count }, (_, i) => ["cat", "dog"][i % 2]!);
const columns = [decimals(), decimals(), colours, kinds];
const rows = (separator: string) =>
  kinds.map((_, i) => columns.map((column) => column[i]).join(separator)).join("\n");
const table = (separator: string) =>
  `${["size", "weight", "colour", "label"].join(separator)}\n${rows(separator)}\n`;
const arff = `@relation pets
% two kinds
@attribute size numeric
@attribute weight real
@attribute colour {red,green,blue}
@attribute label {cat,dog}
@data
${rows(",")}
`;

const bytesOf = (text: string) => new TextEncoder().encode(text);
const npy = (values: Parameters<typeof dump>[0], shape: number[]) => new Uint8Array(dump(values, shape));
const classes = Int32Array.from({ length: count }, (_, i) => i % 3);
const vectors = npy(
  Float32Array.from({ length: 3 * count }, () => random.normal()),
  [count, 3],
);
const labels = npy(classes, [count]);
const images = (n: number) =>
  npy(
    Uint8Array.from({ length: 20 * n }, () => random.int(256)),
    [n, 5, 4],
  );
const imageLabels = (n: number) =>
  npy(
    Uint8Array.from({ length: n }, (_, i) => i % 3),
    [n, 1],
  );
const medmnist: Zippable = {
  "train_images.npy": images(12),
  "train_labels.npy": imageLabels(12),
  "val_images.npy": images(6),
  "val_labels.npy": imageLabels(6),
  "test_images.npy": images(6),
  "test_labels.npy": imageLabels(6),
};
/** NumPy's strings: four bytes a letter. */
const texts = (() => {
  const header = `{'descr': '<U3', 'fortran_order': False, 'shape': (${count},), }`.padEnd(117);
  const start = Buffer.concat([Buffer.from("\x93NUMPY\x01\x00v\x00", "latin1"), Buffer.from(`${header}\n`)]);
  const letters = kinds.flatMap((kind) => [...kind].map((letter) => letter.codePointAt(0)!));
  return Buffer.concat([start, new Uint8Array(Uint32Array.from(letters).buffer)]);
})();

const idx = (shape: readonly number[], values: Uint8Array) => {
  const header = Buffer.alloc(4 + 4 * shape.length);
  header.set([0, 0, 8, shape.length]);
  shape.forEach((axis, i) => void header.writeUInt32BE(axis, 4 + 4 * i));
  return Buffer.concat([header, values]);
};
const idxImages = idx(
  [count, 4, 4],
  Uint8Array.from({ length: 16 * count }, () => random.int(256)),
);
const idxLabels = idx([count], Uint8Array.from(classes));

type Judge = (found: Dataset, damaged: Uint8Array, original: Dataset) => void;

/** A file that is loaded as training samples. `pack` packs the damaged bytes. */
function loaded(
  name: string,
  kind: Format["kind"],
  original: Uint8Array,
  judge: Judge,
  {
    pack = (bytes: Uint8Array) => bytes,
    bombs = [] as (() => Uint8Array)[],
    beside = {} as Record<string, Uint8Array>,
  } = {},
): Format {
  return {
    kind,
    original,
    bombs,
    async open(folder) {
      const train = join(folder, name);
      for (const [other, bytes] of Object.entries(beside)) writeFileSync(join(folder, other), bytes);
      const write = rewritable(train);
      const load = async (bytes: Uint8Array) => {
        write(bytes);
        return loadFiles({ train });
      };
      const whole = await load(pack(original));
      return async (damaged) => judge(await load(pack(damaged)), damaged, whole);
    },
  };
}

/** A checksum covers everything that matters. */
const same: Judge = (found, _, original) => checkSameDataset(found, original);

const asTable =
  (read: typeof readArff): Judge =>
  (found, damaged) => {
    // Other bytes than UTF-8 would not have been read.
    const cells = read(new TextDecoder().decode(damaged));
    if (cells !== undefined) checkTable(found, cells);
  };
const comma = asTable((text) => readDelimited(text, ","));
const tab = asTable((text) => readDelimited(text, "\t"));
const declared = asTable(readArff);

const asImages: Judge = ({ train }, damaged) => checkArrays(train, readIdx(damaged), readIdx(idxLabels));
const asImageLabels: Judge = ({ train }, damaged) => checkArrays(train, readIdx(idxImages), readIdx(damaged));

/** Gzip has a checksum, so that everything it unpacks is what was packed. */
const packed =
  (judge: Judge): Judge =>
  (found, damaged, original) =>
    judge(found, gunzipSync(damaged), original);

const gz = (name: string, original: Uint8Array, judge: Judge, beside = {}) =>
  loaded(name, "binary", gzipSync(original), packed(judge), { bombs: [gzipBomb], beside });
const npz = (members: Zippable, level: 0 | 9) => zipSync(members, { level, mtime: "2000-01-01" });
const zipBombs = [() => zipBomb("train_images.npy", true), () => zipBomb("train_images.npy", false)];

const formats = {
  "npz stored": loaded("a.npz", "binary", npz(medmnist, 0), same, { bombs: zipBombs }),
  "npz deflated": loaded("a.npz", "binary", npz(medmnist, 9), same, { bombs: zipBombs }),
  "npz with text": loaded("a.npz", "binary", npz({ "x_train.npy": vectors, "y_train.npy": texts }, 9), same),
  "npy features": loaded(
    "a.npz",
    "binary",
    vectors,
    ({ train }, damaged) => checkArrays(train, readNpy(damaged), readNpy(labels)),
    { pack: (bytes) => npz({ "x_train.npy": bytes, "y_train.npy": labels }, 0) },
  ),
  "npy labels": loaded(
    "a.npz",
    "binary",
    labels,
    ({ train }, damaged) => checkArrays(train, readNpy(vectors), readNpy(damaged)),
    { pack: (bytes) => npz({ "x_train.npy": vectors, "y_train.npy": bytes }, 0) },
  ),
  csv: loaded("a.csv", "text", bytesOf(table(",")), comma),
  tsv: loaded("a.tsv", "text", bytesOf(table("\t")), tab),
  arff: loaded("a.arff", "text", bytesOf(arff), declared),
  "idx images": loaded("a-images-idx3-ubyte", "binary", idxImages, asImages, {
    beside: { "a-labels-idx1-ubyte": idxLabels },
  }),
  "csv.gz": gz("a.csv.gz", bytesOf(table(",")), comma),
  "tsv.gz": gz("a.tsv.gz", bytesOf(table("\t")), tab),
  "arff.gz": gz("a.arff.gz", bytesOf(arff), declared),
  "idx.gz": gz("a-images-idx3-ubyte.gz", idxImages, asImages, { "a-labels-idx1-ubyte": idxLabels }),
  "idx labels": {
    kind: "binary",
    original: idxLabels,
    bombs: [],
    async open(folder) {
      const [train, labelFile] = [join(folder, "b-images"), join(folder, "b-labels")];
      writeFileSync(train, idxImages);
      const write = rewritable(labelFile);
      const load = async (bytes: Uint8Array) => {
        write(bytes);
        return loadFiles({ train }, { labels: labelFile });
      };
      const whole = await load(idxLabels);
      return async (damaged) => asImageLabels(await load(damaged), damaged, whole);
    },
  },
} satisfies Record<string, Format>;

export const tables = {
  npz: [formats["npz stored"], formats["npz deflated"], formats["npz with text"]],
  npy: [formats["npy features"], formats["npy labels"]],
  csv: [formats.csv],
  tsv: [formats.tsv],
  arff: [formats.arff],
  idx: [formats["idx images"], formats["idx labels"]],
  gz: [formats["csv.gz"], formats["tsv.gz"], formats["arff.gz"], formats["idx.gz"]],
} satisfies Record<string, readonly Format[]>;
