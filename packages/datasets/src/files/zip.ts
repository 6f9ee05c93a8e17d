import { buffer } from "node:stream/consumers";
import { crc32 } from "node:zlib";
import { fromBufferPromise } from "yauzl";

/**
 * Unpacks the members of a ZIP archive that `wanted` accepts.
 *
 * @returns bytes by member name
 * @throws an ordinary error for bytes that are no ZIP archive, or of which a checksum is wrong
 */
export async function unzip(
  bytes: Uint8Array,
  wanted: (name: string) => boolean,
): Promise<Map<string, Uint8Array>> {
  const archive = await fromBufferPromise(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  const members = new Map<string, Uint8Array>();
  for await (const entry of archive.eachEntry()) {
    if (!wanted(entry.fileName)) continue;
    const content = await buffer(await archive.openReadStreamPromise(entry));
    // The library checks sizes, not contents.
    if (crc32(content) !== entry.crc32) throw new Error(`a wrong CRC-32 for ${entry.fileName}`);
    members.set(entry.fileName, content);
  }
  return members;
}
