/** The bytes of a saved training: those of {@link stateBytes} of core. */
import { stateBytes } from "@lilaw/core";

const format: stateBytes.StateFormat = {
  name: "lilaw-training-state",
  version: 2,
  described: "a training state",
};

/** The beginning of the first version, which had no checksum and started with its header. */
const firstVersion = new TextEncoder().encode('{"format":"lilaw-training-state"');

export const pack = (header: object, tensors: ArrayBuffer): Uint8Array =>
  stateBytes.pack(format, header, [new Uint8Array(tensors)]);

/**
 * @param given bytes from `pack`; the results are copies
 * @throws LilawError `CORRUPT_FILE` for any other bytes, `INCOMPATIBLE_STATE` for undamaged ones of another version
 */
export function unpack(given: Uint8Array): { header: unknown; tensors: ArrayBuffer } {
  if (stateBytes.isBytes(given) && stateBytes.startsWith(given.subarray(4), firstVersion))
    throw stateBytes.otherVersion(format, 1, "resume");
  const { header, body } = stateBytes.unpack(format, given, "resume");
  return { header, tensors: body };
}
