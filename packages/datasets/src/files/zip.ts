import { crc32 } from "node:zlib";
import { type Entry, fromBufferPromise, type ZipFile } from "yauzl";
import { unpackLimit, unpacksTooFar } from "./data-file.js";
import { collect } from "./inflate.js";

/**
 * Unpacks the members of a ZIP archive that `wanted` accepts by name and unpacked size.
 *
 * @returns bytes by member name
 * @throws `INVALID_ARGUMENT` when the archive says, before anything is unpacked, that the members have more than
 *   `maxBytes` together; an ordinary error for bytes that are no ZIP archive, or of which a size or checksum is wrong
 */
export async function unzip(
  archiveName: string,
  bytes: Uint8Array,
  wanted: (name: string, size: number) => boolean,
  maxBytes = unpackLimit(bytes.length),
): Promise<Map<string, Uint8Array>> {
  const archive = await fromBufferPromise(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  const members = new Map<string, Uint8Array>();
  let total = 0;
  for await (const entry of archive.eachEntry()) {
    if (!wanted(entry.fileName, entry.uncompressedSize)) continue;
    total += entry.uncompressedSize;
    if (total > maxBytes) throw unpacksTooFar(archiveName, maxBytes, total);
    members.set(entry.fileName, await collect(memberChunks(archive, entry)));
  }
  return members;
}

/**
 * The unpacked bytes of one member.
 *
 * @throws an ordinary error when their number or their checksum is not what the archive says
 */
export async function* memberChunks(
  archive: ZipFile,
  entry: Entry,
): AsyncGenerator<Uint8Array, void, undefined> {
  let checksum = 0;
  // The library ends a stream that holds more than the archive says.
  for await (const chunk of await archive.openReadStreamPromise(entry)) {
    // The library checks sizes, not contents.
    checksum = crc32(chunk, checksum);
    yield chunk;
  }
  if (checksum !== entry.crc32) throw new Error(`a wrong CRC-32 for ${entry.fileName}`);
}
