import { createRequire } from "node:module";

const require = createRequire(import.meta.url);

/**
 * Asks the kernel for the lock of an open file. The lock ends when the file is closed, or with the process in any case.
 *
 * @returns false if another file handle holds the lock; true also on a machine without such locks
 */
export function isGranted(fd: number): boolean {
  try {
    const { tryLock }: { tryLock(fd: number, offset?: number, length?: number): boolean } =
      require("fs-native-extensions");
    // Windows refuses to read locked bytes, so there a byte far behind the end is locked. macOS locks whole files only.
    return process.platform === "win32" ? tryLock(fd, 2 ** 40, 1) : tryLock(fd);
  } catch {
    return true;
  }
}
