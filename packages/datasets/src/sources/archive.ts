import { basename } from "node:path";
import { parseTar } from "nanotar";
import { unpackGzip } from "../files/read.js";
import { unzip } from "../files/zip.js";

/** Unpacks a downloaded file, by its name (`.tgz`, `.zip`, `.gz`, plain): bytes by base name. */
export async function unpack(file: string, bytes: Uint8Array): Promise<Map<string, Uint8Array>> {
  if (file.endsWith(".zip")) {
    const members = await unzip(file, bytes, (name) => !name.endsWith("/"));
    return new Map([...members].map(([name, content]) => [basename(name), content]));
  }
  const unpacked = await unpackGzip(file, bytes);
  if (!file.endsWith(".tgz")) return new Map([[file.replace(/\.gz$/, ""), unpacked]]);
  // A copy, since the library reads from the start of the underlying buffer.
  const entries = parseTar(Uint8Array.from(unpacked));
  return new Map(entries.flatMap(({ name, data }) => (data === undefined ? [] : [[basename(name), data]])));
}
