import { LilawError } from "@lilaw/core";
import { atMost } from "../files/inflate.js";
import type { DownloadProgress } from "../types.js";
import type { Part } from "./disk.js";
import type { Limits } from "./limits.js";
import { BrokenConnection, request } from "./request.js";

/** Something to download. */
export interface Download {
  url: string;
  /**
   * Its size, or an upper bound where only the sizes of the files in it are known. No more bytes are ever written.
   */
  maxBytes: number;
}

export interface DownloadOptions {
  /** Name of the file, for progress. */
  file: string;
  limits: Limits;
  signal?: AbortSignal | undefined;
  onProgress?: ((progress: DownloadProgress) => void) | undefined;
}

/**
 * Downloads into `part`, and continues where an earlier download of the same file stopped. A broken connection is
 * resumed a limited number of times, if it brought any bytes. On failure and abort, the bytes received so far stay in
 * `part`.
 *
 * @throws `CHECKSUM_MISMATCH` for more than `maxBytes`; {@link BrokenConnection}; an ordinary error for another
 *   answer than the file; the reason of `signal`
 */
export async function download(item: Download, part: Part, options: DownloadOptions): Promise<void> {
  if (part.size > item.maxBytes) await part.clear();
  for (let resumptions = 0; ; resumptions++) {
    const before = part.size;
    try {
      return await receive(item, part, options);
    } catch (error) {
      const goOn = error instanceof BrokenConnection && part.size > before;
      if (!goOn || resumptions >= options.limits.resumptions) throw error;
    }
  }
}

/** Requests the bytes that `part` lacks; where the answer does not fit the part, requests the whole file. */
async function receive(item: Download, part: Part, options: DownloadOptions): Promise<void> {
  const { url, maxBytes } = item;
  const { file, limits, signal, onProgress } = options;
  const offset = part.size;
  const headers: Record<string, string> = offset > 0 ? { range: `bytes=${offset}-` } : {};
  const fits = await request(url, { headers, signal, limits }, async (response, body) => {
    const range = rangeOf(response);
    // The part is as long as the file (done) or longer (another file).
    if (response.status === 416 && offset > 0) return range?.total === offset;
    const resumed = response.status === 206 && offset > 0;
    if (resumed && range?.start !== offset) return false;
    if (response.status !== 200 && !resumed) throw new Error(`HTTP ${response.status} from ${url}`);
    const total = resumed ? range?.total : lengthOf(response);
    if (total !== undefined && total > maxBytes) throw tooLong(item);
    if (!resumed) await part.clear();
    const report = () => onProgress?.({ file, received: part.size, ...(total !== undefined && { total }) });
    report();
    for await (const chunk of atMost(body, maxBytes - part.size, () => tooLong(item))) {
      await part.append(chunk);
      report();
    }
    if (total !== undefined && part.size !== total) {
      throw new BrokenConnection(`the connection ended after ${part.size} of ${total} bytes`);
    }
    return true;
  });
  if (fits) return;
  await part.clear();
  await receive(item, part, options);
}

function tooLong({ url, maxBytes }: Download): LilawError {
  return new LilawError(
    "CHECKSUM_MISMATCH",
    `Expected at most ${maxBytes} bytes for ${url} but received more`,
  );
}

/** The start of the received range, and the length of the whole file, from the headers of an answer. */
function rangeOf(response: Response): { start: number | undefined; total: number | undefined } | undefined {
  const range = /^bytes (?:(\d+)-\d+|\*)\/(?:(\d+)|\*)$/.exec(response.headers.get("content-range") ?? "");
  const number = (text: string | undefined) => (text === undefined ? undefined : Number(text));
  return range === null ? undefined : { start: number(range[1]), total: number(range[2]) };
}

function lengthOf(response: Response): number | undefined {
  const length = response.headers.get("content-length");
  // With a content encoding, the length is that of the encoded bytes.
  return length === null || response.headers.has("content-encoding") ? undefined : Number(length);
}
