import { type FileHandle, open } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { notWritable } from "./run-folder.js";

const require = createRequire(import.meta.url);

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

function isGranted(fd: number): boolean {
  try {
    const { tryLock }: { tryLock(fd: number, offset?: number, length?: number): boolean } =
      require("fs-native-extensions");
    // Windows lets nobody read what is locked: a byte far behind the end of the file. macOS locks whole files only.
    return process.platform === "win32" ? tryLock(fd, 2 ** 40, 1) : tryLock(fd);
  } catch {
    return true;
  }
}
