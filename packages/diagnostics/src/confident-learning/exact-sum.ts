/** 2^26: a digit of a sum. */
const base = 67108864;
/** Digits of the smallest number above 0, 2^-1074, and one before the point. */
const mostDigits = 43;
/** A digit takes this many additions of less than `base` each before it could pass 2^53. */
const mostAdditions = 2 ** 26;

/** A sum of numbers in [0, 1] without rounding, so that it is the same in any order and merges exactly. */
export class ExactSum {
  /** Digit i counts multiples of base^-i, and may be beyond `base` until it is carried. */
  readonly #digits = new Float64Array(mostDigits);
  #additions = 0;

  add(value: number): void {
    const digits = this.#digits;
    // Each step is exact: the product by a power of 2, the integer below it, and the difference.
    for (let i = 0, rest = value; rest !== 0; i++, rest *= base) {
      const digit = rest | 0;
      digits[i]! += digit;
      rest -= digit;
    }
    if (++this.#additions === mostAdditions) this.#carry();
  }

  merge(other: ExactSum): void {
    this.#carry();
    other.#carry();
    for (let i = 0; i < mostDigits; i++) this.#digits[i]! += other.#digits[i]!;
    this.#carry();
  }

  /** The nearest number, or one beside it; the same for equal sums. */
  get value(): number {
    this.#carry();
    return this.#digits.reduceRight((sum, digit) => sum / base + digit, 0);
  }

  #carry(): void {
    const digits = this.#digits;
    for (let i = mostDigits - 1; i > 0; i--) {
      const over = Math.floor(digits[i]! / base);
      digits[i]! -= over * base;
      digits[i - 1]! += over;
    }
    this.#additions = 1;
  }
}
