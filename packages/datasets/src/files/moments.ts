/**
 * Mean and standard deviation of numbers given one by one, whatever their size: sums are of differences to the first
 * number, which keeps digits, in a unit near their size, whose squares neither overflow nor vanish. The unit is a power
 * of two, so that it changes no digit.
 */
export class Moments {
  #count = 0;
  #first = 0;
  #sum = 0;
  #squares = 0;
  /** 0 until two numbers differ. */
  #unit = 0;
  #inverse = 0;
  #limit = 0;

  get count(): number {
    return this.#count;
  }

  add(value: number): void {
    if (this.#count++ === 0) this.#first = value;
    // Half of the difference, since the difference of two doubles may overflow.
    const half = value / 2 - this.#first / 2;
    if (Math.abs(half) > this.#limit) this.#grow(Math.abs(half));
    const difference = half * this.#inverse;
    this.#sum += difference;
    this.#squares += difference * difference;
  }

  /** NaN where there are no numbers. */
  get mean(): number {
    return 2 * (this.#first / 2 + (this.#sum / this.#count) * this.#unit);
  }

  /** Of the numbers themselves, so that it is exactly 0 where they are all the same. */
  get deviation(): number {
    const variance = (this.#squares - this.#sum ** 2 / this.#count) / this.#count;
    return 2 * Math.sqrt(Math.max(variance, 0)) * this.#unit;
  }

  /** Takes a unit near `size`, and brings the sums to it. */
  #grow(size: number): void {
    const exponent = Math.min(1000, Math.max(-1000, Math.floor(Math.log2(size))));
    const unit = 2 ** exponent;
    const ratio = this.#unit / unit;
    this.#sum *= ratio;
    // Multiplied one after the other: the square of the ratio alone may underflow where the product does not.
    this.#squares = this.#squares * ratio * ratio;
    this.#unit = unit;
    this.#inverse = 2 ** -exponent;
    // 2 ** 31 squares below this one's have a finite sum.
    this.#limit = Math.min(unit * 2 ** 480, Number.MAX_VALUE);
  }
}
