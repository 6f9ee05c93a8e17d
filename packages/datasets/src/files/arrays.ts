import { expected } from "@lilaw/core";
import type { ArrayEncoding } from "../encoding.js";
import type { FileOptions, Reading, Samples } from "../types.js";
import { allocateFeatures } from "./allocate.js";
import { unreadable } from "./data-file.js";
import { Blocks, type ElementType } from "./elements.js";
import type { Chunks } from "./inflate.js";
import { type Classes, classesOf, IntList, LabelList, listOf, maxClasses } from "./labels.js";

/** A dense row-major array of an IDX or NPY file. Its first axis is the samples. */
export interface ArrayHeader {
  /** Its source, for error messages. */
  name: string;
  shape: readonly number[];
  type: ElementType;
}

/** An array whose bytes come as a stream. */
export interface NdArray extends ArrayHeader {
  body: Chunks;
  /** The bytes before the elements, for an array of another number of rows. */
  headOf(rows: number): Uint8Array;
  /** Closes the file, whether or not it has been read to the end. */
  close(): Promise<unknown>;
}

/** An array whose bytes are in memory. */
export interface LoadedArray extends ArrayHeader {
  body: Uint8Array;
}

/** Labels as they are read, before the classes are known: class indices or texts. */
export type ArrayLabels = { name: string; count: number } & ({ indices: Int32Array } | { texts: LabelList });

export type Layout = NonNullable<Reading["layout"]>;

/** The order of the elements of one sample. */
export interface SampleForm {
  shape: readonly number[];
  layout?: Layout;
  /**
   * Pixels of one channel, where the channels come first in the file and are moved to the end; absent where the order
   * stays.
   */
  pixels?: number;
}

/** An axis of one of these sizes is taken for channels. */
const channelCounts = [1, 3, 4];

/**
 * Makes samples of a feature array and a label array in memory, as {@link readFeatures} and {@link readLabels} do of
 * streams.
 */
export function samplesFromArrays(features: LoadedArray, labels: LoadedArray): Samples {
  const labelReader = new LabelReader(labels);
  labelReader.add(labels.body);
  const found = labelReader.finish();
  checkCount(features, found);
  const form = sampleForm(features, "auto");
  const reader = new FeatureReader(features, form);
  reader.add(features.body);
  return {
    features: reader.finish(),
    labels: indicesOf(found, classesOfArray(found)),
    count: found.count,
    shape: form.shape,
  };
}

/** @throws `LABEL_OUT_OF_RANGE`, `INVALID_ARGUMENT` for another shape than [n] or [n, 1], `CORRUPT_FILE` */
export async function readLabels(array: NdArray): Promise<ArrayLabels> {
  const reader = new LabelReader(array);
  for await (const chunk of array.body) reader.add(chunk);
  return reader.finish();
}

/**
 * Reads the features of the given rows, or of all.
 *
 * A feature array of three or more axes holds images (or volumes), whose channels come last in samples: see
 * {@link sampleForm}. Bytes of images are scaled to [0, 1]. An array of two axes holds feature vectors, which are
 * left as they are.
 *
 * @throws `NON_FINITE` for NaN and infinities, `CORRUPT_FILE`, `OUT_OF_MEMORY`
 */
export async function readFeatures(
  array: NdArray,
  form: SampleForm,
  rows?: Int32Array,
): Promise<Float32Array> {
  const reader = new FeatureReader(array, form, rows);
  for await (const chunk of array.body) reader.add(chunk);
  return reader.finish();
}

/** Reads an array, and closes it whatever happens. */
export async function reading<T>(array: NdArray, read: (array: NdArray) => Promise<T>): Promise<T> {
  try {
    return await read(array);
  } finally {
    await array.close();
  }
}

/** @throws `LENGTH_MISMATCH` unless every sample has one label */
export function checkCount(features: ArrayHeader, labels: ArrayLabels): void {
  const count = features.shape[0] ?? 0;
  if (labels.count !== count) {
    throw expected("LENGTH_MISMATCH", `${count} labels (one a sample)`, labels.name, labels.count);
  }
}

