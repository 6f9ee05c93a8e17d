import { expected } from "@lilaw/core";
import type { NdArray } from "./arrays.js";

/** Element types of the IDX format, by their code: all are big-endian. */
const elementTypes = new Map<number, { size: number; read(view: DataView, offset: number): number }>([
  [0x08, { size: 1, read: (view, offset) => view.getUint8(offset) }],
  [0x09, { size: 1, read: (view, offset) => view.getInt8(offset) }],
  [0x0b, { size: 2, read: (view, offset) => view.getInt16(offset) }],
  [0x0c, { size: 4, read: (view, offset) => view.getInt32(offset) }],
  [0x0d, { size: 4, read: (view, offset) => view.getFloat32(offset) }],
  [0x0e, { size: 8, read: (view, offset) => view.getFloat64(offset) }],
]);

/** Whether bytes begin as an IDX file does: two zeros, an element type, a number of axes. */
export function isIdx(bytes: Uint8Array): boolean {
  return bytes[0] === 0 && bytes[1] === 0 && elementTypes.has(bytes[2] ?? 0) && (bytes[3] ?? 0) > 0;
}

/**
 * Reads an IDX file, the format of MNIST (yann.lecun.com/exdb/mnist): two zero bytes, the element type, the
 * number of axes, each axis as a big-endian uint32, the elements.
 *
 * @throws `CORRUPT_FILE` when header and length do not agree
 */
export function parseIdx(name: string, bytes: Uint8Array): NdArray {
  const type = elementTypes.get(bytes[2] ?? 0);
  const axes = bytes[3] ?? 0;
  const header = 4 + 4 * axes;
  if (!isIdx(bytes) || type === undefined || bytes.length < header) {
    throw expected("CORRUPT_FILE", "an IDX header", name, `${bytes.length} other bytes`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const shape = Array.from({ length: axes }, (_, axis) => view.getUint32(4 + 4 * axis));
  const length = shape.reduce((a, b) => a * b, 1);
  if (bytes.length !== header + length * type.size) {
    const expectation = `${header + length * type.size} bytes of shape [${shape.join(", ")}]`;
    throw expected("CORRUPT_FILE", expectation, name, bytes.length);
  }
  // Byte files, the big ones, need no copy.
  const data =
    bytes[2] === 0x08
      ? bytes.subarray(header)
      : Float64Array.from({ length }, (_, i) => type.read(view, header + i * type.size));
  return { name, data, shape, bytes: bytes[2] === 0x08 };
}
