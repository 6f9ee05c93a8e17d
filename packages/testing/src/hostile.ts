import fc from "fast-check";

/** Values of every kind that JavaScript callers may pass by mistake. */
export const anything: fc.Arbitrary<unknown> = fc.oneof(
  fc.anything({
    withBigInt: true,
    withBoxedValues: true,
    withDate: true,
    withMap: true,
    withNullPrototype: true,
    withSet: true,
    withSparseArray: true,
    withTypedArray: true,
  }),
  fc.constantFrom<unknown>(
    ...[
      Symbol("s"),
      () => 1,
      Number.NaN,
      -0,
      2 ** 31,
      2 ** 53,
      Number.MAX_VALUE,
      Infinity,
      5n,
      new Date(Number.NaN),
    ],
    ...[new BigInt64Array(3), new DataView(new ArrayBuffer(3)), new Array(2 ** 32 - 1)],
    ...[{ length: 2 ** 40 }, { length: -1 }],
  ),
);

/** More often right than wrong, so that later checks of a call are reached too. */
export function mostly(right: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 5, arbitrary: right }, { weight: 1, arbitrary: anything });
}

/** The result of a call, or undefined where it refuses its arguments by an error with a code, as it should. */
export function answer<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch (error) {
    const { name, code, message } = error as { name?: unknown; code?: unknown; message?: unknown };
    const refused =
      name === "LilawError" && typeof code === "string" && String(message).startsWith("Expected ");
    if (refused) return undefined;
    throw error;
  }
}
