import { createReadStream, type Stats } from "node:fs";
import { open, stat } from "node:fs/promises";
import { expected, LilawError } from "@lilaw/core";
import type { FileOptions } from "../types.js";
import { atMost, inflate } from "./inflate.js";

export type ReadOptions = Pick<FileOptions, "maxBytes" | "signal" | "onProgress">;

/** The bytes that are read from a file at a time. */
export const chunkBytes = 2 ** 18;

/** A file of the user. Its bytes can be read as a stream any number of times, and are unpacked where it is gzip. */
export class DataFile {
  readonly path: string;
  readonly isPacked: boolean;
  /** The first unpacked bytes. */
  head = new Uint8Array();
  readonly size: number;
  /** Equal for all paths that lead to the same file. */
  readonly identity: string;
  readonly #options: ReadOptions;
  /** The answer of {@link stateOf} when the file was opened. */
  readonly #state: string;
  #total: number;
  #received = 0;
  /** Counts the calls of {@link expectBytes}. */
  #phase = 0;

  private constructor(path: string, isPacked: boolean, stats: Stats, options: ReadOptions) {
    this.path = path;
    this.isPacked = isPacked;
    this.size = stats.size;
    this.identity = `${stats.dev}:${stats.ino}`;
    this.#state = stateOf(stats);
    this.#total = stats.size;
    this.#options = options;
  }

  /**
   * @throws `SOURCE_UNAVAILABLE` for a file that cannot be opened, `INVALID_ARGUMENT` for a folder or a pipe,
   *   `CORRUPT_FILE` for damaged gzip
   */
  static async open(path: string, options: ReadOptions): Promise<DataFile> {
    const { stats, start } = await beginningOf(path);
    // Detected by content, since people rename files.
    const file = new DataFile(path, start[0] === 0x1f && start[1] === 0x8b, stats, options);
    file.head = file.isPacked ? await unpackedStart(path, start) : start;
    return file;
  }

  /** The most bytes that it may unpack to. */
  get maxBytes(): number {
    return this.#options.maxBytes ?? unpackLimit(this.size);
  }

  throwIfAborted(): void {
    this.#options.signal?.throwIfAborted();
  }

  /** Sets the number of bytes that will be read from now on, for progress. */
  expectBytes(total: number): void {
    this.#total = total;
    this.#received = 0;
    this.#phase++;
  }

  /** Reports progress; throws the signal's reason after an abort. */
  advance(bytes: number): void {
    this.throwIfAborted();
    this.#received += bytes;
    this.#options.onProgress?.({ file: this.path, received: this.#received, total: this.#total });
  }

  /**
   * The bytes of the file, unpacked.
   *
   * @throws `SOURCE_UNAVAILABLE`, `CORRUPT_FILE` also for a file that changed since it was opened, `INVALID_ARGUMENT`
   *   where it unpacks to more than `maxBytes`, the signal's reason
   */
  async *chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      yield* this.isPacked ? this.#unpacked(this.#read()) : this.#read();
      await this.checkSame();
    } catch (error) {
      this.throwIfAborted();
      throw unreadable("CORRUPT_FILE", this.path, error as Error);
    }
  }

  /**
   * Two passes over different bytes would give a row the label of another row.
   *
   * @throws `CORRUPT_FILE` when the file changed since it was opened
   */
  async checkSame(): Promise<void> {
    if (stateOf(await stat(this.path)) === this.#state) return;
    throw expected(
      "CORRUPT_FILE",
      "a file that stays as it is",
      this.path,
      "one that changed while it was read",
    );
  }

  async *#read(): AsyncGenerator<Uint8Array, void, undefined> {
    const phase = this.#phase;
    for await (const chunk of createReadStream(this.path, { highWaterMark: chunkBytes })) {
      // A pass that ended early may still read one chunk, which does not count for the next phase.
      if (phase === this.#phase) this.advance(chunk.length);
      yield chunk;
    }
  }

  #unpacked(packed: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
    return atMost(inflate(packed), this.maxBytes, () => unpacksTooFar(this.path, this.maxBytes));
  }
}

/** The most bytes that a compressed file may unpack to by default: 1 GiB, or 20 times its size where that is more. */
export function unpackLimit(packedBytes: number): number {
  return Math.max(2 ** 30, 20 * packedBytes);
}

/** The error of a compressed file that unpacks to more than `limit` bytes. */
export function unpacksTooFar(name: string, limit: number, received: number | string = "more"): LilawError {
  const expectation = `at most ${limit} unpacked bytes (option maxBytes raises it)`;
  return expected("INVALID_ARGUMENT", expectation, name, received);
}

/** Runs a reader of a file. Errors without a code become one `CORRUPT_FILE` that names the file. */
export async function parsing<T>(name: string, parse: () => T | Promise<T>): Promise<T> {
  try {
    return await parse();
  } catch (error) {
    throw unreadable("CORRUPT_FILE", name, error as Error);
  }
}

/** Returns `cause` where it has a code, else the error that `name` cannot be read. */
export function unreadable(code: "SOURCE_UNAVAILABLE" | "CORRUPT_FILE", name: string, cause: Error): Error {
  if (cause instanceof LilawError) return cause;
  const received = (cause as NodeJS.ErrnoException).code === "ENOENT" ? "no such file" : cause.message;
  const message = `Expected a readable file for ${name} but received ${received}`;
  return new LilawError(code, message, { cause });
}

/** Unpacks the first packed bytes. */
async function unpackedStart(path: string, packed: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  return parsing(path, async () => {
    for await (const chunk of inflate([packed])) return Uint8Array.from(chunk);
    return new Uint8Array();
  });
}

async function beginningOf(path: string): Promise<{ stats: Stats; start: Uint8Array<ArrayBuffer> }> {
  try {
    const stats = await stat(path);
    checkKind(path, stats);
    await using handle = await open(path);
    const start = new Uint8Array(Math.min(stats.size, chunkBytes));
    await handle.read(start, 0, start.length, 0);
    return { stats, start };
  } catch (error) {
    throw unreadable("SOURCE_UNAVAILABLE", path, error as Error);
  }
}

/** A text that differs after the file was written or replaced. */
function stateOf({ ino, size, mtimeMs }: Stats): string {
  return [ino, size, mtimeMs].join();
}

/** Opening a pipe would wait until something writes into it. */
function checkKind(path: string, stats: Stats): void {
  if (stats.isFile()) return;
  const [expectation, received] = stats.isDirectory()
    ? ["a file", "a folder"]
    : ["a file, which can be read twice,", "a pipe or a device"];
  throw expected("INVALID_ARGUMENT", expectation, path, received);
}
