/** The files that the samples of one split come from, and the checksum by which they are known again. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { access, readFile, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { expected } from "@lilaw/core";
import { chunkBytes, DataFile, unreadable } from "./data-file.js";
import { formatOf } from "./format.js";
import { ImageFolder, isFolder } from "./image-folder.js";

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
  /** Label file of an IDX or NPY file. Default: the one beside it. */
  labels?: string;
  /** Stops the reading. */
  signal?: AbortSignal;
}

/**
 * Describes the files that `loadFiles` reads for a path, so that they can be known again. The checksum is that of the
 * file's bytes, as `sha256sum` prints it. Where several files belong together it is the checksum of the lines that
 * `sha256sum` prints for them: an IDX or NPY file, then its label file; the images of a folder in the order of their names.
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
  if (await isFolder(path)) {
    const folder = await ImageFolder.open(path, {});
    return folder.files.map((name) => ({ path: folder.pathOf(name), name }));
  }
  const { head } = await DataFile.open(path, {});
  const format = formatOf(path, head);
  const isAlone = format !== "idx" && format !== "npy";
  return [path, ...(isAlone ? [] : [labels ?? (await labelPathOf(path))])].map((one) => ({
    path: one,
    name: basename(one),
  }));
}

/**
 * The label file beside an IDX or NPY file, packed or not.
 *
 * @throws `INVALID_ARGUMENT` where there is none
 */
export async function labelPathOf(path: string): Promise<string> {
  const name = basename(path);
  const bare = name.replace(/\.gz$/i, "");
  const renamed = [
    bare.replace(/images|features|embeddings/i, "labels").replace("idx3", "idx1"),
    bare.replace(/(?<![a-z])x(?![a-z])/i, "y"),
  ].filter((other) => other !== bare);
  for (const candidate of renamed.flatMap((other) => [other, `${other}.gz`])) {
    const labelPath = join(dirname(path), candidate);
    const exists = await access(labelPath).then(
      () => true,
      () => false,
    );
    if (exists) return labelPath;
  }
  throw expected("INVALID_ARGUMENT", "a label file (option labels)", path, "none");
}

async function digestOf(path: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  signal?.throwIfAborted();
  try {
    // A stream takes several times as long for a small file, and a folder may hold a hundred thousand.
    const isSmall = (await stat(path)).size <= chunkBytes;
    const chunks = isSmall ? [await readFile(path)] : createReadStream(path, { highWaterMark: chunkBytes });
    for await (const chunk of chunks) {
      signal?.throwIfAborted();
      hash.update(chunk);
    }
  } catch (error) {
    signal?.throwIfAborted();
    throw unreadable("SOURCE_UNAVAILABLE", path, error as Error);
  }
  return hash.digest("hex");
}
