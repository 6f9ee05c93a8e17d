/**
 * The layout of a saved state: the name of the format, a version, the length of a JSON header (both uint32, little endian),
 * the header (UTF-8), tensors, and the SHA-256 of everything before it. Name and version stay where they are in all versions.
 */
import { expected, type LilawError } from "@lilaw/core";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";

const format = new TextEncoder().encode("lilaw-training-state");
const version = 2;
const start = format.length + 8;
const checksumLength = 32;

/** The beginning of the first version, which had no checksum and started with its header. */
const firstVersion = new TextEncoder().encode('{"format":"lilaw-training-state"');

export function pack(header: object, tensors: Uint8Array): Uint8Array {
  const text = new TextEncoder().encode(JSON.stringify(header));
  const bytes = new Uint8Array(start + text.length + tensors.length + checksumLength);
  const numbers = new DataView(bytes.buffer);
  bytes.set(format);
  numbers.setUint32(format.length, version, true);
  numbers.setUint32(format.length + 4, text.length, true);
  bytes.set(text, start);
  bytes.set(tensors, start + text.length);
  bytes.set(sha256(bytes.subarray(0, -checksumLength)), bytes.length - checksumLength);
  return bytes;
}

/**
 * @param given bytes from `pack`; the results are copies
 * @throws LilawError `CORRUPT_FILE` for any other bytes, `INCOMPATIBLE_STATE` for undamaged ones of another version
 */
export function unpack(given: Uint8Array): { header: unknown; tensors: ArrayBuffer } {
  if (!(given instanceof Uint8Array)) throw expected("INVALID_ARGUMENT", "a Uint8Array", "resume", given);
  const bytes = new Uint8Array(given); // a copy, which cannot change meanwhile; `slice` of a Buffer makes none
  if (startsWith(bytes.subarray(4), firstVersion)) throw otherVersion(1);
  if (bytes.length < start + checksumLength || !startsWith(bytes, format))
    throw corrupt(given, "a training state");
  const checksum = bytes.subarray(-checksumLength);
  if (!startsWith(sha256(bytes.subarray(0, -checksumLength)), checksum)) {
    throw corrupt(given, "a training state whose bytes are those that were saved");
  }
  const numbers = new DataView(bytes.buffer);
  const found = numbers.getUint32(format.length, true);
  if (found !== version) throw otherVersion(found);
  const end = start + numbers.getUint32(format.length + 4, true);
  return {
    header: JSON.parse(new TextDecoder().decode(bytes.subarray(start, end))),
    tensors: bytes.slice(end, -checksumLength).buffer,
  };
}

/** A short text that differs for different numbers. */
export function digest(...arrays: ArrayBufferView[]): string {
  const hash = sha256.create();
  for (const { buffer, byteOffset, byteLength } of arrays) {
    hash.update(new Uint8Array(buffer, byteOffset, byteLength));
  }
  return bytesToHex(hash.digest().subarray(0, 16));
}

function startsWith(bytes: Uint8Array, beginning: Uint8Array): boolean {
  return beginning.every((byte, i) => bytes[i] === byte);
}

const corrupt = (bytes: Uint8Array, expectation: string): LilawError =>
  expected("CORRUPT_FILE", expectation, "resume", bytes);

const otherVersion = (found: number): LilawError =>
  expected("INCOMPATIBLE_STATE", `a training state of version ${version}`, "resume", `version ${found}`);