/**
 * The form of samples of a feature array. Samples of three axes or more have their channels last. In the file the
 * channels may come first, or be missing; then an axis of size 1 is appended. `"auto"` takes an axis of 1, 3 or 4 for
 * channels.
 *
 * @throws `INVALID_ARGUMENT` for an array without samples, and where first and last axis may both be channels
 */
export function sampleForm(
  { name, shape }: ArrayHeader,
  imageLayout: NonNullable<FileOptions["imageLayout"]>,
): SampleForm {
  const [, ...sample] = shape;
  if (sample.length === 0 || sample.includes(0)) {
    throw expected("INVALID_ARGUMENT", "an array [samples, ...shape]", name, `shape [${shape.join(", ")}]`);
  }
  if (sample.length === 1) return { shape: sample };
  const layout = sample.length === 2 ? "no channels" : layoutOf(name, sample, imageLayout);
  if (layout === "channels-last") return { shape: sample, layout };
  if (layout === "no channels") return { shape: [...sample, 1], layout };
  const [channels, ...rest] = sample as [number, ...number[]];
  return {
    shape: [...rest, channels],
    layout,
    ...(channels > 1 && { pixels: rest.reduce((a, b) => a * b, 1) }),
  };
}

/** Bytes of images are divided by 255. */
function divisorOf({ shape, type }: ArrayHeader): number {
  return type.isByte && shape.length > 2 ? 255 : 1;
}

/** How samples of this form follow from the elements of an array. */
export function arrayEncoding(header: ArrayHeader, { shape, layout }: SampleForm): ArrayEncoding {
  return { kind: "array", shape, ...(layout && { layout }), divisor: divisorOf(header) };
}

function layoutOf(
  name: string,
  sample: readonly number[],
  imageLayout: NonNullable<FileOptions["imageLayout"]>,
): Layout {
  if (imageLayout !== "auto") return imageLayout;
  const [first, last] = [sample[0]!, sample.at(-1)!].map((size) => channelCounts.includes(size));
  if (first && last) {
    const expectation = "a shape that tells where the channels are, or the option imageLayout,";
    throw expected("INVALID_ARGUMENT", expectation, name, `samples of shape [${sample.join(", ")}]`);
  }
  if (last) return "channels-last";
  return first ? "channels-first" : "no channels";
}

/** The classes of training labels: up to the highest index, or the texts in sorted order. */
export function classesOfArray(labels: ArrayLabels): Classes {
  if ("texts" in labels) return classesOf(labels.name, labels.texts.spellings);
  const highest = labels.indices.reduce((a, b) => Math.max(a, b), 0);
  const names = Array.from({ length: highest + 1 }, (_, index) => String(index));
  return classesOf(labels.name, names);
}

/** @throws `LABEL_OUT_OF_RANGE` for a label that training does not have, naming its row */
export function indicesOf(labels: ArrayLabels, classes: Classes): Int32Array {
  const unknown = (row: number, label: string) =>
    expected("LABEL_OUT_OF_RANGE", `one of ${listOf(classes.names)}`, `row ${row} of ${labels.name}`, label);
  if ("texts" in labels) return labels.texts.indices(classes, unknown);
  const known = new Map<number, number>();
  return labels.indices.map((label, row) => {
    const index = known.get(label) ?? classes.indexOf(String(label));
    if (index === undefined) throw unknown(row, String(label));
    known.set(label, index);
    return index;
  });
}

/** Class indices or texts, of shape [n], or [n, 1] as MedMNIST stores them. */
class LabelReader {
  readonly #header: ArrayHeader;
  readonly #blocks: Blocks;
  readonly #texts = new LabelList();
  readonly #indices = new IntList();
  #count = 0;

