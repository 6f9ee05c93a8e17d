/** 2^26: a digit of a sum. */
const base = 67108864;
/** A digit takes this many additions of less than `base` each before it could pass 2^53. */
const mostAdditions = 2 ** 26;

/**
 * A sum of numbers in [0, 1] without rounding, so that it is the same in any order and merges exactly. Its digits are to the
 * base of 2^26; those below the smallest number added are absent.
 */
export class ExactSum {
  /** Digit i counts multiples of base^-i, and may be beyond `base` until it is carried. */
  readonly #digits: number[] = [0];
  #additions = 0;

  add(value: number): void {
    const digits = this.#digits;
    let rest = value;
    for (let i = 0; ; i++) {
      const whole = Math.floor(rest);
      if (i === digits.length) digits.push(0);
      digits[i]! += whole;
      rest -= whole;
      if (rest === 0) break;
      rest *= base; // exact, as is the subtraction
    }
    if (++this.#additions === mostAdditions) this.#carry();
  }

  merge(other: ExactSum): void {
    other.#carry();
    other.#digits.forEach((digit, i) => {
      this.#digits[i] = (this.#digits[i] ?? 0) + digit;
    });
    this.#carry();
  }

  /** The nearest number, or one beside it; the same for equal sums. */
  get value(): number {
    this.#carry();
    return this.#digits.reduceRight((sum, digit) => sum / base + digit, 0);
  }

  #carry(): void {
    const digits = this.#digits;
    for (let i = digits.length - 1; i > 0; i--) {
      const over = Math.floor(digits[i]! / base);
      digits[i]! -= over * base;
      digits[i - 1]! += over;
    }
    this.#additions = 1;
  }
}
