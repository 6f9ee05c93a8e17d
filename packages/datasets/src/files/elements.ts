/** The form of an array's elements in its file, and how they are read. */
export interface ElementType {
  /** Bytes of one element. */
  size: number;
  /** Whether the values are unsigned bytes; in images these are brightness from 0 to 255. */
  isByte: boolean;
  /** Reads the numbers of a block. The block begins with an element, and its buffer may be overwritten. */
  numbers?: (block: Uint8Array<ArrayBuffer>) => ArrayLike<number>;
  /** Reads the texts of a block, for arrays of text; throws an ordinary error for bytes that are no text. */
  texts?: (block: Uint8Array<ArrayBuffer>) => string[];
}

type Numbers = (block: Uint8Array<ArrayBuffer>) => ArrayLike<number>;

const littleEndian: Record<string, Numbers> = {
  b1: (block) => Uint8Array.from(block, (byte) => (byte === 0 ? 0 : 1)),
  u1: (block) => block,
  i1: ({ buffer, length }) => new Int8Array(buffer, 0, length),
  u2: ({ buffer, length }) => new Uint16Array(buffer, 0, length / 2),
  i2: ({ buffer, length }) => new Int16Array(buffer, 0, length / 2),
  f2: ({ buffer, length }) => Float32Array.from(new Uint16Array(buffer, 0, length / 2), half),
  u4: ({ buffer, length }) => new Uint32Array(buffer, 0, length / 4),
  i4: ({ buffer, length }) => new Int32Array(buffer, 0, length / 4),
  f4: ({ buffer, length }) => new Float32Array(buffer, 0, length / 4),
  u8: ({ buffer, length }) => Float64Array.from(new BigUint64Array(buffer, 0, length / 8), Number),
  i8: ({ buffer, length }) => Float64Array.from(new BigInt64Array(buffer, 0, length / 8), Number),
  f8: ({ buffer, length }) => new Float64Array(buffer, 0, length / 8),
};

/** Numbers by the code that NumPy has for their kind and size, such as `f4`; undefined for other codes. */
export function numberType(code: string, bigEndian: boolean): ElementType | undefined {
  const numbers = Object.hasOwn(littleEndian, code) ? littleEndian[code] : undefined;
  if (numbers === undefined) return undefined;
  const size = Number(code[1]);
  return {
    size,
    isByte: code === "u1",
    numbers: bigEndian && size > 1 ? (block) => numbers(swapped(block, size)) : numbers,
  };
}

/** Text of a fixed number of characters, four bytes each (UTF-32), padded with zeros. */
export function unicodeType(length: number, bigEndian: boolean): ElementType {
  const size = 4 * length;
  return {
    size,
    isByte: false,
    texts: (block) => {
      const codes = new Uint32Array((bigEndian ? swapped(block, 4) : block).buffer, 0, block.length / 4);
      return Array.from({ length: block.length / size }, (_, i) => {
        const own = codes.subarray(i * length, (i + 1) * length);
        const text = String.fromCodePoint(...own.subarray(0, own.findLastIndex((code) => code !== 0) + 1));
        if (/\p{Surrogate}/u.test(text)) throw new Error("half of a surrogate pair");
        return text;
      });
    },
  };
}

/** Text of a fixed number of bytes, padded with zeros. */
export function bytesType(size: number): ElementType {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  return {
    size,
    isByte: false,
    texts: (block) =>
      Array.from({ length: block.length / size }, (_, i) => {
        const text = block.subarray(i * size, (i + 1) * size);
        return decoder.decode(text.subarray(0, text.findLastIndex((byte) => byte !== 0) + 1));
      }),
  };
}

/**
 * Cuts a stream of bytes into blocks of whole elements. All blocks share one buffer, and begin at its start.
 */
export class Blocks {
  readonly #size: number;
  readonly #visit: (block: Uint8Array<ArrayBuffer>) => void;
  readonly #buffer: Uint8Array<ArrayBuffer>;
  #used = 0;

  constructor(size: number, visit: (block: Uint8Array<ArrayBuffer>) => void) {
    this.#size = size;
    this.#visit = visit;
    this.#buffer = new Uint8Array(size * Math.max(1, Math.floor(2 ** 18 / size)));
  }

  add(chunk: Uint8Array): void {
    for (let start = 0; start < chunk.length; ) {
      const part = chunk.subarray(start, start + this.#buffer.length - this.#used);
      this.#buffer.set(part, this.#used);
      this.#used += part.length;
      start += part.length;
      if (this.#used === this.#buffer.length) this.#flush();
    }
  }

  /** Visits the last block. @returns the number of bytes left over, which make no whole element */
  end(): number {
    const odd = this.#used % this.#size;
    this.#used -= odd;
    if (this.#used > 0) this.#flush();
    return odd;
  }

  #flush(): void {
    this.#visit(this.#buffer.subarray(0, this.#used));
    this.#used = 0;
  }
}

/** Reverses the byte order of every element, in place. */
function swapped(block: Uint8Array<ArrayBuffer>, size: number): Uint8Array<ArrayBuffer> {
  const bytes = Buffer.from(block.buffer, 0, block.length);
  if (size === 2) bytes.swap16();
  else if (size === 4) bytes.swap32();
  else bytes.swap64();
  return block;
}

/** A number of half precision by its bits: sign, 5 bits of exponent, 10 of fraction. */
function half(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
