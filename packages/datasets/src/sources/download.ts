import { open, stat } from "node:fs/promises";
import type { DownloadProgress } from "../types.js";
import { writing } from "./disk.js";

export interface DownloadOptions {
  /** Name of the file, for progress. */
  file: string;
  signal?: AbortSignal | undefined;
  onProgress?: ((progress: DownloadProgress) => void) | undefined;
}

/**
 * Downloads `url` into `part`, going on where an earlier download of the same file stopped. A connection that
 * breaks is taken up again for as long as bytes arrive. On failure and abort, what has arrived stays in `part`.
 *
 * @returns whether bytes of an earlier download were kept: if the file then proves wrong, they may be to blame
 */
export async function download(
  url: string,
  part: string,
  options: DownloadOptions,
): Promise<{ resumed: boolean }> {
  const before = await sizeOf(part);
  let size = before;
  for (;;) {
    try {
      const { kept } = await receive(url, part, size, options);
      return { resumed: before > 0 && kept };
    } catch (error) {
      const arrived = await sizeOf(part);
      if (!isNetworkError(error) || arrived <= size) throw error;
      size = arrived;
    }
  }
}

/** One request for the bytes from `offset` on. */
async function receive(
  url: string,
  part: string,
  offset: number,
  { file, signal, onProgress }: DownloadOptions,
): Promise<{ kept: boolean }> {
  const response = await fetch(url, {
    // Otherwise a server may pack the file once more, and lengths and ranges no longer speak of its own bytes.
    headers: { "accept-encoding": "identity", ...(offset > 0 && { range: `bytes=${offset}-` }) },
    signal: signal ?? null,
  });
  if (response.status === 416) {
    await response.body?.cancel();
    // The part is as long as the file, or longer: done, or not this file.
    if (rangeTotal(response) === offset) return { kept: true };
    return receive(url, part, 0, { file, signal, onProgress });
  }
  if (!response.ok || response.body === null) {
    await response.body?.cancel();
    throw new Error(`HTTP ${response.status} from ${url}`);
  }
  const kept = response.status === 206;
  const total = kept ? rangeTotal(response) : lengthOf(response);
  let received = kept ? offset : 0;
  const report = () => onProgress?.({ file, received, ...(total !== undefined && { total }) });
  const handle = await writing(part, () => open(part, kept ? "a" : "w"));
  try {
    report();
    for await (const chunk of response.body) {
      await writing(part, () => handle.writeFile(chunk));
      received += chunk.length;
      report();
    }
  } finally {
    await handle.close();
  }
  if (total !== undefined && received !== total) {
    throw new TypeError(`the connection ended after ${received} of ${total} bytes`);
  }
  return { kept };
}

/** Length of the whole file, as told with a part of it. */
function rangeTotal(response: Response): number | undefined {
  const total = /\/(\d+)$/.exec(response.headers.get("content-range") ?? "")?.[1];
  return total === undefined ? undefined : Number(total);
}

function lengthOf(response: Response): number | undefined {
  const length = response.headers.get("content-length");
  // With a content encoding the length is not that of the bytes handed to us.
  return length === null || response.headers.has("content-encoding") ? undefined : Number(length);
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0,
  );
}

/** `fetch` tells of every broken connection by a TypeError; an answer that says no is another error. */
function isNetworkError(error: unknown): boolean {
  return error instanceof TypeError;
}
