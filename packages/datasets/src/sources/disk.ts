import { randomUUID } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, lstat, mkdir, open, rename, rm, writeFile } from "node:fs/promises";
import { LilawError } from "@lilaw/core";
import { atMost, collect } from "../files/inflate.js";

// Windows has neither flag: its pipes are not found in folders, and creating links needs a privilege. So a link that
// replaces a file just before it is opened is refused everywhere but on Windows.
const { O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;

/** Runs `write`. Errors of the file system become one `NOT_WRITABLE` that names `path`. */
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

/** Replaces a file as a whole, so that no reader ever sees half of it. A link at `path` is replaced, not followed. */
export async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    await writing(path, async () => {
      await writeFile(temporary, bytes, { flag: "wx" });
      await rename(temporary, path);
    });
  } finally {
    await rm(temporary, { force: true });
  }
}

/**
 * Reads a file of at most `limit` bytes.
 *
 * @param links whether `path` itself may be a symbolic link
 * @throws an ordinary error for a longer file, a link where none may be, a pipe or a device
 */
export async function readAtMost(
  path: string,
  limit: number,
  { links }: { links: boolean },
): Promise<Uint8Array> {
  const found = links ? undefined : await lstat(path);
  if (found?.isSymbolicLink()) throw new Error("a symbolic link, which is not followed here");
  // Without O_NONBLOCK, opening a pipe would wait for a writer.
  const handle = await open(path, constants.O_RDONLY | O_NONBLOCK | (links ? 0 : O_NOFOLLOW));
  try {
    if (!(await handle.stat()).isFile()) throw new Error("something else than a file");
    const tooMany = () => new Error(`more than ${limit} bytes`);
    return await collect(atMost(handle.createReadStream({ autoClose: false }), limit, tooMany));
  } finally {
    await handle.close();
  }
}

/** A partly downloaded file, which several calls may fill. If it is empty it is removed when it is closed. */
export class Part {
  readonly path: string;
  readonly #handle: FileHandle;
  #size: number;
  #inherited: boolean;

  private constructor(path: string, handle: FileHandle, size: number) {
    this.path = path;
    this.#handle = handle;
    this.#size = size;
    this.#inherited = size > 0;
  }

  /**
   * Opens the file of an earlier call, or makes a new one. A link, a pipe or a hard link of another file is removed
   * first: in a shared cache somebody else could use it to have that other file overwritten.
   */
  static async open(path: string): Promise<Part> {
    return writing(path, async () => {
      const found = await lstat(path).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== "ENOENT") throw error;
      });
      if (found && !(found.isFile() && found.nlink === 1)) await rm(path);
      const { O_RDWR, O_CREAT, O_APPEND } = constants;
      const handle = await open(path, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK);
      return new Part(path, handle, (await handle.stat()).size);
    });
  }

  get size(): number {
    return this.#size;
  }

  /** Whether it holds bytes of an earlier call. */
  get inherited(): boolean {
    return this.#inherited;
  }

  async append(chunk: Uint8Array): Promise<void> {
    await writing(this.path, () => this.#handle.writeFile(chunk));
    this.#size += chunk.length;
  }

  async clear(): Promise<void> {
    await writing(this.path, () => this.#handle.truncate());
    this.#size = 0;
    this.#inherited = false;
  }

  async read(): Promise<Uint8Array> {
    return collect(
      this.#handle.createReadStream({ start: 0, end: Math.max(0, this.#size - 1), autoClose: false }),
    );
  }

  async close(): Promise<void> {
    await this.#handle.close();
    if (this.#size === 0) await rm(this.path, { force: true });
  }
}
