import { uniformFloat64 } from "pure-rand/distribution/uniformFloat64";
import { uniformInt } from "pure-rand/distribution/uniformInt";
import { xoroshiro128plusFromState } from "pure-rand/generator/xoroshiro128plus";
import { expected } from "./errors.js";

/** The whole state of a {@link Random}: four 32-bit integers, safe to store as JSON. */
export type RandomState = readonly [number, number, number, number];

/**
 * A seeded random stream (xoroshiro128+).
 *
 * Every use draws from a stream of its own, named by a path: `Random.from(seed, "shuffle", epoch)`.
 * Streams of different paths are independent, so adding a draw in one place changes no number elsewhere,
 * and most uses need no saved state: the path identifies the stream.
 */
export class Random {
  readonly #generator: ReturnType<typeof xoroshiro128plusFromState>;

  private constructor(state: RandomState) {
    this.#generator = xoroshiro128plusFromState(state);
  }

  /** The stream of `seed` (an integer) and a path of names and integers. */
  static from(seed: number, ...path: readonly (string | number)[]): Random {
    if (!Number.isSafeInteger(seed)) throw expected("INVALID_ARGUMENT", "an integer", "seed", seed);
    for (const part of path) {
      if (typeof part !== "string" && typeof part !== "number")
        throw expected("INVALID_ARGUMENT", "names and integers", "path", part);
    }
    return new Random(hash(JSON.stringify([seed, ...path])));
  }

  /** The stream that continues from a saved {@link state}. */
  static fromState(state: RandomState): Random {
    if (!Array.isArray(state) || state.length !== 4 || !state.every(Number.isInteger)) {
      throw expected("INCOMPATIBLE_STATE", "four integers", "the random state", state);
    }
    return new Random(state);
  }

  get state(): RandomState {
    const [a, b, c, d] = this.#generator.getState();
    return [a!, b!, c!, d!];
  }

  /** A uniform number in [0, 1), 53 random bits. */
  uniform(): number {
    return uniformFloat64(this.#generator);
  }

  /** A uniform integer in [0, n), without bias. */
  int(n: number): number {
    if (!Number.isSafeInteger(n) || n < 1)
      throw expected("INVALID_ARGUMENT", "an integer of at least 1", "n", n);
    return uniformInt(this.#generator, 0, n - 1);
  }

  /** A standard exponential number. Normalised, k of them are a Dirichlet(1, …, 1) draw. */
  exponential(): number {
    return -Math.log1p(-this.uniform());
  }

  /** A standard normal number (Box-Muller; the second value is dropped so that the stream has no hidden state). */
  normal(): number {
    const radius = Math.sqrt(2 * this.exponential());
    return radius * Math.cos(2 * Math.PI * this.uniform());
  }

  /** Shuffles `items` in place (Fisher-Yates) and returns it. */
  shuffle<T extends { length: number; [index: number]: unknown }>(items: T): T {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.int(i + 1);
      const held = items[i];
      items[i] = items[j];
      items[j] = held;
    }
    return items;
  }

  /** The integers 0 … n-1 in random order. */
  permutation(n: number): Int32Array {
    if (!Number.isSafeInteger(n) || n < 0 || n >= 2 ** 31)
      throw expected("INVALID_ARGUMENT", "an integer in [0, 2^31)", "n", n);
    return this.shuffle(Int32Array.from({ length: n }, (_, i) => i));
  }
}

/** 128 bits from a string: four multiply-xor lanes over its UTF-16 units, then avalanche mixing across lanes. */
function hash(text: string): RandomState {
  const lanes = [0x9e3779b9, 0x243f6a88, 0xb7e15162, 0x6a09e667];
  const factors = [0x85ebca6b, 0xc2b2ae35, 0x27d4eb2f, 0x165667b1];
  for (let i = 0; i < text.length; i++) {
    for (let k = 0; k < 4; k++) {
      lanes[k] = Math.imul(lanes[k]! ^ text.charCodeAt(i), factors[k]!);
      lanes[k] ^= lanes[k]! >>> 15;
    }
  }
  for (let round = 0; round < 4; round++) {
    for (let k = 0; k < 4; k++) {
      let x = lanes[k]! ^ lanes[(k + 1) % 4]!;
      x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
      x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
      lanes[k] = x ^ (x >>> 16);
    }
  }
  // The generator cannot leave the state of all zeros, so the last bit is set.
  return [lanes[0]! | 0, lanes[1]! | 0, lanes[2]! | 0, lanes[3]! | 1];
}
