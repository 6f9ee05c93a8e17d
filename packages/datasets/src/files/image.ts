/** One image file: PNG or JPEG. */
import { inflateSync } from "node:zlib";
import { expected } from "@lilaw/core";
import { parsing, unpacksTooFar } from "./data-file.js";

/** Size of an image, and whether it is grey or colour. */
export interface ImageForm {
  height: number;
  width: number;
  channels: 1 | 3;
}

/** Pixels of an image, row by row, channels last, in [0, 1]. */
export interface Image extends ImageForm {
  values: Float32Array;
}

interface Decoder {
  /** Undefined where more bytes are needed. */
  formOf(start: Buffer): ImageForm | undefined;
  decode(name: string, bytes: Buffer, form: ImageForm, maxBytes: number): Promise<Image>;
}

/** First bytes of the files that are read as images. */
const decoders: readonly { magic: string; decoder: Decoder }[] = [
  { magic: "\x89PNG\r\n\x1a\n", decoder: { formOf: pngForm, decode: decodePng } },
  { magic: "\xff\xd8\xff", decoder: { formOf: jpegForm, decode: decodeJpeg } },
];

/** Pixels of an image that are decoded unless `maxBytes` says otherwise, as bytes of a colour and its transparency. */
export const defaultImageBytes = 2 ** 28;

/**
 * Reads size and colours from the first bytes of a file.
 *
 * @returns undefined when more bytes are needed
 * @throws `CORRUPT_FILE` for anything but PNG and JPEG
 */
export function imageFormOf(name: string, start: Buffer): Promise<ImageForm | undefined> {
  return parsing(name, () => decoderOf(name, start).formOf(start));
}

/**
 * Decodes an image: transparency is left out, colours of a palette are looked up.
 *
 * @param maxBytes the most bytes that its pixels may take, four for each
 * @throws `CORRUPT_FILE`, `INVALID_ARGUMENT` for an image of more pixels
 */
export function decodeImage(name: string, bytes: Buffer, maxBytes: number): Promise<Image> {
  return parsing(name, async () => {
    const decoder = decoderOf(name, bytes);
    const form = decoder.formOf(bytes);
    if (form === undefined) throw new Error("an image that ends early");
    if (form.width * form.height === 0) throw new Error("an image without pixels");
    if (4 * form.width * form.height > maxBytes) {
      throw unpacksTooFar(name, maxBytes, `${form.height} x ${form.width} pixels`);
    }
    return decoder.decode(name, bytes, form, maxBytes);
  });
}

function decoderOf(name: string, start: Buffer): Decoder {
  const found = decoders.find(({ magic }) => start.toString("latin1", 0, magic.length) === magic);
  if (found) return found.decoder;
  throw expected(
    "CORRUPT_FILE",
    "a PNG or JPEG image",
    name,
    start.length === 0 ? "no bytes" : "other bytes",
  );
}

const colourOfPng: Record<number, { channels: 1 | 3; samples: number }> = {
  0: { channels: 1, samples: 1 },
  2: { channels: 3, samples: 3 },
  3: { channels: 3, samples: 1 },
  4: { channels: 1, samples: 2 },
  6: { channels: 3, samples: 4 },
};

function pngForm(start: Buffer): ImageForm | undefined {
  if (start.length < 29) return undefined;
  const colour = colourOfPng[start[25]!];
  if (start.toString("latin1", 12, 16) !== "IHDR" || colour === undefined) throw new Error("no header");
  return { width: start.readUInt32BE(16), height: start.readUInt32BE(20), channels: colour.channels };
}

async function decodePng(_: string, bytes: Buffer, form: ImageForm): Promise<Image> {
  const depth = bytes[24]!;
  checkPixels(bytes, form, depth * colourOfPng[bytes[25]!]!.samples);
  const { decode, convertIndexedToRgb } = await import("fast-png");
  const png = decode(withoutExtras(bytes), { checkCrc: true });
  const count = form.width * form.height;
  if (png.palette) {
    const pixels = convertIndexedToRgb(png);
    return { ...form, values: scaled(pixels, count, pixels.length / count, 3, 255) };
  }
  const samples = png.channels;
  const data = depth < 8 ? unpackBits(png.data as Uint8Array, form, depth) : png.data;
  return { ...form, values: scaled(data, count, samples, form.channels, 2 ** depth - 1) };
}

/**
 * The library unpacks whatever there is: a few kilobytes may hold gigabytes, and pixels that are missing would become
 * black.
 *
 * @param bits those of a pixel
 */
