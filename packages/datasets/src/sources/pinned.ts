import { createHash } from "node:crypto";
import { expected } from "@lilaw/core";

/** A file by its name, and by the number and the SHA-256 (hexadecimal) of its unpacked bytes. */
export interface PinnedFile {
  name: string;
  size: number;
  sha256: string;
}

export type FileBytes = ReadonlyMap<string, Uint8Array>;

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** @throws `CHECKSUM_MISMATCH` unless `found` has every one of `files`, byte for byte. */
export function checkFiles(files: readonly PinnedFile[], found: FileBytes, from: string): FileBytes {
  const checked = files.map(({ name, sha256: pinned }): [string, Uint8Array] => {
    const bytes = found.get(name);
    const actual = bytes === undefined ? "nothing" : sha256(bytes);
    if (bytes === undefined || actual !== pinned) {
      throw expected("CHECKSUM_MISMATCH", `bytes of SHA-256 ${pinned}`, `${name} of ${from}`, actual);
    }
    return [name, bytes];
  });
  return new Map(checked);
}

/** @throws `CHECKSUM_MISMATCH` unless the bytes have this `integrity` (`ALGORITHM-BASE64`, as in lock files). */
export function checkIntegrity(from: string, bytes: Uint8Array, integrity: string): void {
  const algorithm = integrity.slice(0, integrity.indexOf("-"));
  const actual = `${algorithm}-${createHash(algorithm).update(bytes).digest("base64")}`;
  if (actual !== integrity)
    throw expected("CHECKSUM_MISMATCH", `bytes of integrity ${integrity}`, from, actual);
}
