/**
 * Checks of the pages of a Parquet file before the library decodes them. It takes the numbers in a page as they are: a
 * damaged byte would make it write a billion values.
 */
import type { AsyncBuffer, ColumnMetaData, Compressors, PageHeader, SchemaTree } from "hyparquet";

const sizes: Record<string, number> = { BOOLEAN: 1 / 8, INT32: 4, FLOAT: 4, INT64: 8, DOUBLE: 8, INT96: 12 };

/** The facts about a column that its pages are read with. */
interface Levels {
  definition: number;
  repetition: number;
}

/**
 * @param rows those of the row group
 * @param maxBytes the most bytes that the pages may unpack to
 * @param tooMany throws the error of more
 * @returns the bytes that the column takes
 * @throws an ordinary error for pages that are damaged
 */
export async function checkColumnChunk(
  buffer: AsyncBuffer,
  column: ColumnMetaData,
  schema: SchemaTree,
  rows: number,
  compressors: Compressors,
  maxBytes: number,
  tooMany: () => never,
): Promise<number> {
  const { parquetHeader } = await import("hyparquet/src/column.js");
  const levels = levelsOf(schema, column.path_in_schema);
  const values = Number(column.num_values);
  if (!(rows >= 0 && values >= 0) || (levels.repetition === 0 && values !== rows)) {
    throw new Error(`${values} values in ${rows} rows`);
  }
  // Decoded values take eight bytes.
  let bytes = 8 * values;
  if (bytes > maxBytes) tooMany();
  const start = Number(column.dictionary_page_offset || column.data_page_offset);
  const length = Number(column.total_compressed_size);
  const view = new DataView(await buffer.slice(start, start + length));
  const reader = { view, offset: 0 };
  let seen = 0;
  while (reader.offset < view.byteLength - 1 && seen < values) {
    const header = parquetHeader(reader);
    const { compressed_page_size: packed, uncompressed_page_size: size } = header;
    if (!(packed >= 0 && size >= 0 && reader.offset + packed <= view.byteLength))
      throw new Error("a page of another size");
    bytes += size;
    if (bytes > maxBytes) tooMany();
    const page = new Uint8Array(view.buffer, view.byteOffset + reader.offset, packed);
    reader.offset += packed;
    seen += checkPage(header, page, column, levels, values - seen, compressors);
  }
  if (seen !== values) throw new Error(`${seen} values in the pages, not ${values}`);
  return bytes;
}

/** @returns the number of values in the page */
function checkPage(
  header: PageHeader,
  page: Uint8Array,
  column: ColumnMetaData,
  levels: Levels,
  most: number,
  compressors: Compressors,
): number {
  const { uncompressed_page_size: size } = header;
  if (header.type === "DICTIONARY_PAGE") {
    const count = header.dictionary_page_header?.num_values ?? -1;
    checkPlain(column, count, unpack(column, page, size, compressors).length);
    return 0;
  }
  const v1 = header.data_page_header;
  const v2 = header.data_page_header_v2;
  const count =
    (header.type === "DATA_PAGE" ? v1 : header.type === "DATA_PAGE_V2" ? v2 : undefined)?.num_values ?? -1;
  if (!(count >= 0 && count <= most)) throw new Error(`a page of ${count} values where ${most} are left`);
  if (header.type === "DATA_PAGE") {
    const runs = new Runs(unpack(column, page, size, compressors));
    if (levels.repetition > 0) runs.skip(levels.repetition, count);
    if (levels.definition > 0) runs.skip(levels.definition, count);
    checkValues(column, v1!.encoding, runs, count, levels);
    return count;
  }
  const { repetition_levels_byte_length: repetition, definition_levels_byte_length: definition } = v2!;
  const start = repetition + definition;
  if (
    !(
      repetition >= 0 &&
      definition >= 0 &&
      start <= page.length &&
      v2!.num_nulls >= 0 &&
      v2!.num_nulls <= count
    )
  ) {
    throw new Error("a page with levels of another size");
  }
  if (repetition > 0) new Runs(page.subarray(0, repetition)).walk(bitsOf(levels.repetition), count);
  if (definition > 0) new Runs(page.subarray(repetition, start)).walk(bitsOf(levels.definition), count);
  const body = page.subarray(start);
  const unpacked = v2!.is_compressed === false ? body : unpack(column, body, size - start, compressors);
  checkValues(column, v2!.encoding, new Runs(unpacked), count - v2!.num_nulls, {
    definition: 0,
    repetition: 0,
  });
  return count;
}

