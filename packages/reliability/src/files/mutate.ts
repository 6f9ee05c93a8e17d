/** The ways to damage files. */
import type { Random } from "@lilaw/core";
import { chance, pick } from "../calls/values.js";

type Mutation = (bytes: Uint8Array, random: Random) => Uint8Array;

const longest = 1 << 19;
const encoder = new TextEncoder();

const join = (...parts: readonly Uint8Array[]): Uint8Array => Buffer.concat(parts).subarray(0, longest);
const noise = (random: Random, length: number) => Uint8Array.from({ length }, () => random.int(256));

/** Two places of a file in order. */
function span(bytes: Uint8Array, random: Random, most = bytes.length): [number, number] {
  const start = random.int(bytes.length + 1);
  return [start, Math.min(bytes.length, start + random.int(most + 1))];
}

function edited(bytes: Uint8Array, edit: (copy: Uint8Array) => void): Uint8Array {
  const copy = Uint8Array.from(bytes);
  if (copy.length > 0) edit(copy);
  return copy;
}

/** Numbers that are wrong in headers, counts and sizes. */
const counts = [0, 1, 0xff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff, 0x10000, 12, 255, 1000];

const anywhere: readonly Mutation[] = [
  // Bits
  (bytes, random) =>
    edited(bytes, (copy) => {
      for (let n = pick(random, [1, 1, 1, 2, 8]); n > 0; n--)
        copy[random.int(copy.length)]! ^= 1 << random.int(8);
    }),
  // Bytes
  (bytes, random) =>
    edited(bytes, (copy) => {
      copy[random.int(copy.length)] = pick(random, [0, 0xff, 0x7f, 0x80, 0x20, random.int(256)]);
    }),
  // The end is gone
  (bytes, random) => bytes.subarray(0, random.int(bytes.length + 1)),
  // Something more at the end
  (bytes, random) =>
    join(bytes, pick(random, [noise(random, random.int(40)), new Uint8Array(random.int(40)), bytes])),
  // A part is gone, twice there, elsewhere, or something else
  (bytes, random) => {
    const [start, end] = span(bytes, random, 64);
    return join(bytes.subarray(0, start), bytes.subarray(end));
  },
  (bytes, random) => {
    const [start, end] = span(bytes, random);
    const [at] = span(bytes, random);
    return join(bytes.subarray(0, at), bytes.subarray(start, end), bytes.subarray(at));
  },
  (bytes, random) =>
    edited(bytes, (copy) => {
      const [start, end] = span(bytes, random, 64);
      copy.copyWithin(random.int(copy.length), start, end);
    }),
  (bytes, random) =>
    edited(bytes, (copy) => {
      const [start, end] = span(bytes, random, 64);
      copy.set(noise(random, end - start), start);
    }),
  // Two blocks change places
  (bytes, random) =>
    edited(bytes, (copy) => {
      const size = 1 + random.int(Math.max(1, Math.min(64, copy.length >> 1)));
      const [a, b] = [random.int(copy.length - size + 1), random.int(copy.length - size + 1)];
      const held = copy.slice(a, a + size);
      copy.copyWithin(a, b, b + size);
      copy.set(held, b);
    }),
  // A part many times over
  (bytes, random) => {
    const [start, end] = span(bytes, random, 16);
    const times = pick(random, [10, 10, 100, 100, 2000]);
    return join(
      bytes.subarray(0, start),
      ...Array<Uint8Array>(times).fill(bytes.subarray(start, end)),
      bytes.subarray(end),
    );
  },
  // The header, and counts anywhere, of any size
  (bytes, random) =>
    edited(bytes, (copy) => {
      copy[random.int(Math.min(copy.length, 128))] = random.int(256);
    }),
  (bytes, random) =>
    edited(bytes, (copy) => {
      const view = new DataView(copy.buffer);
      const width = pick(random, [1, 2, 4]) as 1 | 2 | 4;
      if (copy.length < width) return;
      const reach = chance(random, 0.7) ? Math.min(copy.length, 128) : copy.length;
      const at = random.int(Math.max(1, reach - width + 1));
      const little = chance(random, 0.5);
      const count = pick(random, counts);
      if (width === 1) view.setUint8(at, count);
      else if (width === 2) view.setUint16(at, count, little);
      else view.setUint32(at, count, little);
    }),
];

