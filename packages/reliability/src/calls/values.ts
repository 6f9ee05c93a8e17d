/** Random arguments of calls. */
import type { Random } from "@lilaw/core";
import fc from "fast-check";

const largest = 3.4028234663852886e38;
const specials = [
  ...[Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, -0, 1e-45, -1e-45, 1e-40, 1.2e-38],
  ...[largest, -largest, 1e30, -1e30, 88.8, -104, 1, -1, 16_777_217, 0.1],
];
const finiteSpecials = specials.filter(Number.isFinite);

/** The kinds of random logits. */
export const logitKinds = ["usual", "wide", "confident", "ties", "finite", "special"] as const;
export type LogitKind = (typeof logitKinds)[number];

export function logits(kind: LogitKind, rows: number, classes: number, random: Random): Float32Array {
  const values = new Float32Array(rows * classes);
  const scale = kind === "wide" ? 10 ** (4 * random.uniform()) : 8 * random.uniform();
  for (let i = 0; i < values.length; i++) values[i] = scale * random.normal();
  if (kind === "confident") {
    for (let row = 0; row < rows; row++)
      values[row * classes + random.int(classes)] = 8 + 60 * random.uniform();
  }
  if (kind === "ties") {
    const some = [random.normal(), random.normal()];
    values.forEach((_, i) => {
      values[i] = some[random.int(2)]!;
    });
  }
  if (kind === "finite" || kind === "special") {
    const pool = kind === "finite" ? finiteSpecials : specials;
    const share = random.uniform();
    values.forEach((_, i) => {
      if (random.uniform() < share * share) values[i] = pick(random, pool);
    });
  }
  return values;
}

export const pick = <T>(random: Random, items: readonly T[]): T => items[random.int(items.length)]!;

export const chance = (random: Random, probability: number): boolean => random.uniform() < probability;

/** A size from 1 to `most`; small sizes are the most frequent. */
export const size = (random: Random, most: number): number =>
  Math.max(1, Math.min(most, Math.round(most ** (random.uniform() ** 1.5))));

/** Thrown by getters and proxies of the tests; calls may pass it on unchanged. */
export class OwnError extends Error {}

function circular(): object {
  const object: Record<string, unknown> = { kind: "focal", gamma: 1n };
  object.self = object;
  return object;
}

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

function detached(): Float32Array {
  const array = new Float32Array(8);
  structuredClone(array.buffer, { transfer: [array.buffer] });
  return array;
}

/** Values that should never be passed; the same ones in every process. */
export const strange: readonly unknown[] = [
  ...[null, true, false, "", "auto", "0", "x".repeat(100_000), "cross-entropy ", Symbol("s"), 1n, 2n ** 70n],
  ...[0, -0, -1, 1.5, 1e308, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY, 5e-324],
  ...[
    {},
    [],
    [1, 2, 3],
    () => 1,
    async () => 1,
    class {},
    new Date(Number.NaN),
    /x/,
    new Map(),
    new Error("e"),
  ],
  ...[circular(), revoked(), detached(), Object.create(null), Promise.resolve(1), new WeakMap()],
  ...[new ArrayBuffer(16), new SharedArrayBuffer(16), new DataView(new ArrayBuffer(16))],
  ...[
    new Float32Array(0),
    new Float64Array(3),
    new BigInt64Array(3),
    new Uint8ClampedArray(3),
    Buffer.alloc(4),
  ],
  ...[
    new Proxy(new Float32Array(4), {}),
    new Proxy({}, { get: () => undefined }),
    Object.create(new Float32Array(4)),
  ],
  ...[
    { kind: "focal" },
    { kind: "focal", gamma: -1 },
    { kind: "regression", range: 0 },
    { kind: "no" },
    { kind: 1n },
  ],
  ...[
    { kind: "label-smoothing", smoothing: 1 },
    { alpha: 1n, beta: {}, delta: [] },
    { length: 3 },
    { length: -1 },
  ],
  { toString: null, valueOf: null, constructor: null },
  { [Symbol.toPrimitive]: () => ({}) },
  { constructor: { name: Symbol("name") } },
  new Proxy(
    {},
    {
      get() {
        throw new OwnError("a getter");
      },
    },
  ),
  ...fc.sample(
    fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withNullPrototype: true,
      withSparseArray: true,
      withTypedArray: true,
    }),
    {
      seed: 1,
      numRuns: 300,
    },
  ),
].filter((value) => value !== undefined);
