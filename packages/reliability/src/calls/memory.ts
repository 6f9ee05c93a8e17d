/** The arrays of a call, in memory whose every byte is checked. */
import type { Random } from "@lilaw/core";
import { FaultFound } from "../kind.js";

export type NumberArray =
  | Float32Array
  | Float64Array
  | Int32Array
  | Uint8Array
  | Int8Array
  | Int16Array
  | Uint16Array
  | Uint32Array
  | Uint8ClampedArray;
type ArrayType = new (buffer: ArrayBuffer, offset: number, length: number) => NumberArray;

/**
 * The layout of arrays: each in its own memory, all in one, in memory that threads share, or in memory that can grow.
 * Once V8 has seen memory that can grow, its optimised code keeps using the old length of an array whose memory was
 * detached (Node 20). So code that checks lengths in JavaScript is not tested with growing memory; code that asks
 * Node-API for lengths is.
 */
export const layouts = ["apart", "together", "shared"] as const;
export const nativeLayouts = [...layouts, "resizable"] as const;
export type Layout = (typeof nativeLayouts)[number];

const canary = 0xa5;
const gap = 16;

export class Memory {
  readonly #layout: Layout;
  readonly #random: Random;
  readonly #buffers: ArrayBuffer[] = [];
  #used = 0;
  #images: Uint8Array[] = [];

  constructor(layout: Layout, random: Random) {
    this.#layout = layout;
    this.#random = random;
  }

  /** An array between canaries, with these values. */
  place<A extends NumberArray>(values: A): A {
    const { BYTES_PER_ELEMENT: size } = values;
    const [buffer, start] = this.#room(values.byteLength + 2 * gap + 8);
    // Aligned only as far as its type needs.
    const offset = Math.ceil((start + gap + this.#random.int(8)) / size) * size;
    const array = new (values.constructor as ArrayType)(buffer, offset, values.length) as A;
    array.set(values as never);
    return array;
  }

  #room(bytes: number): [ArrayBuffer, number] {
    const last = this.#buffers.at(-1);
    if (this.#layout === "together" && last && this.#used + bytes <= last.byteLength) {
      this.#used += bytes;
      return [last, this.#used - bytes];
    }
    const size = this.#layout === "together" ? Math.max(bytes, 4096) : bytes;
    const buffer = this.#allocate(size);
    new Uint8Array(buffer).fill(canary);
    this.#buffers.push(buffer);
    this.#used = bytes;
    return [buffer, 0];
  }

  #allocate(size: number): ArrayBuffer {
    if (this.#layout === "shared") return new SharedArrayBuffer(size) as unknown as ArrayBuffer;
    if (this.#layout === "resizable") {
      const Resizable = ArrayBuffer as unknown as new (size: number, options: object) => ArrayBuffer;
      return new Resizable(size, { maxByteLength: 2 * size });
    }
    return new ArrayBuffer(size);
  }

  /** Remembers every byte. */
  remember(): void {
    this.#images = this.#buffers.map((buffer) => Uint8Array.from(new Uint8Array(buffer)));
  }

  /** Puts every byte back. */
  restore(): void {
    this.#buffers.forEach((buffer, i) => {
      if (buffer.byteLength === this.#images[i]!.length) new Uint8Array(buffer).set(this.#images[i]!);
    });
  }

  /** A copy of every byte as it is now. */
  image(): Uint8Array[] {
    return this.#buffers.map((buffer) => Uint8Array.from(new Uint8Array(buffer)));
  }

  /** @throws FaultFound when a byte outside of `outputs` has changed; detached memory is not checked */
  checkUntouched(outputs: readonly NumberArray[], when: string): void {
    this.#buffers.forEach((buffer, i) => {
      const expected = Uint8Array.from(this.#images[i]!);
      if (buffer.byteLength !== expected.length) return;
      const bytes = new Uint8Array(buffer);
      for (const out of outputs) {
        if (out.buffer !== buffer) continue;
        expected.set(bytes.subarray(out.byteOffset, out.byteOffset + out.byteLength), out.byteOffset);
      }
      if (Buffer.compare(bytes, expected) === 0) return;
      const at = bytes.findIndex((byte, k) => byte !== expected[k]);
      throw new FaultFound("silentDifferences", `${when}: byte ${at} of memory ${i} was written`);
    });
  }
}

/** @throws FaultFound unless both images are the same, bit for bit */
export function checkSameImages(a: readonly Uint8Array[], b: readonly Uint8Array[], when: string): void {
  a.forEach((bytes, i) => {
    if (Buffer.compare(bytes, b[i]!) !== 0) throw new FaultFound("silentDifferences", `${when}: other bits`);
  });
}
