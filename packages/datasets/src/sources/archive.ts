import { basename } from "node:path";
import { parseTar } from "nanotar";
import { atMost, collect, inflate } from "../files/inflate.js";
import { unzip } from "../files/zip.js";
import type { PinnedFile } from "./pinned.js";

/**
 * Unpacks a file if it is gzip. This is detected by content, because servers and people rename files.
 *
 * @throws an ordinary error when it is, or unpacks to, more than `limit` bytes
 */
export async function unpackGzip(bytes: Uint8Array, limit: number): Promise<Uint8Array> {
  const packed = bytes[0] === 0x1f && bytes[1] === 0x8b;
  return collect(
    atMost(packed ? inflate([bytes]) : [bytes], limit, () => new Error(`more than ${limit} bytes`)),
  );
}

/** The files of a ZIP archive that are pinned by name and size, by base name. Nothing else is unpacked. */
export async function unpackZip(
  archiveName: string,
  bytes: Uint8Array,
  files: readonly PinnedFile[],
): Promise<Map<string, Uint8Array>> {
  const left = new Map(files.map(({ name, size }) => [name, size]));
  const members = await unzip(archiveName, bytes, (path, size) => {
    // Each file is unpacked once: a small archive can list the same packed bytes any number of times.
    return left.get(basename(path)) === size && left.delete(basename(path));
  });
  return new Map([...members].map(([path, content]) => [basename(path), content]));
}

/** The files of a TAR archive, packed with gzip, that unpacks to at most `limit` bytes; by base name. */
export async function unpackTgz(bytes: Uint8Array, limit: number): Promise<Map<string, Uint8Array>> {
  const entries = parseTar(await unpackGzip(bytes, limit));
  return new Map(entries.flatMap(({ name, data }) => (data === undefined ? [] : [[basename(name), data]])));
}

/** No gzip file of `size` unpacked bytes needs to be larger. */
export function gzipBound(size: number): number {
  return size + Math.ceil(size / 1000) + 1024;
}