const numbers = [
  ...[
    "-1",
    "0",
    "00",
    "1e999",
    "-1e999",
    "1e-400",
    "NaN",
    "nan",
    "Infinity",
    "0x10",
    "1_000",
    "1,5",
    "1.5.2",
    "",
    "+",
    ".",
  ],
  ...[
    "99999999999999999999",
    "2147483648",
    "4294967296",
    "1e308",
    "3.5e38",
    "null",
    "true",
    "?",
    "NA",
    " ",
    "٣",
    "1n",
  ],
];
const marks = [
  '"',
  "'",
  "`",
  ",",
  ";",
  "\t",
  "\n",
  "\r",
  "\r\n",
  "\0",
  "\\",
  "{",
  "}",
  "[",
  "]",
  ":",
  "%",
  "@",
  "=",
  "\u00a0",
  "\ufeff",
  "💥",
];

const inText: readonly Mutation[] = [
  // A number becomes another one, or none
  (bytes, random) => {
    const text = Buffer.from(bytes).toString("latin1");
    const found = [...text.matchAll(/[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?/gi)];
    if (found.length === 0) return bytes;
    const match = pick(random, found);
    const end = match.index + match[0].length;
    return join(bytes.subarray(0, match.index), encoder.encode(pick(random, numbers)), bytes.subarray(end));
  },
  // Characters with a meaning
  (bytes, random) => {
    const [at, end] = span(bytes, random, chance(random, 0.5) ? 0 : 1);
    return join(bytes.subarray(0, at), encoder.encode(pick(random, marks)), bytes.subarray(end));
  },
  // Very deep, very long
  (bytes, random) => {
    const [at] = span(bytes, random, 0);
    const mark = pick(random, [
      "[",
      "{",
      '{"a":',
      "(",
      '"',
      "'",
      "9",
      "a",
      " ",
      ",",
      "\\",
      "'a',",
      "\n",
      "1e",
      "-",
    ]);
    return join(
      bytes.subarray(0, at),
      encoder.encode(mark.repeat(chance(random, 0.05) ? 100_000 : pick(random, [50, 3000]))),
      bytes.subarray(at),
    );
  },
  // Two lines change places, or one is gone
  (bytes, random) => {
    const lines = Buffer.from(bytes).toString("latin1").split("\n");
    const [a, b] = [random.int(lines.length), random.int(lines.length)];
    if (chance(random, 0.5)) [lines[a], lines[b]] = [lines[b]!, lines[a]!];
    else lines.splice(a, 1);
    return Buffer.from(lines.join("\n"), "latin1");
  },
];

const values = [
  null,
  true,
  "",
  "x",
  -1,
  0,
  1,
  1.5,
  1e308,
  2 ** 53,
  [],
  {},
  [null],
  "../..",
  "1",
  { length: 3 },
  [[]],
];

/** Changes or removes a value, a key or an entry somewhere in a JSON document. */
const inJson: Mutation = (bytes, random) => {
  let document: unknown;
  try {
    document = JSON.parse(Buffer.from(bytes).toString());
  } catch {
    return bytes;
  }
  return encoder.encode(`${JSON.stringify(otherJson(document, random), null, 2)}\n`);
};

function otherJson(value: unknown, random: Random): unknown {
  const keys = typeof value === "object" && value !== null ? Object.keys(value) : [];
  if (keys.length === 0 || chance(random, 0.1)) return pick(random, values);
  const key = pick(random, keys);
  const bag = (Array.isArray(value) ? [...value] : { ...(value as object) }) as Record<string, unknown>;
  const what = random.int(6);
  if (what === 0) delete bag[key];
  else if (what === 1) bag[pick(random, ["__proto__", "constructor", `${key} `, "x"])] = bag[key];
  else if (what === 2) bag[key] = bag[pick(random, keys)];
  else bag[key] = otherJson(bag[key], random);
  return bag;
}

/** Damages a file once, or a few times. */
export function mutate(original: Uint8Array, kind: "binary" | "text" | "json", random: Random): Uint8Array {
  const pools = { binary: [anywhere], text: [anywhere, inText], json: [anywhere, inText, [inJson]] }[kind];
  let bytes = original;
  for (let n = chance(random, 0.75) ? 1 : 2 + random.int(2); n > 0; n--)
    bytes = pick(random, pick(random, pools))(bytes, random);
  return bytes;
}
