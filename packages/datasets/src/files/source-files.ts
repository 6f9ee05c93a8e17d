/** The files that the samples of one split come from, and the checksum by which they are known again. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { access } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { expected } from "@lilaw/core";
import { chunkBytes, DataFile, unreadable } from "./data-file.js";
import { formatOf } from "./format.js";

/** A file of a source: its path, and its name within the source, which is the same on every machine. */
export interface SourceFile {
  path: string;
  name: string;
}

/** The samples of a split as they lie in files. */
export interface Source {
  /** Name of the file. */
  name: string;
  /** Hexadecimal checksum of its bytes. */
  sha256: string;
}

export interface SourceOptions {
  /** Label file of an IDX file. Default: the one beside it. */
  labels?: string;
  /** Stops the reading. */
  signal?: AbortSignal;
}

/**
 * Describes the files that `loadFiles` reads for a path, so that they can be known again. The checksum is that of the
 * file's bytes, as `sha256sum` prints it. Where several files belong together it is the checksum of the lines that
 * `sha256sum` prints for them: images in IDX, then their label file.
 *
 * @throws `SOURCE_UNAVAILABLE`, `INVALID_ARGUMENT` for a format that is not read, the signal's reason
 */
export async function sourceOf(path: string, options: SourceOptions = {}): Promise<Source> {
  const files = await sourceFiles(path, options.labels);
  const lines: string[] = [];
  for (const file of files) lines.push(`${await digestOf(file.path, options.signal)}  ${file.name}\n`);
  const sha256 =
    lines.length === 1 ? lines[0]!.slice(0, 64) : createHash("sha256").update(lines.join("")).digest("hex");
  return { name: basename(path), sha256 };
}

/** The files that the samples of one split come from; the one that is given is the first. */
export async function sourceFiles(path: string, labels?: string): Promise<SourceFile[]> {
  const file = await DataFile.open(path, {});
  const isAlone = formatOf(path, file.head) !== "idx";
  return [path, ...(isAlone ? [] : [labels ?? (await labelPathOf(path))])].map((one) => ({
    path: one,
    name: basename(one),
  }));
}

/**
 * The label file beside an IDX image file, packed or not.
 *
 * @throws `INVALID_ARGUMENT` where there is none
 */
export async function labelPathOf(path: string): Promise<string> {
  const name = basename(path).replace("images", "labels").replace("idx3", "idx1");
  const candidates = name.endsWith(".gz") ? [name, name.slice(0, -3)] : [name, `${name}.gz`];
  for (const candidate of candidates) {
    const labelPath = join(dirname(path), candidate);
    const exists = await access(labelPath).then(
      () => true,
      () => false,
    );
    if (exists && candidate !== basename(path)) return labelPath;
  }
  throw expected("INVALID_ARGUMENT", "a label file (option labels)", path, "none");
}

async function digestOf(path: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: chunkBytes })) {
      signal?.throwIfAborted();
      hash.update(chunk);
    }
  } catch (error) {
    signal?.throwIfAborted();
    throw unreadable("SOURCE_UNAVAILABLE", path, error as Error);
  }
  return hash.digest("hex");
}
