import { buffer } from "node:stream/consumers";
import { crc32 } from "node:zlib";
import { fromBufferPromise } from "yauzl";
import { unpackLimit, unpacksTooFar } from "./read.js";

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
    // The library ends a stream that holds more than the archive says.
    const content = await buffer(await archive.openReadStreamPromise(entry));
    // The library checks sizes, not contents.
    if (crc32(content) !== entry.crc32) throw new Error(`a wrong CRC-32 for ${entry.fileName}`);
    members.set(entry.fileName, content);
  }
  return members;
}
