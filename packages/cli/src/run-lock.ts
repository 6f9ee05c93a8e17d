import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { isGranted } from "./kernel-lock.js";
import { notWritable } from "./run-folder.js";

/**
 * Keeps other processes from training in a run folder, until it is released or this process ends, in whatever way: the
 * lock is the kernel's, so that nothing is left behind and no clock is asked. It guards against a mistake: where there
 * are no such locks, training goes on without.
 */
export class RunLock {
  #file: FileHandle | undefined;

  /** @throws NOT_WRITABLE (another process has it) */
  async take(folder: string): Promise<void> {
    // The one file that is never replaced. Where there is none, opening the folder says so.
    this.#file = await open(join(folder, "config.json"), "r+").catch(() => undefined);
    if (this.#file === undefined || isGranted(this.#file.fd)) return;
    throw notWritable("the run folder", folder, new Error("another process trains in it"));
  }

  async release(): Promise<void> {
    await this.#file?.close();
  }
}
