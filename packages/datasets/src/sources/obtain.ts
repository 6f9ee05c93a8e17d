import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expected, LilawError } from "@lilaw/core";
import envPaths from "env-paths";
import lockfile from "proper-lockfile";
import type { LoadOptions } from "../types.js";
import { gzipBound, unpackGzip } from "./archive.js";
import { makeFolder, readAtMost, writeWhole, writing } from "./disk.js";
import { defaultLimits, type Limits } from "./limits.js";
import { checkFiles, type FileBytes, type PinnedFile, sha256 } from "./pinned.js";
import type { Source } from "./source.js";

/** The files of a dataset and where to look for them. */
export interface FileSet {
  name: string;
  files: readonly PinnedFile[];
  /** Folders in which an operating system installs them. */
  systemFolders: readonly string[];
  /** In the order in which they are tried. */
  sources: readonly Source[];
  /**
   * The files of other datasets. Datasets share file names, so in a shared folder these are not damaged files of this
   * one.
   */
  foreign: readonly PinnedFile[];
}

interface Failure {
  place: string;
  error: Error;
}

/** The cache folder: `LILAW_CACHE`, else the operating system's own place for caches. */
export function defaultCacheDir(): string {
  return process.env.LILAW_CACHE || envPaths("lilaw", { suffix: "" }).cache;
}

/**
 * The bytes of all files of a set, from the first places that have them: data folder, cache, system folders,
 * sources. Bytes other than the pinned ones are refused everywhere. Only complete files with the right checksum enter
 * the cache.
 *
 * @throws `CHECKSUM_MISMATCH` for wrong bytes in the data folder, or when a source had only such;
 *   `SOURCE_UNAVAILABLE` when none had the files: both list everything that was tried, why it failed and what
 *   would help; `NOT_WRITABLE` for the cache; the signal's reason after an abort; what `onProgress` throws
 */
export async function obtainFiles(
  set: FileSet,
  options: LoadOptions = {},
  limits: Limits = defaultLimits,
): Promise<FileBytes> {
  checkOptions(options);
  const found = new Map<string, Uint8Array>();
  const failures: Failure[] = [];
  const cache = join(options.cacheDir ?? defaultCacheDir(), set.name);
  const missing = () => set.files.filter(({ name }) => !found.has(name));
  const look = async (place: string, folder: string, links: boolean) => {
    const local = await findLocal(folder, missing(), set.foreign, { links });
    for (const [name, bytes] of local.found) found.set(name, bytes);
    const absent = new Error(`no ${missing()[0]?.name}`);
    if (missing().length > 0) failures.push({ place: `${place} ${folder}`, error: local.refused ?? absent });
    return local;
  };

  const dataDir = options.dataDir ?? (process.env.LILAW_DATA || undefined);
  for (const folder of dataDir === undefined ? [] : [join(dataDir, set.name), dataDir]) {
    // The user named this folder: fetching other files would hide that these are damaged.
    const { refused } = await look("data folder", folder, true);
    if (refused) throw refused;
  }
  await look("cache", cache, false);
  for (const folder of set.systemFolders) await look("system folder", folder, true);
  if (missing().length === 0) return found;
  if (options.offline) {
    failures.push({ place: "network", error: new Error("not tried: offline was asked for") });
    throw unavailable(set, failures);
  }

  await makeFolder(cache);
  const { signal, onProgress } = stoppable(options);
  const unlock = await lock(cache, signal, limits);
  try {
    // Another process may have filled the cache while this one waited.
    for (const [name, bytes] of (await findLocal(cache, missing(), set.foreign, { links: false })).found)
      found.set(name, bytes);
    for (const source of set.sources) {
      if (missing().length === 0) break;
      try {
        const context = { signal, onProgress, limits, folder: cache, files: missing() };
        for await (const files of source.obtain(context)) {
          for (const [name, bytes] of files) {
            await writeWhole(join(cache, name), bytes);
            found.set(name, bytes);
          }
        }
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof LilawError && error.code === "NOT_WRITABLE") throw error;
        failures.push({ place: source.name, error: error as Error });
      }
    }
  } finally {
    await unlock();
  }
  if (missing().length > 0) throw unavailable(set, failures);
  return found;
}

function checkOptions(options: LoadOptions): void {
  const check = (fits: boolean, expectation: string, name: keyof LoadOptions) => {
    if (!fits && options[name] !== undefined)
      throw expected("INVALID_ARGUMENT", expectation, name, options[name]);
  };
  if (typeof options !== "object" || options === null)
    throw expected("INVALID_ARGUMENT", "an object", "options", options);
  for (const name of ["dataDir", "cacheDir"] as const)
    check(typeof options[name] === "string" && options[name] !== "", "the path of a folder", name);
  check(options.signal instanceof AbortSignal, "an AbortSignal", "signal");
  check(typeof options.onProgress === "function", "a function", "onProgress");
}

