import { expected } from "@lilaw/core";

/**
 * Zeros for the features of `count` samples of `width` numbers.
 *
 * @throws `OUT_OF_MEMORY` before the operating system would end the process
 */
export function allocateFeatures(name: string, count: number, width: number): Float32Array<ArrayBuffer> {
  const bytes = 4 * count * width;
  const free = process.availableMemory();
  try {
    if (bytes <= free) return new Float32Array(count * width);
  } catch {
    // More elements than an array can have: the same error.
  }
  const need = `memory for ${count} samples of ${width} numbers (${bytes} bytes; fewer by select or dropColumns)`;
  throw expected("OUT_OF_MEMORY", need, name, `${free} bytes`);
}
