/// <reference lib="esnext.disposable" preserve="true" />
/**
 * Memory of the GPU, and streams. Everything here throws an Error with a `code`: `BACKEND_UNAVAILABLE` (no addon),
 * `CUDA_UNAVAILABLE` (no device, or an addon without CUDA), `OUT_OF_MEMORY`, `CUDA_ERROR`, `DISPOSED`,
 * `INVALID_ARGUMENT`, `LENGTH_MISMATCH`.
 */
import type { BufferHandle, StreamHandle } from "./binding.js";
import { binding } from "./operations.js";

/** What an array on the host is of, for each type on the device. 16-bit floats are their bits. */
export interface HostArrays {
  float32: Float32Array;
  float16: Uint16Array;
  bfloat16: Uint16Array;
  float64: Float64Array;
  int32: Int32Array;
  uint8: Uint8Array;
}

export type DeviceDtype = keyof HostArrays;

/** In the order of the addon. */
const hostArrays = {
  float32: Float32Array,
  float16: Uint16Array,
  bfloat16: Uint16Array,
  float64: Float64Array,
  int32: Int32Array,
  uint8: Uint8Array,
} as const;
const dtypes = Object.keys(hostArrays);

/** What the addon is given for a buffer or a stream. Anything else goes as it is: the addon says what is wrong. */
export let bufferHandle: <B extends DeviceBuffer | null | undefined>(
  buffer: B,
) => BufferHandle | Exclude<B, DeviceBuffer>;
export let streamHandle: (stream: Stream) => StreamHandle;

/**
 * Work on the device, done in the order in which it was queued; streams do not wait for each other. Owns the memory
 * that operations queued on it work in.
 */
export class Stream {
  readonly #handle: StreamHandle;

  static {
    streamHandle = (stream) =>
      // biome-ignore lint/suspicious/noExplicitAny: what is no stream goes as it is
      (typeof stream === "object" && stream !== null && #handle in stream ? stream.#handle : stream) as any;
  }

  private constructor(handle: StreamHandle) {
    this.#handle = handle;
  }

  static create(): Stream {
    return new Stream(binding().streamCreate());
  }

  /** Waits until all work queued on the stream is done. */
  synchronize(): void {
    binding().streamSynchronize(this.#handle);
  }

  /** Frees it, once its work is done. A second time does nothing. */
  dispose(): void {
    binding().streamDispose(this.#handle);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

let shared: Stream | undefined;

/** The stream of whoever names none; there as long as the process. */
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
  readonly #handle: BufferHandle;

  static {
    bufferHandle = (buffer) =>
      // biome-ignore lint/suspicious/noExplicitAny: what is no buffer goes as it is
      (typeof buffer === "object" && buffer !== null && #handle in buffer ? buffer.#handle : buffer) as any;
  }

  private constructor(dtype: D, length: number, handle: BufferHandle) {
    this.dtype = dtype;
    this.length = length;
    this.#handle = handle;
  }

  /** Memory with anything in it, for `length` >= 1 elements. */
  static create<D extends DeviceDtype>(dtype: D, length: number): DeviceBuffer<D> {
    const position = dtypes.indexOf(dtype);
    if (position < 0) {
      throw Object.assign(
        new Error(`Expected one of ${dtypes.join(", ")} for dtype but received ${String(dtype)}`),
        { code: "INVALID_ARGUMENT" },
      );
    }
    return new DeviceBuffer(dtype, length, binding().bufferCreate(position, length));
  }

  /** Copies an array of the same length and type into it, behind the work of `stream`; waits until that is done. */
  upload(source: HostArrays[D], stream: Stream = defaultStream()): this {
    binding().bufferUpload(this.#handle, source, streamHandle(stream));
    return this;
  }

  /**
   * Copies it into `out` (default: a new array), behind the work of `stream`, and waits until that is done: name the
   * stream that fills it.
   */
  download(out?: HostArrays[D], stream: Stream = defaultStream()): HostArrays[D] {
    const array = out ?? (new hostArrays[this.dtype](this.length) as HostArrays[D]);
    binding().bufferDownload(this.#handle, array, streamHandle(stream));
    return array;
  }

  /** The elements from `begin` up to but not including `end`, at least one: a view, which keeps the memory alive. */
  slice(begin: number, end = this.length): DeviceBuffer<D> {
    return new DeviceBuffer(this.dtype, end - begin, binding().bufferSlice(this.#handle, begin, end));
  }

  /** Lets go of the memory; all other use throws `DISPOSED` then. A second time does nothing. */
  dispose(): void {
    binding().bufferDispose(this.#handle);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** Bytes of memory that the device has, and how many of them are free. */
export const deviceMemory = (): { freeBytes: number; totalBytes: number } => binding().deviceMemory();

/** The scalars that an operation leaves on the device: how to make room for them, and how to read them. */
export interface DeviceResult<Name extends string> {
  /** Room for one result */
  create(): DeviceBuffer<"uint8">;
  /** One result, once the work of `stream` is done */
  download(result: DeviceBuffer<"uint8">, stream?: Stream): Record<Name, number>;
}

/** A structure of float64, and of int64 behind them. */
export function resultOf<Name extends string>(
  reals: readonly Name[],
  counts: readonly Name[],
): DeviceResult<Name> {
  const bytes = 8 * (reals.length + counts.length);
  return {
    create: () => DeviceBuffer.create("uint8", bytes),
    download(result, stream) {
      const view = new DataView(result.download(new Uint8Array(bytes), stream).buffer);
      const at = (index: number) => 8 * index;
      return Object.fromEntries([
        ...reals.map((name, i) => [name, view.getFloat64(at(i), true)]),
        ...counts.map((name, i) => [name, Number(view.getBigInt64(at(reals.length + i), true))]),
      ]);
    },
  };
}