/** An error that `onProgress` throws stops everything, as an abort with that reason does. */
function stoppable(options: LoadOptions): Required<Pick<LoadOptions, "signal" | "onProgress">> {
  const failed = new AbortController();
  return {
    signal: AbortSignal.any(options.signal ? [options.signal, failed.signal] : [failed.signal]),
    onProgress(progress) {
      try {
        options.onProgress?.(progress);
      } catch (error) {
        failed.abort(error);
        throw error;
      }
    },
  };
}

/** The files that a folder has, plain or gzip, and the first reason why one of them cannot be taken. */
async function findLocal(
  folder: string,
  files: readonly PinnedFile[],
  foreign: readonly PinnedFile[],
  { links }: { links: boolean },
): Promise<{ found: Map<string, Uint8Array>; refused?: LilawError }> {
  const found = new Map<string, Uint8Array>();
  let refused: LilawError | undefined;
  for (const file of files) {
    const largest = Math.max(file.size, ...foreign.map(({ size }) => size));
    for (const path of [join(folder, file.name), join(folder, `${file.name}.gz`)]) {
      if (found.has(file.name)) break;
      try {
        const bytes = await unpackGzip(await readAtMost(path, gzipBound(largest), { links }), largest);
        if (isOneOf(foreign, bytes)) continue;
        checkFiles([file], new Map([[file.name, bytes]]), folder);
        found.set(file.name, bytes);
      } catch (error) {
        if (isAbsent(error)) continue;
        refused ??= error instanceof LilawError ? error : unreadable(path, error as Error);
      }
    }
  }
  return refused === undefined ? { found } : { found, refused };
}

function isOneOf(files: readonly PinnedFile[], bytes: Uint8Array): boolean {
  const digest = sha256(bytes);
  return files.some((file) => file.sha256 === digest);
}

function isAbsent(error: unknown): boolean {
  return ["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "");
}

function unreadable(path: string, cause: Error): LilawError {
  const message = `Expected the pinned bytes for ${path} but received ${cause.message}`;
  return new LilawError("CHECKSUM_MISMATCH", message, { cause });
}

/**
 * Waits until no other process downloads into this folder, since two would write into the same part.
 *
 * @returns a function that releases the lock
 */
async function lock(folder: string, signal: AbortSignal, limits: Limits): Promise<() => Promise<void>> {
  const deadline = performance.now() + limits.lockSeconds * 1000;
  for (;;) {
    signal.throwIfAborted();
    const unlock = await writing(folder, () => tryLock(folder));
    // Losing the lock, as on a suspended machine, does no harm: checksums guard the bytes, and files are replaced as
    // a whole.
    if (unlock !== undefined) return () => unlock().catch(() => {});
    if (performance.now() > deadline) {
      throw expected(
        "NOT_WRITABLE",
        `a folder that no other process has locked for ${limits.lockSeconds} s`,
        folder,
        `${folder}.lock`,
      );
    }
    // An abort ends the wait, and the loop throws its reason.
    await sleep(200, undefined, { signal }).catch(() => {});
  }
}

async function tryLock(folder: string): Promise<(() => Promise<void>) | undefined> {
  try {
    return await lockfile.lock(folder, { onCompromised: () => {} });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ELOCKED") return undefined;
    throw error;
  }
}

function unavailable(set: FileSet, failures: readonly Failure[]): LilawError {
  const wrong = failures.some(
    ({ error }) => error instanceof LilawError && error.code === "CHECKSUM_MISMATCH",
  );
  const folder = `DIR/${set.name}`;
  const lines = [
    `Expected a source that has ${set.name} for loadDataset but received ${failures.length} failures:`,
    ...failures.map(({ place, error }) => `  ${place}: ${reasonOf(error)}`),
    "Any of these helps, then LILAW_DATA=DIR if it fills the folder DIR:",
    ...set.sources.map((source) => `  ${source.help(folder)}`),
    `  copy ${set.files.map(({ name }) => name).join(", ")} (or .gz of them) into ${folder}`,
  ];
  return new LilawError(wrong ? "CHECKSUM_MISMATCH" : "SOURCE_UNAVAILABLE", lines.join("\n"), {
    cause: new AggregateError(failures.map(({ error }) => error)),
  });
}

/** A failed fetch says only that it failed; the reason is in its cause. */
function reasonOf(error: Error): string {
  const { cause } = error;
  return cause instanceof Error && !(error instanceof LilawError)
    ? `${error.message}: ${reasonOf(cause)}`
    : error.message;
}
