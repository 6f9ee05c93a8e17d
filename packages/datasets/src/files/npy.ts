import { expected } from "@lilaw/core";
import type { NdArray } from "./arrays.js";
import type { DataFile } from "./data-file.js";
import { bytesType, type ElementType, numberType, unicodeType } from "./elements.js";

/** The header of an NPY array. */
export interface NpyHeader {
  shape: readonly number[];
  type: ElementType;
  /** Bytes of the header itself: the elements follow. */
  length: number;
}

/** The limit of NumPy's own reader. */
const maxHeaderBytes = 10_000;

const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];

/**
 * Reads the header of NPY (versions 1.0, 2.0 and 3.0): a Python dictionary of exactly `descr`, `fortran_order` and
 * `shape`, which is read as strictly as NumPy does.
 *
 * @param start the first bytes of the array
 * @returns undefined when more bytes are needed
 * @throws `CORRUPT_FILE` for anything else, and for arrays that hold no real numbers or text, or in Fortran's order
 */
export function parseNpyHeader(name: string, start: Uint8Array): NpyHeader | undefined {
  const version = versionOf(name, start);
  if (version === undefined) return undefined;
  const sizeBytes = version === 1 ? 2 : 4;
  const begin = magic.length + 2 + sizeBytes;
  if (start.length < begin) return undefined;
  const view = new DataView(start.buffer, start.byteOffset, begin);
  const size = version === 1 ? view.getUint16(begin - 2, true) : view.getUint32(begin - 4, true);
  if (size > maxHeaderBytes) {
    throw expected("CORRUPT_FILE", `an NPY header of at most ${maxHeaderBytes} bytes`, name, size);
  }
  if (start.length < begin + size) return undefined;
  const text = Buffer.from(start.subarray(begin, begin + size)).toString(version === 3 ? "utf8" : "latin1");
  const { descr, fortranOrder, shape } = parseDictionary(name, text);
  if (fortranOrder && shape.length > 1) {
    throw expected("CORRUPT_FILE", "C order (numpy.ascontiguousarray)", name, "Fortran order");
  }
  return { shape, type: typeOf(name, descr), length: begin + size };
}

function versionOf(name: string, start: Uint8Array): number | undefined {
  const known = start.subarray(0, magic.length);
  if (known.some((byte, i) => byte !== magic[i]))
    throw expected("CORRUPT_FILE", "an NPY array", name, "other bytes");
  if (start.length < magic.length + 2) return undefined;
  const [major, minor] = [start[6]!, start[7]!];
  if (major < 1 || major > 3 || minor !== 0) {
    throw expected("CORRUPT_FILE", "NPY of version 1.0, 2.0 or 3.0", name, `${major}.${minor}`);
  }
  return major;
}

/** The next token of a dictionary: a text, a tuple of integers, a boolean, or a punctuation mark. */
const token = /\s*(?:'([^'\\]*)'|"([^"\\]*)"|\(([\d\s,]*)\)|(True|False)|([{}:,]))/y;

interface Dictionary {
  descr: string;
  fortranOrder: boolean;
  shape: readonly number[];
}

function parseDictionary(name: string, text: string): Dictionary {
  const wrong = () =>
    expected(
      "CORRUPT_FILE",
      "an NPY header of descr, fortran_order and shape",
      name,
      text.trimEnd().slice(0, 200),
    );
  token.lastIndex = 0;
  const next = (): string | boolean | readonly number[] => {
    const [, single, double, tuple, truth, sign] = token.exec(text) ?? [];
    if (tuple !== undefined) return integersOf(tuple) ?? fail();
    if (truth !== undefined) return truth === "True";
    return single ?? double ?? (sign === undefined ? fail() : `sign ${sign}`);
  };
  const fail = (): never => {
    throw wrong();
  };
  const values = new Map<unknown, unknown>();
  if (next() !== "sign {") fail();
  for (let part = next(); part !== "sign }"; ) {
    if (next() !== "sign :" || values.has(part)) fail();
    values.set(part, next());
    part = next();
    if (part === "sign ,") part = next();
    else if (part !== "sign }") fail();
  }
  const [descr, fortranOrder, shape] = ["descr", "fortran_order", "shape"].map((key) => values.get(key));
  const isWhole = values.size === 3 && text.slice(token.lastIndex).trim() === "";
  if (!isWhole || typeof descr !== "string" || typeof fortranOrder !== "boolean" || !Array.isArray(shape))
    fail();
  return { descr, fortranOrder, shape } as Dictionary;
}

