import { type ErrorCode, expected, LilawError } from "@lilaw/core";

/** True flags of samples, one per score: 1 or `true` where the sample is what the score looks for, else 0 or `false`. */
export type Flags = ArrayLike<number | boolean>;

/**
 * An array of numbers: a typed one as it is, any other copied as it is checked, so that getters run once.
 *
 * @throws `INVALID_ARGUMENT`
 */
export function numbersOf(values: ArrayLike<number>, name: string): ArrayLike<number> {
  if (isTyped(values)) return values;
  return copyOf(values, name, "a number", (value) => (typeof value === "number" ? value : undefined));
}

/** @throws `INVALID_ARGUMENT` for other values than 0, 1, false and true */
export function flagsOf(values: Flags, name: string): ArrayLike<number> {
  return copyOf(values, name, "0, 1, false or true", (value) => {
    if (value === true || value === 1) return 1;
    return value === false || value === 0 ? 0 : undefined;
  });
}

/** Integers from 0 to `last`. @throws the error of this `code` */
export function indicesOf(
  values: ArrayLike<number>,
  name: string,
  last: number,
  code: ErrorCode = "INVALID_ARGUMENT",
): ArrayLike<number> {
  const numbers = numbersOf(values, name);
  for (let i = 0; i < numbers.length; i++) {
    const value = numbers[i]!;
    if (!Number.isInteger(value) || value < 0 || value > last)
      throw expected(code, `an integer from 0 to ${last}`, `${name}[${i}]`, value);
  }
  return numbers;
}

/** Refuses arrays that must describe the same samples and do not. */
export function sameLength(a: ArrayLike<unknown>, aName: string, b: ArrayLike<unknown>, bName: string): void {
  if (a.length !== b.length) {
    throw new LilawError(
      "LENGTH_MISMATCH",
      `Expected as many entries for ${aName} as for ${bName} but received ${a.length} and ${b.length}`,
    );
  }
}

function isTyped(values: unknown): boolean {
  if (!ArrayBuffer.isView(values) || values instanceof DataView) return false;
  return !(values instanceof BigInt64Array || values instanceof BigUint64Array);
}

/** @param read returns undefined for values that do not meet `expectation` */
function copyOf(
  values: ArrayLike<unknown>,
  name: string,
  expectation: string,
  read: (value: unknown) => number | undefined,
): number[] {
  const length = lengthOf(values);
  if (!Number.isSafeInteger(length) || length! < 0 || values instanceof DataView)
    throw expected("INVALID_ARGUMENT", `an array (each value ${expectation})`, name, values);
  const copy: number[] = [];
  // The array grows step by step: an object can claim any length, and the first missing value ends the loop.
  for (let i = 0; i < length!; i++) {
    const value = values[i];
    const number = read(value);
    if (number === undefined) throw expected("INVALID_ARGUMENT", expectation, `${name}[${i}]`, value);
    copy.push(number);
  }
  return copy;
}

/** Undefined for anything that has none, such as a proxy of a typed array. */
function lengthOf(values: ArrayLike<unknown>): number | undefined {
  if (typeof values !== "object" || values === null) return undefined;
  try {
    return values.length;
  } catch {
    return undefined;
  }
}
