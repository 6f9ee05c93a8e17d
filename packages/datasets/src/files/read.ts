import { constants } from "node:buffer";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { expected, LilawError } from "@lilaw/core";

const gunzipAsync = promisify(gunzip);

/** How far a compressed file may unpack unless the caller says otherwise: 1 GiB, or 20 times its size. */
export function unpackLimit(packedBytes: number): number {
  return Math.max(2 ** 30, 20 * packedBytes);
}

/** The error of a compressed file that unpacks to more than `limit` bytes; `received` is what is known of its size. */
export function unpacksTooFar(name: string, limit: number, received: number | string = "more"): LilawError {
  return expected(
    "INVALID_ARGUMENT",
    `at most ${limit} unpacked bytes (option maxBytes raises it)`,
    name,
    received,
  );
}

/**
 * Bytes as they are, or unpacked when they are gzip: told by content, since servers and people rename files.
 *
 * @throws `INVALID_ARGUMENT` as soon as more than `maxBytes` are unpacked, zlib's own error for damaged bytes
 */
export async function unpackGzip(
  name: string,
  bytes: Uint8Array,
  maxBytes = unpackLimit(bytes.length),
): Promise<Uint8Array> {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  try {
    return await gunzipAsync(bytes, { maxOutputLength: Math.min(maxBytes, constants.MAX_LENGTH) });
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE"
      ? unpacksTooFar(name, maxBytes)
      : error;
  }
}

/** Reads one of the user's files, unpacked. */
export async function readData(path: string, maxBytes?: number): Promise<Uint8Array> {
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
  return parsing(path, () => unpackGzip(path, bytes, maxBytes));
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