/** Checks that the values of a page cannot be more than it says; `count` includes nulls where there may be some. */
function checkValues(
  column: ColumnMetaData,
  encoding: string,
  runs: Runs,
  count: number,
  { definition }: Levels,
): void {
  if (encoding === "PLAIN" || encoding === "BYTE_STREAM_SPLIT") {
    if (definition === 0) checkPlain(column, count, runs.left);
  } else if (encoding === "RLE" || encoding.endsWith("DICTIONARY")) {
    if (column.type === "BOOLEAN") runs.skip(1, count);
    else if (runs.left > 0) runs.walk(runs.byte(), count);
  } else if (encoding === "DELTA_BINARY_PACKED" || encoding === "DELTA_LENGTH_BYTE_ARRAY") {
    runs.varint();
    const blocks = runs.varint();
    if (!(blocks > 0 && blocks <= 1024)) throw new Error("blocks of another size");
  } else {
    throw new Error(`values in the encoding ${encoding}, which is not read (pandas writes others)`);
  }
}

function checkPlain({ type }: ColumnMetaData, count: number, length: number): void {
  // Text has four bytes for its length at least.
  const size = sizes[type] ?? (type === "BYTE_ARRAY" ? 4 : 0);
  if (!(count >= 0 && Math.ceil(count * size) <= length))
    throw new Error(`${count} values in ${length} bytes`);
}

function unpack(
  { codec }: ColumnMetaData,
  page: Uint8Array,
  size: number,
  compressors: Compressors,
): Uint8Array {
  if (codec === "UNCOMPRESSED") return page;
  const decompress = compressors[codec];
  if (decompress === undefined) throw new Error(`pages packed by ${codec}`);
  const unpacked = decompress(page, size);
  if (unpacked.length !== size) throw new Error(`a page of ${unpacked.length} bytes, not ${size}`);
  return unpacked;
}

/** Bits that hold a level. */
function bitsOf(level: number): number {
  return 32 - Math.clz32(level);
}

/** Runs of equal values and of packed ones, one after the other. */
class Runs {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  byte(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw new Error("a page that ends early");
    return byte;
  }

  varint(): number {
    for (let [value, scale] = [0, 1]; ; scale *= 128) {
      const byte = this.byte();
      value += (byte & 127) * scale;
      if (value >= 2 ** 32) throw new Error("a run of too many values");
      if (byte < 128) return value;
    }
  }

  /** Skips runs whose length is given before them. */
  skip(level: number, count: number): void {
    const length = this.byte() + 2 ** 8 * this.byte() + 2 ** 16 * this.byte() + 2 ** 24 * this.byte();
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new Error("levels that are longer than their page");
    this.walk(bitsOf(level), count);
    this.#at = end;
  }

  /** @throws an ordinary error for runs of more than `count` values, apart from those that fill up the last eight */
  walk(bits: number, count: number): void {
    if (bits > 32) throw new Error(`values of ${bits} bits`);
    for (let seen = 0; seen < count && this.left > 0; ) {
      const header = this.varint();
      const isPacked = header % 2 === 1;
      const run = Math.floor(header / 2) * (isPacked ? 8 : 1);
      if (run > count - seen + (isPacked ? 503 : 0)) throw new Error("a run of another length");
      this.#at += isPacked ? (run / 8) * bits : Math.ceil(bits / 8);
      seen += run;
    }
  }
}

function levelsOf(schema: SchemaTree, path: readonly string[]): Levels {
  const levels = { definition: 0, repetition: 0 };
  let node = schema;
  for (const name of path) {
    const child = node.children.find(({ element }) => element.name === name);
    if (child === undefined) throw new Error(`a column ${path.join(".")} that the schema does not have`);
    node = child;
    if (node.element.repetition_type !== "REQUIRED") levels.definition++;
    if (node.element.repetition_type === "REPEATED") levels.repetition++;
  }
  return levels;
}
