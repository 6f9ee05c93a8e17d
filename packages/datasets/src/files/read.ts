import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { expected, LilawError } from "@lilaw/core";

const gunzipAsync = promisify(gunzip);

/** Bytes as they are, or unpacked when they are gzip: told by content, since servers and people rename files. */
export async function unpackGzip(bytes: Uint8Array): Promise<Uint8Array> {
  return bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipAsync(bytes) : bytes;
}

/** Reads one of the user's files, unpacked. */
export async function readData(path: string): Promise<Uint8Array> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    throw new LilawError(
      "SOURCE_UNAVAILABLE",
      `Expected a readable file for ${path} but received ${(cause as Error).message}`,
      { cause },
    );
  }
  return parsing(path, () => unpackGzip(bytes));
}

/** Runs a parser on behalf of a file: whatever it throws becomes one `CORRUPT_FILE` that names the file. */
export async function parsing<T>(path: string, parse: () => T | Promise<T>): Promise<T> {
  try {
    return await parse();
  } catch (cause) {
    if (cause instanceof LilawError) throw cause;
    throw new LilawError(
      "CORRUPT_FILE",
      `Expected a readable file for ${path} but received ${(cause as Error).message}`,
      { cause },
    );
  }
}

/** Text of a file; other encodings than UTF-8 would turn into wrong categories without a word. */
export function decodeText(path: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw expected("CORRUPT_FILE", "UTF-8 text", path, "other bytes");
  }
}
