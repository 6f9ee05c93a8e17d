import { createReadStream } from "node:fs";
import type { Readable } from "node:stream";
import { expected } from "@lilaw/core";
import {
  type Entry,
  fromBufferPromise,
  fromRandomAccessReaderPromise,
  RandomAccessReader,
  type ZipFile,
} from "yauzl";
import type { SplitName } from "../types.js";
import type { NdArray } from "./arrays.js";
import { chunkBytes, type DataFile, parsing, unpacksTooFar, unreadable } from "./data-file.js";
import { collect } from "./inflate.js";
import { npyArray } from "./npy.js";
import { memberChunks } from "./zip.js";

type Pair = readonly [features: string, labels: string];

/** Names of the features and labels of a split: MedMNIST's, those of Keras' own files, and those of scikit-learn's users. */
function pairsOf(split: string): Pair[] {
  return [
    [`${split}_images`, `${split}_labels`],
    [`x_${split}`, `y_${split}`],
    [`X_${split}`, `y_${split}`],
    [`${split}_embeddings`, `${split}_labels`],
  ];
}

const splitArrays: Record<SplitName, readonly Pair[]> = {
  train: pairsOf("train"),
  valid: [...pairsOf("val"), ...pairsOf("valid")],
  test: pairsOf("test"),
  clean: pairsOf("clean"),
};

/** Names of the features and labels in a file of one split. */
const plainArrays: readonly Pair[] = [
  ["images", "labels"],
  ["x", "y"],
  ["X", "y"],
  ["data", "target"],
  ["data", "labels"],
  ["features", "labels"],
  ["features", "y"],
  ["embeddings", "labels"],
  ["embeddings", "y"],
  ["x", "labels"],
];

const extension = ".npy";

/** An NPZ file: arrays by name, each read as a stream on demand. */
export class Npz {
  readonly #file: DataFile;
  readonly #archive: ZipFile;
  readonly #entries: ReadonlyMap<string, Entry>;
  readonly #all: readonly Entry[];
  #unpacked = 0;

  private constructor(
    file: DataFile,
    archive: ZipFile,
    entries: ReadonlyMap<string, Entry>,
    all: readonly Entry[],
  ) {
    this.#file = file;
    this.#archive = archive;
    this.#entries = entries;
    this.#all = all;
  }

  /** @throws `CORRUPT_FILE` for anything but a ZIP archive, and for one that has an array twice */
  static open(file: DataFile): Promise<Npz> {
    return parsing(file.path, async () => {
      const archive = file.isPacked
        ? await fromBufferPromise(Buffer.from((await collect(file.chunks())).buffer), { autoClose: false })
        : await fromRandomAccessReaderPromise(new FileReader(file.path), file.size, { autoClose: false });
      const entries = new Map<string, Entry>();
      const all: Entry[] = [];
      try {
        for await (const entry of archive.eachEntry()) {
          const { fileName } = entry;
          await checkName(archive, entry);
          all.push(entry);
          if (!fileName.endsWith(extension)) continue;
          const name = fileName.slice(0, -extension.length);
          if (entries.has(name))
            throw expected("CORRUPT_FILE", "every array once", file.path, `${name} again`);
          entries.set(name, entry);
        }
      } catch (error) {
        archive.close();
        throw error;
      }
      return new Npz(file, archive, entries, all);
    });
  }

  close(): void {
    this.#archive.close();
  }

  get path(): string {
    return this.#file.path;
  }

