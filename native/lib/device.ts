/// <reference lib="esnext.disposable" preserve="true" />
/**
 * Memory of the GPU, streams and graphs. Everything here throws an Error with a `code`: `BACKEND_UNAVAILABLE` (no
 * addon), `CUDA_UNAVAILABLE` (no device, or an addon without CUDA), `OUT_OF_MEMORY`, `CUDA_ERROR`, `DISPOSED`,
 * `INVALID_ARGUMENT`, `LENGTH_MISMATCH`.
 */
import { expected } from "./errors.js";
import { placeOf } from "./layout.js";
import { addon, binding, load } from "./load.js";

/** The host array for each type of the device. 16-bit floats are stored as their bits. */
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
 * A queue of work on the device, done in order; streams do not wait for each other. Owns the workspace of the
 * operations that are queued on it.
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
   * Captures the operations that `record` queues on this stream as a graph. They do not run now, but at each launch, on
   * the values that the buffers have then. Waiting for the stream meanwhile (upload, download, synchronize) throws.
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

  /** Frees it, once its work is done. A second call does nothing. */
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
 * Operations captured on a stream; one call to the driver runs them all. Keeps the memory of the buffers that they use,
 * even of disposed ones.
 */
export class Graph {
  /** Stream that the graph was captured on */
  readonly stream: Stream;

  /** Ends the capture of `stream`. */
  constructor(stream: Stream) {
    binding().streamEndCapture(stream, this);
    this.stream = stream;
  }

  /** Queues all its operations on its stream. */
  launch(): void {
    binding().graphLaunch(this, this.stream);
  }

  /** Frees it, once its work is done. A second call does nothing. */
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
 * An array of `length` elements in the memory of the GPU. The memory is freed when the buffer and all slices of it are
 * disposed or garbage-collected.
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

  /** Copies an array of the same length and type into the buffer after the work of `stream`, and waits for the copy. */
  upload(source: HostArrays[D], stream: Stream = defaultStream()): this {
    binding().bufferUpload(this, source, stream);
    return this;
  }

  /**
   * Copies the buffer into `out` (default: a new array) after the work of `stream`, and waits for the copy. Pass the
   * stream that fills the buffer.
   */
  download(out?: HostArrays[D], stream: Stream = defaultStream()): HostArrays[D] {
    const array = out ?? (new hostArrays[this.dtype](this.length) as HostArrays[D]);
    binding().bufferDownload(this, array, stream);
    return array;
  }

  /** A view of the elements from `begin` up to but not including `end`, at least one; it keeps the memory alive. */
  slice(begin: number, end = this.length): DeviceBuffer<D> {
    const part = new DeviceBuffer(this.dtype, end - begin);
    binding().bufferSlice(part, this, begin, end);
    return part;
  }

  /** Releases the memory; all other use then throws `DISPOSED`. A second call does nothing. */
  dispose(): void {
    binding().bufferDispose(this);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** Whether a value is a buffer, disposed or not; false without an addon. Never throws. */
export const isDeviceBuffer = (value: unknown): value is DeviceBuffer =>
  load().binding?.bufferIs(value) ?? false;

/** Free and total memory of the device, in bytes. */
export const deviceMemory = (): { freeBytes: number; totalBytes: number } => binding().deviceMemory();