function checkPixels(bytes: Buffer, { width, height }: ImageForm, bits: number): void {
  const packed = Buffer.concat(
    [...chunksOf(bytes)].flatMap(({ type, data }) => (type === "IDAT" ? [data] : [])),
  );
  const lineBytes = (columns: number) => (columns === 0 ? 0 : 1 + Math.ceil((columns * bits) / 8));
  const wanted =
    bytes[28] === 0
      ? height * lineBytes(width)
      : interlaced.reduce((sum, [x, y, dx, dy]) => {
          const [columns, rows] = [Math.ceil((width - x) / dx), Math.ceil((height - y) / dy)];
          return sum + Math.max(0, rows) * lineBytes(Math.max(0, columns));
        }, 0);
  const { length } = inflateSync(packed, { maxOutputLength: wanted + 1 });
  if (length !== wanted) throw new Error(`${length} bytes of pixels, not ${wanted}`);
}

/** The seven passes of an interlaced PNG: first column and row, steps between them. */
const interlaced = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;

/** The parts of a PNG that make the image; others, such as packed colour profiles, may unpack to anything. */
function withoutExtras(bytes: Buffer): Buffer {
  const wanted = new Set(["IHDR", "PLTE", "IDAT", "IEND"]);
  const kept = [...chunksOf(bytes)].filter(({ type }) => wanted.has(type));
  return Buffer.concat([bytes.subarray(0, 8), ...kept.map(({ whole }) => whole)]);
}

function* chunksOf(bytes: Buffer): Generator<{ type: string; data: Buffer; whole: Buffer }> {
  for (let at = 8; at + 12 <= bytes.length; ) {
    const end = at + 12 + bytes.readUInt32BE(at);
    if (end > bytes.length) throw new Error("an image that ends early");
    const type = bytes.toString("latin1", at + 4, at + 8);
    yield { type, data: bytes.subarray(at + 8, end - 4), whole: bytes.subarray(at, end) };
    if (type === "IEND") return;
    at = end;
  }
  throw new Error("an image that ends early");
}

/** Grey pixels of fewer than 8 bits, whose lines begin with a whole byte. */
function unpackBits(data: Uint8Array, { width, height }: ImageForm, depth: number): Uint8Array {
  const lineBytes = Math.ceil((width * depth) / 8);
  const values = new Uint8Array(width * height);
  for (let i = 0; i < values.length; i++) {
    const bit = (i % width) * depth;
    const byte = data[Math.floor(i / width) * lineBytes + (bit >> 3)]!;
    values[i] = (byte >> (8 - depth - (bit & 7))) & (2 ** depth - 1);
  }
  return values;
}

/** The markers that give the size of a JPEG: all SOFn but DHT, JPG and DAC. */
const isFrame = (marker: number) =>
  marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;

function jpegForm(start: Buffer): ImageForm | undefined {
  for (let at = 2; at + 4 <= start.length; ) {
    if (start[at] !== 0xff) throw new Error("no marker where one should be");
    const marker = start[at + 1]!;
    if (marker === 0xff || marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8)) {
      at += marker === 0xff ? 1 : 2;
      continue;
    }
    if (marker === 0xd9 || marker === 0xda) throw new Error("no size before the pixels");
    if (isFrame(marker)) {
      if (at + 10 > start.length) return undefined;
      const channels = start[at + 9] === 1 ? 1 : 3;
      return { height: start.readUInt16BE(at + 5), width: start.readUInt16BE(at + 7), channels };
    }
    at += 2 + start.readUInt16BE(at + 2);
  }
  return undefined;
}

async function decodeJpeg(_: string, bytes: Buffer, form: ImageForm, maxBytes: number): Promise<Image> {
  const { default: jpeg } = await import("jpeg-js");
  const { width, height, data } = jpeg.decode(bytes, {
    useTArray: true,
    formatAsRGBA: false,
    tolerantDecoding: false,
    maxResolutionInMP: maxBytes / 4e6,
    // Coefficients and pixels together, as the library counts them.
    maxMemoryUsageInMB: Math.max(64, (8 * maxBytes) / 2 ** 20),
  });
  if (width !== form.width || height !== form.height) throw new Error("two different sizes");
  return { ...form, values: scaled(data, width * height, 3, form.channels, 255) };
}

/** The first `channels` of every pixel's samples, divided by the largest that they can be. */
function scaled(
  data: ArrayLike<number>,
  count: number,
  samples: number,
  channels: number,
  largest: number,
): Float32Array {
  const values = new Float32Array(count * channels);
  for (let i = 0, out = 0; i < count; i++) {
    for (let channel = 0; channel < channels; channel++)
      values[out++] = data[i * samples + channel]! / largest;
  }
  return values;
}
