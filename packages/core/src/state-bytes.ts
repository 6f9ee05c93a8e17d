/**
 * The layout of a saved state: the name of the format, a version, the length of a JSON header (both uint32, little endian),
 * the header (UTF-8), a body, and the SHA-256 of everything before it. Name and version stay where they are in all versions.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { expected, type LilawError } from "./errors.js";

/** A kind of state. */
export interface StateFormat {
  /** ASCII */
  readonly name: string;
  readonly version: number;
  /** Its description with an article, for errors */
  readonly described: string;
}

const checksumLength = 32;

export function pack(
  { name, version }: StateFormat,
  header: object,
  body: readonly ArrayBufferView[],
): Uint8Array {
  const format = new TextEncoder().encode(name);
  const text = new TextEncoder().encode(JSON.stringify(header));
  const start = format.length + 8;
  const length = body.reduce((sum, { byteLength }) => sum + byteLength, start + text.length);
  const bytes = new Uint8Array(length + checksumLength);
  const numbers = new DataView(bytes.buffer);
  bytes.set(format);
  numbers.setUint32(format.length, version, true);
  numbers.setUint32(format.length + 4, text.length, true);
  bytes.set(text, start);
  let position = start + text.length;
  for (const part of body) {
    bytes.set(bytesOf(part), position);
    position += part.byteLength;
  }
  bytes.set(sha256(bytes.subarray(0, length)), length);
  return bytes;
}

/**
 * @param given bytes from `pack`; the results are copies
 * @param argument its name in the call, for errors
 * @throws LilawError `CORRUPT_FILE` for any other bytes, `INCOMPATIBLE_STATE` for undamaged ones of another version
 */
export function unpack(
  { name, version, described }: StateFormat,
  given: Uint8Array,
  argument: string,
): { header: unknown; body: ArrayBuffer } {
  if (!isBytes(given)) throw expected("INVALID_ARGUMENT", "a Uint8Array", argument, given);
  const bytes = new Uint8Array(given); // a copy, which cannot change meanwhile; `slice` of a Buffer makes none
  const format = new TextEncoder().encode(name);
  const start = format.length + 8;
  const corrupt = (expectation: string) => expected("CORRUPT_FILE", expectation, argument, given);
  if (bytes.length < start + checksumLength || !startsWith(bytes, format)) throw corrupt(described);
  const checksum = bytes.subarray(-checksumLength);
  if (!startsWith(sha256(bytes.subarray(0, -checksumLength)), checksum))
    throw corrupt(`${described} whose bytes are those that were saved`);
  const numbers = new DataView(bytes.buffer);
  const found = numbers.getUint32(format.length, true);
  if (found !== version) throw otherVersion({ version, described }, found, argument);
  const end = start + numbers.getUint32(format.length + 4, true);
  return {
    header: JSON.parse(new TextDecoder().decode(bytes.subarray(start, end))),
    body: bytes.slice(end, -checksumLength).buffer,
  };
}

export const otherVersion = (
  { version, described }: Pick<StateFormat, "version" | "described">,
  found: number,
  argument: string,
): LilawError =>
  expected("INCOMPATIBLE_STATE", `${described} of version ${version}`, argument, `version ${found}`);

/** A short text that differs for different numbers. */
export function digest(...arrays: ArrayBufferView[]): string {
  const hash = sha256.create();
  for (const array of arrays) hash.update(bytesOf(array));
  return bytesToHex(hash.digest().subarray(0, 16));
}

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

/** Whether a value is a Uint8Array. A proxy of one, even a revoked one, is not. */
export const isBytes = (value: unknown): value is Uint8Array =>
  ArrayBuffer.isView(value) && value instanceof Uint8Array;

export function startsWith(bytes: Uint8Array, beginning: Uint8Array): boolean {
  return beginning.every((byte, i) => bytes[i] === byte);
}
