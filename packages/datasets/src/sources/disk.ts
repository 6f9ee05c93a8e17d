import { randomUUID } from "node:crypto";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { LilawError } from "@lilaw/core";

/** Runs what writes to `path`; a refusal of the file system becomes one `NOT_WRITABLE`. */
export async function writing<T>(path: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (cause) {
    throw new LilawError(
      "NOT_WRITABLE",
      `Expected a writable place for ${path} but received ${(cause as Error).message}; LILAW_CACHE names another folder`,
      { cause },
    );
  }
}

export async function makeFolder(path: string): Promise<void> {
  await writing(path, () => mkdir(path, { recursive: true }));
}

/** Writes a file whole or not at all, so that no reader ever sees half of one. */
export async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    await writing(path, async () => {
      await writeFile(temporary, bytes);
      await rename(temporary, path);
    });
  } finally {
    await rm(temporary, { force: true });
  }
}
