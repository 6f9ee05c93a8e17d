import { constants } from "node:fs";
import { access, lstat, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { expected, type LilawError } from "@lilaw/core";

/** A file that a command makes, beside its run folders. */
export interface OutputFile {
  readonly path: string;
  /** Whether an existing file may be replaced. */
  readonly force: boolean;
}

/**
 * Refuses a file that cannot be made, before the work on its content. Writes nothing.
 *
 * @param option name of the path, for errors
 * @throws INVALID_ARGUMENT (a file that exists), NOT_WRITABLE
 */
export async function checkOutput({ path, force }: OutputFile, option: string): Promise<void> {
  const existing = await lstat(path).catch(() => undefined);
  if (existing && !(force && existing.isFile())) {
    const wanted = existing.isFile() ? "a file that does not exist yet (or --force)" : "a file";
    throw expected("INVALID_ARGUMENT", wanted, option, path);
  }
  const folder = dirname(path);
  await access(folder, constants.W_OK | constants.X_OK).catch((error) => {
    throw notWritable(option, path, error);
  });
}

/**
 * Writes a file as a whole or not at all.
 *
 * @throws as {@link checkOutput}
 */
export async function writeOutput(
  output: OutputFile,
  option: string,
  content: string | Uint8Array,
): Promise<void> {
  await checkOutput(output, option);
  const part = `${output.path}.${process.pid}.part`;
  try {
    const file = await open(part, "wx");
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    // Another process may have been faster.
    await checkOutput(output, option);
    await rename(part, output.path);
  } catch (error) {
    await rm(part, { force: true }).catch(() => undefined);
    throw (error as LilawError).code === "INVALID_ARGUMENT" ? error : notWritable(option, output.path, error);
  }
}

function notWritable(option: string, path: string, error: unknown): LilawError {
  return expected(
    "NOT_WRITABLE",
    "a file that can be written",
    option,
    `${path} (${(error as Error).message})`,
  );
}