  get names(): string[] {
    return [...this.#entries.keys()];
  }

  /**
   * The names of the features and labels of one split; `plain` also accepts names without that of the split, such as
   * `images` and `labels`.
   *
   * @throws `CORRUPT_FILE` for features without labels and for labels without features, `INVALID_ARGUMENT` where there are
   *   several for the split
   */
  namesOf(split: SplitName, plain: boolean): Pair | undefined {
    const pairs = splitArrays[split];
    const [found, other] = [...pairs, ...(plain ? plainArrays : [])].filter((pair) => pair.every(this.#has));
    if (found && other) {
      const [one, another] = [
        found.find((name) => !other.includes(name)),
        other.find((name) => !found.includes(name)),
      ];
      const received = `${one} and ${another}`;
      throw expected("INVALID_ARGUMENT", `one pair of arrays for the ${split} split`, this.path, received);
    }
    const lone = pairs.flat().find((name) => this.#has(name) && !found?.includes(name));
    if (lone !== undefined) {
      const partners = pairs
        .filter((pair) => pair.includes(lone))
        .flatMap((pair) => pair.filter((name) => name !== lone));
      throw expected("CORRUPT_FILE", `the array ${partners.join(" or ")}`, this.path, this.names.join(", "));
    }
    return found;
  }

  /**
   * The name of the array of samples in a file that needs no labels: the only array, or the only one that is called like
   * the features of a file or of a test split.
   *
   * @throws `INVALID_ARGUMENT` where none or several are
   */
  get inputsName(): string {
    const likely = [...plainArrays, ...splitArrays.test].map(([features]) => features);
    const found = this.names.length === 1 ? this.names : this.names.filter((name) => likely.includes(name));
    if (found.length === 1) return found[0]!;
    const expectation = `one array of samples (${[...new Set(likely)].join(", ")})`;
    throw expected("INVALID_ARGUMENT", expectation, this.path, this.names.join(", ") || "no arrays");
  }

  readonly #has = (name: string): boolean => this.#entries.has(name);

  /** The error of a file given for a split whose arrays it does not have. */
  lacks(split: SplitName): Error {
    const names = [...splitArrays[split], ...plainArrays].map((pair) => pair.join(", ")).join("; or ");
    const expectation = `the arrays of the ${split} split (${names})`;
    return expected("CORRUPT_FILE", expectation, this.path, this.names.join(", ") || "no arrays");
  }

  /**
   * Opens an array: its header is read and compared with the size that the archive states before anything more is
   * unpacked.
   *
   * @throws `CORRUPT_FILE`, `INVALID_ARGUMENT` for an array that unpacks to more than `maxBytes`
   */
  async array(name: string): Promise<NdArray> {
    const entry = this.#entries.get(name)!;
    const full = `${name} of ${this.path}`;
    this.#checkSize(entry);
    return npyArray(full, this.#chunks(full, entry), entry.uncompressedSize);
  }

  /** The members of the archive, arrays or not, in their order. */
  get members(): readonly Entry[] {
    return this.#all;
  }

  /** The bytes of a member. */
  chunksOf(entry: Entry): AsyncGenerator<Uint8Array, void, undefined> {
    return this.#chunks(`${entry.fileName} of ${this.path}`, entry);
  }

  /** Bytes that reading these arrays takes, for progress. */
  bytesOf(names: readonly string[]): number {
    return names.reduce((sum, name) => sum + this.#entries.get(name)!.uncompressedSize, 0);
  }

  /** Only compressed entries can unpack to more bytes than the file has. */
  #checkSize({ compressionMethod, uncompressedSize }: Entry): void {
    if (compressionMethod === 0) return;
    this.#unpacked += uncompressedSize;
    const limit = this.#file.maxBytes;
    if (this.#unpacked > limit) throw unpacksTooFar(this.path, limit, this.#unpacked);
  }

  async *#chunks(name: string, entry: Entry): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for await (const chunk of memberChunks(this.#archive, entry)) {
        this.#file.advance(chunk.length);
        yield chunk;
      }
    } catch (error) {
      this.#file.throwIfAborted();
      throw unreadable("CORRUPT_FILE", name, error as Error);
    }
  }
}

/**
 * An archive names its members twice, without a checksum. An array whose name is damaged would be taken for one that is of
 * no use, and its split for one that is not there.
 */
async function checkName(archive: ZipFile, entry: Entry): Promise<void> {
  const { fileName } = await archive.readLocalFileHeaderPromise(entry);
  if (!fileName.equals(entry.fileNameRaw)) {
    throw new Error(`two names of one member, ${entry.fileName} and ${fileName.toString()}`);
  }
}

/** The library's own file reader reads many small chunks. */
class FileReader extends RandomAccessReader {
  readonly #path: string;

  constructor(path: string) {
    super();
    this.#path = path;
  }

  override _readStreamForRange(start: number, end: number): Readable {
    return createReadStream(this.#path, { start, end: end - 1, highWaterMark: chunkBytes });
  }
}
