/**
 * Checks samples against their file by simple readers that share no code with those under test. They do not judge
 * files that are beyond them.
 */
import type { Dataset, Samples } from "@lilaw/datasets";
import { FaultFound } from "../kind.js";

const wrong = (message: string) => new FaultFound("silentDifferences", message);

/** @throws FaultFound unless both have the very same samples */
export function checkSameDataset(found: Dataset, original: Dataset): void {
  if (found.classNames.join("\0") !== original.classNames.join("\0")) throw wrong("other classes");
  for (const split of ["train", "valid", "test"] as const) {
    const [a, b] = [found[split], original[split]];
    if ((a?.count ?? 0) !== (b?.count ?? 0)) throw wrong(`${split}: ${a?.count} samples and not ${b?.count}`);
    if (a === undefined || b === undefined || a.count === 0) continue;
    if (a.shape.join() !== b.shape.join()) throw wrong(`${split}: shape ${a.shape}`);
    for (const name of ["features", "labels"] as const) {
      if (Buffer.compare(bytesOf(a[name]), bytesOf(b[name])) !== 0) throw wrong(`${split}: other ${name}`);
    }
  }
}

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView) =>
  Buffer.from(buffer, byteOffset, byteLength);

/** A text table: names of the columns, then cells. */
interface Cells {
  readonly names: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** @throws FaultFound unless every number of the training samples is explained by a cell */
export function checkTable({ train, classNames, featureNames = [] }: Dataset, { names, rows }: Cells): void {
  if (train.count !== rows.length) throw wrong(`${train.count} samples of ${rows.length} rows`);
  const width = featureNames.length;
  if (train.features.length !== width * train.count) throw wrong("a number of features that does not fit");
  const explained = new Set<number>();
  featureNames.forEach((feature, k) => {
    const column = names.findIndex((name, c) => {
      const isCategory = feature.startsWith(`${name}=`);
      if (feature !== name && !isCategory) return false;
      return rows.every((cells, row) => {
        const value = train.features[row * width + k]!;
        if (isCategory) return value === Number(cells[c] === feature.slice(name.length + 1));
        return isDecimal(cells[c]!) && value === Math.fround(Number(cells[c]));
      });
    });
    if (column < 0) throw wrong(`feature ${feature.slice(0, 40)} is no column of the file`);
    explained.add(column);
  });
  const rest = names.flatMap((_, c) => (explained.has(c) ? [] : [c]));
  const isLabel = (c: number) =>
    rows.every((cells, row) => sameLabel(classNames[train.labels[row]!]!, cells[c]!));
  if (rest.length !== 1 || !isLabel(rest[0]!)) throw wrong(`${rest.length} columns are left for the label`);
}

const isDecimal = (cell: string) => /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(cell);
const sameLabel = (a: string, b: string) =>
  a === b || (isDecimal(a) && isDecimal(b) && Number(a) === Number(b));

/** Reads a table without quotes and with usual line ends; undefined for all other tables. */
export function readDelimited(text: string, delimiter: string): Cells | undefined {
  if (/["\r\ufeff\0\v]/.test(text.replace(/^\ufeff/, ""))) return undefined;
  const lines = text
    .replace(/^\ufeff/, "")
    .split("\n")
    .filter((line) => line.trim() !== "" || line.includes(delimiter));
  const [names = [], ...rows] = lines.map((line) => line.split(delimiter).map((cell) => cell.trim()));
  return { names, rows };
}

export function readArff(text: string): Cells | undefined {
  if (/["'\\\r\ufeff\0\v]/.test(text)) return undefined;
  const lines = text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("%"));
  const start = lines.findIndex((line) => /^@data$/i.test(line));
  const names = lines
    .slice(0, Math.max(0, start))
    .flatMap((line) => /^@attribute\s+([^\s{]+)/i.exec(line)?.[1] ?? []);
  const rows = lines.slice(start + 1).map((line) => line.split(",").map((cell) => cell.trim()));
  return { names, rows };
}

/** Reads JSON lines of texts, numbers, true and false; undefined where there is anything else. */
export function readJsonl(text: string): Cells | undefined {
  if (/[\r\ufeff\0]/.test(text)) return undefined;
  const objects = text
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  const names = [...new Set(objects.flatMap((object) => Object.keys(object)))];
  const rows = objects.map((object) => names.map((name) => object[name]));
  if (rows.flat().some((value) => value === null || typeof value === "object")) return undefined;
  return { names, rows: rows.map((row) => row.map((value) => String(value ?? "").trim())) };
}

/** An array of a file: the numbers in their order, and the axes. */
export interface Numbers {
  readonly values: ArrayLike<number>;
  readonly shape: readonly number[];
  /** Whether images of it are scaled from 255 to 1 */
  readonly bytes: boolean;
}

/** undefined: a file that is damaged */
export function readIdx(bytes: Uint8Array): Numbers | undefined {
  if (bytes.length < 4 || bytes[0] !== 0 || bytes[1] !== 0 || bytes[3] === 0) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const axes = bytes[3]!;
  const start = 4 + 4 * axes;
  if (bytes.length < start) return undefined;
  const shape = Array.from({ length: axes }, (_, i) => view.getUint32(4 + 4 * i));
  const count = shape.reduce((a, b) => a * b, 1);
  const readers: Record<number, [number, (at: number) => number]> = {
    8: [1, (at) => view.getUint8(at)],
    9: [1, (at) => view.getInt8(at)],
    11: [2, (at) => view.getInt16(at)],
    12: [4, (at) => view.getInt32(at)],
    13: [4, (at) => view.getFloat32(at)],
    14: [8, (at) => view.getFloat64(at)],
  };
  const [size, read] = readers[bytes[2]!] ?? [0, () => 0];
  if (size === 0 || bytes.length !== start + count * size) return undefined;
  return {
    values: Array.from({ length: count }, (_, i) => read(start + i * size)),
    shape,
    bytes: bytes[2] === 8,
  };
}

const dictionary =
  /^\{\s*['"]descr['"]\s*:\s*['"]([<>|=])([fiub])(\d+)['"]\s*,\s*['"]fortran_order['"]\s*:\s*(True|False)\s*,\s*['"]shape['"]\s*:\s*\(((?:\s*\d+\s*,)*\s*\d*\s*)\)\s*,?\s*\}\s*$/;

/** undefined: a file that is damaged, or of a kind that need not be read */
export function readNpy(bytes: Uint8Array): Numbers | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 12 || Buffer.from(bytes.subarray(0, 6)).toString("latin1") !== "\x93NUMPY")
    return undefined;
  const version = bytes[6]!;
  if (version < 1 || version > 3 || bytes[7] !== 0) return undefined;
  const length = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  const start = (version === 1 ? 10 : 12) + length;
  if (start > bytes.length) return undefined;
  const text = Buffer.from(bytes.subarray(start - length, start)).toString("latin1");
  const [, order, type, size, fortran, axes] = dictionary.exec(text) ?? [];
  if (axes === undefined) return undefined;
  const shape = axes
    .split(",")
    .map((axis) => axis.trim())
    .filter((axis) => axis !== "")
    .map(Number);
  if (fortran === "True" && shape.length > 1) return undefined;
  const width = Number(size);
  const count = shape.reduce((a, b) => a * b, 1);
  if (count * width !== bytes.length - start || (order === "|") !== (width === 1)) return undefined;
  const little = order !== ">";
  const readers: Record<string, (at: number) => number> = {
    f4: (at) => view.getFloat32(at, little),
    f8: (at) => view.getFloat64(at, little),
    i1: (at) => view.getInt8(at),
    i2: (at) => view.getInt16(at, little),
    i4: (at) => view.getInt32(at, little),
    i8: (at) => Number(view.getBigInt64(at, little)),
    u1: (at) => view.getUint8(at),
    u2: (at) => view.getUint16(at, little),
    u4: (at) => view.getUint32(at, little),
    u8: (at) => Number(view.getBigUint64(at, little)),
    f2: (at) => half(view.getUint16(at, little)),
    b1: (at) => (view.getUint8(at) === 0 ? 0 : 1),
  };
  const read = readers[`${type}${width}`];
  if (read === undefined) return undefined;
  return {
    values: Array.from({ length: count }, (_, i) => read(start + i * width)),
    shape,
    bytes: type === "u" && width === 1,
  };
}

/** A half-precision number from its bits. */
function half(bits: number): number {
  const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023];
  const sign = bits & 0x8000 ? -1 : 1;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
}

/** @throws FaultFound unless the training samples are those of two arrays */
export function checkArrays(
  train: Samples,
  features: Numbers | undefined,
  labels: Numbers | undefined,
): void {
  if (features === undefined || labels === undefined) throw wrong("a damaged array was read");
  const scale = features.bytes && features.shape.length > 2 ? 255 : 1;
  if (train.count !== features.shape[0] || train.features.length !== features.values.length)
    throw wrong("another size");
  // The channels of such images may come first in the file, and then the order of the numbers differs.
  const inOrder = features.shape.length < 4;
  for (let i = 0; inOrder && i < train.features.length; i++) {
    const value = Math.fround(features.values[i]! / scale);
    if (train.features[i] !== value) throw wrong(`feature ${i} is ${train.features[i]} and not ${value}`);
  }
  if (train.labels.length !== labels.values.length) throw wrong("another number of labels");
  for (let i = 0; i < train.count; i++) {
    if (train.labels[i] !== labels.values[i])
      throw wrong(`label ${i} is ${train.labels[i]} and not ${labels.values[i]}`);
  }
}
