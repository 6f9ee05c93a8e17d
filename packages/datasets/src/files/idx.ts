import { expected } from "@lilaw/core";
import type { ArrayHeader, LoadedArray, NdArray } from "./arrays.js";
import type { DataFile } from "./data-file.js";
import { numberType } from "./elements.js";

/** Element types of the IDX format, by their code: all are big-endian. */
const elementCodes = new Map([
  [0x08, "u1"],
  [0x09, "i1"],
  [0x0b, "i2"],
  [0x0c, "i4"],
  [0x0d, "f4"],
  [0x0e, "f8"],
]);

/** Whether bytes begin like an IDX file: two zeros, an element type, a number of axes. */
export function isIdx(bytes: Uint8Array): boolean {
  return bytes[0] === 0 && bytes[1] === 0 && elementCodes.has(bytes[2] ?? 0) && (bytes[3] ?? 0) > 0;
}

/**
 * The header of an IDX file, the format of MNIST (yann.lecun.com/exdb/mnist): two zero bytes, the element type, the
 * number of axes, each axis as a big-endian uint32; the elements follow.
 *
 * @param length bytes of the header itself
 * @throws `CORRUPT_FILE` for other bytes
 */
export function parseIdxHeader(name: string, bytes: Uint8Array): ArrayHeader & { length: number } {
  const axes = bytes[3] ?? 0;
  const length = 4 + 4 * axes;
  if (!isIdx(bytes) || bytes.length < length) {
    throw expected("CORRUPT_FILE", "an IDX header", name, `${bytes.length} other bytes`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, length);
  const shape = Array.from({ length: axes }, (_, axis) => view.getUint32(4 + 4 * axis));
  return { name, shape, type: numberType(elementCodes.get(bytes[2]!)!, true)!, length };
}

/** @throws `CORRUPT_FILE` when header and length do not agree */
export function openIdx(file: DataFile): NdArray {
  const header = parseIdxHeader(file.path, file.head);
  const size = header.shape.reduce((a, b) => a * b, header.type.size) + header.length;
  if (!file.isPacked && file.size !== size) {
    const expectation = `${size} bytes of shape [${header.shape.join(", ")}]`;
    throw expected("CORRUPT_FILE", expectation, file.path, file.size);
  }
  const chunks = file.chunks();
  const headOf = (rows: number) => {
    const head = Buffer.from(file.head.subarray(0, header.length));
    head.writeUInt32BE(rows, 4);
    return head;
  };
  return { ...header, headOf, body: withoutStart(chunks, header.length), close: () => chunks.return() };
}

async function* withoutStart(chunks: AsyncIterable<Uint8Array>, length: number): AsyncGenerator<Uint8Array> {
  let left = length;
  for await (const chunk of chunks) {
    yield chunk.subarray(left);
    left = Math.max(0, left - chunk.length);
  }
}

/** An IDX file whose bytes are in memory. */
export function parseIdx(name: string, bytes: Uint8Array): LoadedArray {
  const header = parseIdxHeader(name, bytes);
  return { ...header, body: bytes.subarray(header.length) };
}
