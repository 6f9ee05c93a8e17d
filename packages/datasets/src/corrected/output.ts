/** Files that are written whole or not at all, and never over another by mistake. */
import { createWriteStream } from "node:fs";
import { lstat, mkdir, open, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { expected, LilawError } from "@lilaw/core";
import type { Chunks } from "../files/inflate.js";

/**
 * @param input path of the original
 * @param replaces whether a file that exists is replaced; a folder never is
 * @throws `INVALID_ARGUMENT` for a path that is the original, is in it, or exists
 */
export async function checkOutput(input: string, output: string, replaces: boolean): Promise<void> {
  const original = await stat(input);
  for (let path = output; ; path = dirname(path)) {
    const found = await stat(path).catch(() => undefined);
    if (found?.ino === original.ino && found.dev === original.dev) {
      throw expected("INVALID_ARGUMENT", "another place than the original", "the output", output);
    }
    if (path === dirname(path)) break;
  }
  await checkAbsent(output, replaces);
}

/**
 * @param replaces whether a file that exists is replaced; a folder never is
 * @throws `INVALID_ARGUMENT` for a path that exists
 */
export async function checkAbsent(output: string, replaces: boolean): Promise<void> {
  const there = await lstat(output).catch(() => undefined);
  if (there === undefined || (replaces && there.isFile())) return;
  const wanted = there.isDirectory()
    ? "a path that is not there yet"
    : "a path that is not there yet (or --force)";
  throw expected("INVALID_ARGUMENT", wanted, "the output", output);
}

/** Writes a file, packed with gzip where it is to be. */
export function writeWhole(path: string, chunks: Chunks, packs = false): Promise<void> {
  return whole(path, (part) => writeFile(part, chunks, packs));
}

/** Writes a folder: `fill` puts files into it. */
export function writeFolder(path: string, fill: (folder: string) => Promise<void>): Promise<void> {
  return whole(path, async (part) => {
    await mkdir(part);
    await fill(part);
  });
}

export async function writeFile(path: string, chunks: Chunks, packs = false): Promise<void> {
  const source = Readable.from(chunks, { objectMode: true });
  const target = createWriteStream(path, { flags: "wx" });
  await (packs ? pipeline(source, createGzip(), target) : pipeline(source, target));
}

/**
 * Writes something under another name beside its place, and moves it there once it is complete.
 *
 * @param write writes it to the path that it is given
 * @throws `NOT_WRITABLE`, and the errors of `write`; nothing is left behind
 */
export async function whole(path: string, write: (part: string) => Promise<void>): Promise<void> {
  const part = join(dirname(path), `.${basename(path)}.${process.pid}.part`);
  try {
    await write(part);
    await flush(part);
    await rename(part, path);
  } catch (error) {
    await rm(part, { recursive: true, force: true }).catch(() => undefined);
    if (error instanceof LilawError || (error as NodeJS.ErrnoException).syscall === undefined) throw error;
    const message = `Expected a place that can be written for ${path} but received ${(error as Error).message}`;
    throw new LilawError("NOT_WRITABLE", message, { cause: error });
  }
}

/** Waits until the bytes of a file, or the entries of a folder, are on the disk. */
async function flush(path: string): Promise<void> {
  // Windows opens no folders.
  if (process.platform === "win32" && (await stat(path)).isDirectory()) return;
  await using handle = await open(path);
  await handle.sync();
}
