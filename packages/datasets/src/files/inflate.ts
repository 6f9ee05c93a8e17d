import { pipeline, Readable } from "node:stream";
import { createGunzip } from "node:zlib";

/** Bytes in pieces, as they arrive. */
export type Chunks = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/**
 * Passes chunks on as long as they hold at most `limit` bytes together. The chunk that goes beyond is not passed on:
 * what `tooMany` makes is thrown in its place, and the source is closed.
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
 * Unpacks gzip piece by piece. A few kilobytes may unpack to gigabytes, so never without {@link atMost} around it:
 * nothing more is unpacked once the reader stops.
 */
export function inflate(packed: Chunks): AsyncIterable<Uint8Array> {
  // The callback is there so that an error of the source does not go unhandled: the reader of the result gets it.
  return pipeline(Readable.from(packed), createGunzip({ chunkSize: 1 << 16 }), () => {});
}

/** Puts chunks together, into an array with a buffer of its own. */
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
