import { isUtf8 } from "node:buffer";
import { expected } from "@lilaw/core";
import type { Chunks } from "./inflate.js";

/** Lines without their line ends; `first` is the number of the first line, from 1. */
export interface LineBatch {
  lines: string[];
  first: number;
  /** The line end of every line: of the last line of a file it may be absent. */
  end: "\n" | "\r" | "";
  /** Whether the file begins with a byte order mark. */
  hasMark: boolean;
}

/** No real line is longer; without a limit a file without line ends would fill the memory. */
export const maxLineBytes = 2 ** 26;

const lineFeed = 0x0a;
const carriageReturn = 0x0d;

/**
 * The lines of UTF-8 text, in batches of about a chunk each. Lines end with LF, CR LF (the CR stays, at the end of the
 * line), or CR where the first chunk has no LF. A byte order mark is left out.
 *
 * @throws `CORRUPT_FILE` for other bytes, naming the line, and for a line of more than 64 MiB
 */
export async function* lineBatches(name: string, chunks: Chunks): AsyncGenerator<LineBatch, void, undefined> {
  let end: number | undefined;
  let first = 1;
  let rest: Uint8Array[] = [];
  let restBytes = 0;
  const batch = (bytes: Uint8Array, isWhole: boolean): LineBatch => {
    const text = decode(name, bytes, first, end ?? lineFeed);
    const hasMark = first === 1 && text.startsWith("\uFEFF");
    const lineEnd = end === carriageReturn ? "\r" : "\n";
    const lines = (hasMark ? text.slice(1) : text).split(lineEnd);
    return { lines, first, end: isWhole ? lineEnd : "", hasMark };
  };
  for await (const chunk of chunks) {
    end ??= lineEndOf(chunk);
    const last = chunk.lastIndexOf(end);
    if (last < 0) {
      rest.push(chunk);
      restBytes += chunk.length;
      if (restBytes > maxLineBytes) {
        throw expected("CORRUPT_FILE", `at most ${maxLineBytes} bytes`, `line ${first} of ${name}`, "more");
      }
      continue;
    }
    const whole = batch(Buffer.concat([...rest, chunk.subarray(0, last)]), true);
    yield whole;
    first += whole.lines.length;
    rest = [chunk.subarray(last + 1)];
    restBytes = rest[0]!.length;
  }
  if (restBytes > 0) yield batch(Buffer.concat(rest), false);
}

function lineEndOf(chunk: Uint8Array): number {
  return chunk.includes(carriageReturn) && !chunk.includes(lineFeed) ? carriageReturn : lineFeed;
}

/**
 * Bytes in another encoding would silently become wrong categories. So would zero bytes, which come from UTF-16
 * without a byte order mark or from damaged disks.
 */
function decode(name: string, bytes: Uint8Array, first: number, end: number): string {
  if (isText(bytes)) return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  let [line, start] = [first, 0];
  for (;;) {
    const next = bytes.indexOf(end, start);
    if (next < 0 || !isText(bytes.subarray(start, next))) break;
    [line, start] = [line + 1, next + 1];
  }
  const expectation = "UTF-8 text (save the file as UTF-8)";
  throw expected("CORRUPT_FILE", expectation, `line ${line} of ${name}`, "other bytes");
}

function isText(bytes: Uint8Array): boolean {
  return !bytes.includes(0) && isUtf8(bytes);
}
