import { pipeline, Readable } from "node:stream";
import { createGunzip } from "node:zlib";

/** Bytes in pieces, as they arrive. */
export type Chunks = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/**
 * Yields chunks while they hold at most `limit` bytes together. In place of the chunk that exceeds the limit, the
 * error of `tooMany` is thrown and the source is closed.
 */
export async function* atMost(
  chunks: Chunks,
  limit: number,
  tooMany: () => Error,
): AsyncGenerator<Uint8Array, void, undefined> {
  let received = 0;
  for await (const chunk of chunks) {
    received += chunk.length;
    if (received > limit) throw tooMany();
    yield chunk;
  }
}

/**
 * Unpacks gzip piece by piece. A few kilobytes may unpack to gigabytes, so always wrap it in {@link atMost}: nothing
 * more is unpacked once the reader stops.
 */
export function inflate(packed: Chunks): AsyncIterable<Uint8Array> {
  // The empty callback keeps an error of the source from being unhandled; the reader of the result receives it.
  return pipeline(Readable.from(packed), createGunzip({ chunkSize: 1 << 16 }), () => {});
}

/** Joins chunks into an array with its own buffer. */
export async function collect(chunks: Chunks): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