/** The integers of a tuple, as Python writes them: `()`, `(3,)`, `(3, 4)`; undefined for anything else. */
function integersOf(tuple: string): readonly number[] | undefined {
  const parts = tuple.split(",").map((part) => part.trim());
  // A tuple of one element ends with a comma; longer ones may.
  const isTuple = parts.length > 1 || parts[0] === "";
  if (parts.at(-1) === "") parts.pop();
  const integers = parts.map(Number);
  const isShape = parts.every((part) => /^\d+$/.test(part)) && integers.every(Number.isSafeInteger);
  return isTuple && isShape ? integers : undefined;
}

function typeOf(name: string, descr: string): ElementType {
  const [, order = "", code = "", length = ""] = /^([<>|])([a-zA-Z])(\d{1,5})$/.exec(descr) ?? [];
  const bigEndian = order === ">";
  const size = Number(length);
  // Only types of one byte have no byte order.
  const type =
    code + length === "u1" || order !== "|"
      ? numberType(code + length, bigEndian)
      : oneByteType(code, length);
  if (type) return type;
  if (code === "U" && order !== "|" && size > 0) return unicodeType(size, bigEndian);
  if (code === "S" && order === "|" && size > 0) return bytesType(size);
  if (code === "O")
    throw expected("CORRUPT_FILE", "numbers or text (numpy's astype)", name, "Python objects");
  throw expected("CORRUPT_FILE", "real numbers or text", name, `elements of type ${descr}`);
}

function oneByteType(code: string, length: string): ElementType | undefined {
  return length === "1" ? numberType(code + length, false) : undefined;
}

/** An NPY file; {@link npyArray}. */
export function openNpy(file: DataFile): Promise<NdArray> {
  return npyArray(file.path, file.chunks(), file.isPacked ? undefined : file.size);
}

/**
 * An array whose header has been read from its bytes.
 *
 * @param size of header and elements, where it is known, to be compared with the header
 * @throws `CORRUPT_FILE`, after which `chunks` is closed
 */
export async function npyArray(
  name: string,
  chunks: AsyncGenerator<Uint8Array, void, undefined>,
  size: number | undefined,
): Promise<NdArray> {
  try {
    const { header, head, rest } = await readHeader(name, chunks);
    const { shape, type, length } = header;
    const bytes = shape.reduce((a, b) => a * b, type.size);
    if (size !== undefined && size - length !== bytes) {
      throw expected("CORRUPT_FILE", `${bytes} bytes of shape [${shape.join(", ")}]`, name, size - length);
    }
    const headOf = (rows: number) => headWith(head, rows);
    return { name, shape, type, headOf, body: resumed(rest, chunks), close: () => chunks.return() };
  } catch (error) {
    await chunks.return();
    throw error;
  }
}

async function readHeader(
  name: string,
  chunks: AsyncGenerator<Uint8Array, void, undefined>,
): Promise<{ header: NpyHeader; head: Uint8Array; rest: Uint8Array }> {
  let start: Uint8Array = new Uint8Array();
  for (;;) {
    const { value } = await chunks.next();
    if (value === undefined) throw expected("CORRUPT_FILE", "an NPY array", name, `${start.length} bytes`);
    start = Buffer.concat([start, value]);
    const header = parseNpyHeader(name, start);
    if (!header) continue;
    return { header, head: start.subarray(0, header.length), rest: start.subarray(header.length) };
  }
}

/** A header with another number of rows, which is no longer than before; blanks keep its length. */
function headWith(head: Uint8Array, rows: number): Uint8Array {
  const text = Buffer.from(head).toString("latin1");
  const other = text.replace(/(['"]shape['"]\s*:\s*\(\s*)(\d+)/, (_, before: string) => before + rows);
  const padding = " ".repeat(text.length - other.length);
  return Buffer.from(
    other.replace(/\n?$/, (end) => padding + end),
    "latin1",
  );
}

async function* resumed(first: Uint8Array, rest: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield first;
  yield* rest;
}
