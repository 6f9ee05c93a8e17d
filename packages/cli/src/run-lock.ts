import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { isGranted } from "./kernel-lock.js";
import { notWritable } from "./run-folder.js";

/**
 * Keeps other processes from training in a run folder until it is released or this process ends, in whatever way: the
 * kernel holds the lock, so that nothing is left behind and no clock is asked. The lock guards against a mistake: on a
 * machine without such locks, training goes on without one.
 */
export class RunLock {
  #file: FileHandle | undefined;

  /** @throws NOT_WRITABLE (another process has it, or `config.json` cannot be opened for writing, as a lock needs it) */
  async take(folder: string): Promise<void> {
    try {
      // The only file that is never replaced, so that its lock lasts.
      this.#file = await open(join(folder, "config.json"), "r+");
      if (!isGranted(this.#file.fd)) throw new Error("another process trains in it");
    } catch (error) {
      // RunFolder.open has the error for a folder without such a file.
      if (["ENOENT", "ENOTDIR", "EISDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return;
      throw notWritable("the run folder", folder, error);
    }
  }

  async release(): Promise<void> {
    await this.#file?.close();
  }
}