  constructor(header: ArrayHeader) {
    const { name, shape, type } = header;
    if (shape.length < 1 || shape.slice(1).some((size) => size !== 1)) {
      const expectation = "one label a sample (numpy.argmax of one-hot rows)";
      throw expected("INVALID_ARGUMENT", expectation, name, `shape [${shape.join(", ")}]`);
    }
    this.#header = header;
    this.#blocks = new Blocks(type.size, (block) => {
      if (type.texts) this.#addTexts(textsOf(header, block));
      else this.#addNumbers(type.numbers!(block));
    });
  }

  add(chunk: Uint8Array): void {
    this.#blocks.add(chunk);
  }

  finish(): ArrayLabels {
    const { name, type } = this.#header;
    const odd = this.#blocks.end();
    const count = this.#count;
    checkLength(this.#header, count, odd);
    return type.texts
      ? { name, count, texts: this.#texts }
      : { name, count, indices: this.#indices.toArray() };
  }

  #addTexts(texts: readonly string[]): void {
    for (const text of texts) {
      const row = this.#count++;
      this.#texts.add(text, () => `row ${row} of ${this.#header.name}`);
    }
  }

  #addNumbers(labels: ArrayLike<number>): void {
    for (let i = 0; i < labels.length; i++) {
      const label = labels[i]!;
      const row = this.#count++;
      if (!Number.isInteger(label) || label < 0 || label >= maxClasses) {
        const at = `row ${row} of ${this.#header.name}`;
        throw expected("LABEL_OUT_OF_RANGE", `a class in [0, ${maxClasses})`, at, label);
      }
      this.#indices.push(label);
    }
  }
}

class FeatureReader {
  readonly #header: ArrayHeader;
  readonly #pixels: number;
  readonly #rows: Int32Array | undefined;
  readonly #width: number;
  readonly #divisor: number;
  readonly #features: Float32Array;
  readonly #blocks: Blocks;
  /** Place of the next element in the file. */
  #row = 0;
  #column = 0;
  /** Number of samples that are written to the end. */
  #written = 0;

  constructor(header: ArrayHeader, { pixels }: SampleForm, rows?: Int32Array) {
    const { name, shape, type } = header;
    const { numbers } = type;
    if (!numbers) throw expected("CORRUPT_FILE", "numbers", name, "text");
    this.#header = header;
    this.#rows = rows;
    this.#width = shape.slice(1).reduce((a, b) => a * b, 1);
    this.#pixels = pixels ?? this.#width;
    this.#divisor = divisorOf(header);
    this.#features = allocateFeatures(name, rows?.length ?? shape[0]!, this.#width);
    this.#blocks = new Blocks(type.size, (block) => this.#write(numbers(block)));
  }

  add(chunk: Uint8Array): void {
    this.#blocks.add(chunk);
  }

  finish(): Float32Array {
    const odd = this.#blocks.end();
    checkLength(this.#header, this.#row * this.#width + this.#column, odd);
    return this.#features;
  }

  #write(values: ArrayLike<number>): void {
    for (let start = 0; start < values.length; ) {
      const end = Math.min(values.length, start + this.#width - this.#column);
      const isKept =
        this.#rows === undefined
          ? this.#row < this.#header.shape[0]!
          : this.#rows[this.#written] === this.#row;
      if (isKept) this.#writeSample(values, start, end);
      this.#column += end - start;
      start = end;
      if (this.#column < this.#width) continue;
      this.#column = 0;
      this.#row++;
      if (isKept) this.#written++;
    }
  }

  #writeSample(values: ArrayLike<number>, start: number, end: number): void {
    const [features, pixels, divisor] = [this.#features, this.#pixels, this.#divisor];
    const channels = this.#width / pixels;
    const offset = this.#written * this.#width;
    let pixel = this.#column % pixels;
    let channel = (this.#column - pixel) / pixels;
    for (let i = start, column = this.#column; i < end; i++, column++) {
      const place = offset + pixel * channels + channel;
      if (++pixel === pixels) {
        pixel = 0;
        channel++;
      }
      const value = values[i]! / divisor;
      features[place] = value;
      if (!Number.isFinite(features[place])) {
        const at = `row ${this.#row}, column ${column} of ${this.#header.name}`;
        throw expected("NON_FINITE", "a finite float32 number", at, value);
      }
    }
  }
}

/** @throws `CORRUPT_FILE` for bytes that are no text */
function textsOf({ name, type }: ArrayHeader, block: Uint8Array<ArrayBuffer>): string[] {
  try {
    return type.texts!(block);
  } catch (error) {
    throw unreadable("CORRUPT_FILE", name, error as Error);
  }
}

function checkLength({ name, shape }: ArrayHeader, elements: number, oddBytes: number): void {
  const length = shape.reduce((a, b) => a * b, 1);
  if (elements === length && oddBytes === 0) return;
  throw expected("CORRUPT_FILE", `${length} elements of shape [${shape.join(", ")}]`, name, elements);
}
