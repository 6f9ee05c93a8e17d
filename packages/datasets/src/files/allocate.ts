import { expected } from "@lilaw/core";

/**
 * Allocates zeros for the features of `count` samples of `width` numbers each.
 *
 * @throws `OUT_OF_MEMORY` where they would not fit into the memory of the machine, before the operating system ends the
 *   process
 */
export function allocateFeatures(name: string, count: number, width: number): Float32Array<ArrayBuffer> {
  const bytes = 4 * count * width;
  const free = process.availableMemory();
  try {
    if (bytes <= free) return new Float32Array(count * width);
  } catch {
    // An array cannot have that many elements.
  }
  const need = `memory for ${count} samples of ${width} numbers (${bytes} bytes; fewer by select or dropColumns)`;
  throw expected("OUT_OF_MEMORY", need, name, `${free} bytes`);
}
