/// <reference lib="esnext.disposable" preserve="true" />
/**
 * Memory of the GPU, streams and graphs. Everything here throws an Error with a `code`: `BACKEND_UNAVAILABLE` (no addon),
 * `CUDA_UNAVAILABLE` (no device, or an addon without CUDA), `OUT_OF_MEMORY`, `CUDA_ERROR`, `DISPOSED`,
 * `INVALID_ARGUMENT`, `LENGTH_MISMATCH`.
 */
import { expected } from "./errors.js";
import { placeOf } from "./layout.js";
import { addon, binding, load } from "./load.js";

/** The arrays on the host that hold each type of the device. 16-bit floats are their bits. */
export interface HostArrays {
  float32: Float32Array;
  float16: Uint16Array;
  bfloat16: Uint16Array;
  float64: Float64Array;
  int32: Int32Array;
  uint8: Uint8Array;
}

export type DeviceDtype = keyof HostArrays;

const hostArrays = {
  float32: Float32Array,
  float16: Uint16Array,
  bfloat16: Uint16Array,
  float64: Float64Array,
  int32: Int32Array,
  uint8: Uint8Array,
} as const;

/**
 * Work on the device, done in the order in which it was queued; streams do not wait for each other. Owns the memory
 * that operations queued on it work in.
 */
export class Stream {
  private constructor() {
    binding().streamCreate(this);
  }

  static create(): Stream {
    return new Stream();
  }

  /** Waits until all work queued on the stream is done. */
  synchronize(): void {
    binding().streamSynchronize(this);
  }

  /**
   * The operations that `record` queues on this stream, as a graph: they are not done now, but at each launch, with
   * what is in the buffers by then. Waiting for the stream meanwhile (upload, download, synchronize) throws.
   */
  capture(record: () => void): Graph {
    binding().streamBeginCapture(this);
    try {
      const returned: unknown = record();
      if (returned instanceof Promise) throw lateRecord();
      return new Graph(this);
    } finally {
      binding().streamAbandonCapture(this);
    }
  }

  /** Frees it, once its work is done. A second time does nothing. */
  dispose(): void {
    binding().streamDispose(this);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

const lateRecord = () =>
  expected("INVALID_ARGUMENT", "a function that queues at once", "record", "one that returns a promise");

/**
 * Operations that were captured on a stream, to be done again and again by one call to the driver. Keeps the memory
 * of the buffers that they use, disposed or not.
 */
export class Graph {
  /** The one that it was captured on */
  readonly stream: Stream;

  /** Ends the capture of `stream`. */
  constructor(stream: Stream) {
    binding().streamEndCapture(stream, this);
    this.stream = stream;
  }

  /** Queues all of them, on its stream. */
  launch(): void {
    binding().graphLaunch(this, this.stream);
  }

  /** Frees it, once its work is done. A second time does nothing. */
  dispose(): void {
    binding().graphDispose(this);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

let shared: Stream | undefined;

/** Default stream; lives for the whole process. */
export function defaultStream(): Stream {
  shared ??= Stream.create();
  return shared;
}

/**
 * An array of `length` elements in the memory of the GPU. The memory is freed when the buffer and all slices of it
 * are disposed; those that nobody disposes are when they are collected, some time.
 */
export class DeviceBuffer<D extends DeviceDtype = DeviceDtype> {
  readonly dtype: D;
  readonly length: number;

  private constructor(dtype: D, length: number) {
    this.dtype = dtype;
    this.length = length;
  }

  /** Uninitialised memory for `length` >= 1 elements. */
  static create<D extends DeviceDtype>(dtype: D, length: number): DeviceBuffer<D> {
    const position = placeOf(addon().names.layout.elements, dtype, "dtype");
    const buffer = new DeviceBuffer(dtype, length);
    binding().bufferCreate(buffer, position, length);
    return buffer;
  }

  /** Copies an array of the same length and type into it, behind the work of `stream`; waits until that is done. */
  upload(source: HostArrays[D], stream: Stream = defaultStream()): this {
    binding().bufferUpload(this, source, stream);
    return this;
  }

  /**
   * Copies it into `out` (default: a new array), behind the work of `stream`, and waits until that is done: name the
   * stream that fills it.
   */
  download(out?: HostArrays[D], stream: Stream = defaultStream()): HostArrays[D] {
    const array = out ?? (new hostArrays[this.dtype](this.length) as HostArrays[D]);
    binding().bufferDownload(this, array, stream);
    return array;
  }

  /** The elements from `begin` up to but not including `end`, at least one: a view, which keeps the memory alive. */
  slice(begin: number, end = this.length): DeviceBuffer<D> {
    const part = new DeviceBuffer(this.dtype, end - begin);
    binding().bufferSlice(part, this, begin, end);
    return part;
  }

  /** Lets go of the memory; all other use throws `DISPOSED` then. A second time does nothing. */
  dispose(): void {
    binding().bufferDispose(this);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** Whether it is a buffer, disposed or not; without an addon nothing is. Never throws. */
export const isDeviceBuffer = (value: unknown): value is DeviceBuffer =>
  load().binding?.bufferIs(value) ?? false;

/** Bytes of memory that the device has, and how many of them are free. */
export const deviceMemory = (): { freeBytes: number; totalBytes: number } => binding().deviceMemory();
