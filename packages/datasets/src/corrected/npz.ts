import { expected } from "@lilaw/core";
import { type NdArray, reading } from "../files/arrays.js";
import type { DataFile } from "../files/data-file.js";
import { collect } from "../files/inflate.js";
import { Npz } from "../files/npz.js";
import { correctedLabels, withoutRows } from "./arrays.js";
import { type Changes, type DecidedSplit, excludedRows, type SourceRows } from "./changes.js";
import { writeWhole } from "./output.js";

type BySplit<T> = Partial<Record<DecidedSplit, T>>;

/**
 * Writes an NPZ file with other labels. Other members are as they were.
 *
 * @param pairs names of the features and labels of each split
 * @throws `INVALID_ARGUMENT` where rows are to be left out that other arrays may have too
 */
export async function writeCorrectedNpz(
  file: DataFile,
  output: string,
  pairs: BySplit<readonly [string, string]>,
  splits: BySplit<SourceRows>,
  changes: BySplit<Changes>,
): Promise<void> {
  const { ZipFile } = await import("yazl");
  const npz = await Npz.open(file);
  try {
    await checkOthers(npz, pairs, changes);
    const roles = new Map<string, { array: "features" | "labels"; split: DecidedSplit }>();
    for (const split of ["train", "valid"] as const) {
      const pair = pairs[split];
      if (pair === undefined || !changes[split]?.size) continue;
      roles
        .set(`${pair[0]}.npy`, { array: "features", split })
        .set(`${pair[1]}.npy`, { array: "labels", split });
    }
    const zip = new ZipFile();
    const written = writeWhole(
      output,
      zip.outputStream as unknown as AsyncIterable<Uint8Array>,
      file.isPacked,
    );
    // An error of a member ends the archive; the writing then fails with it.
    const stop = (error: unknown) =>
      (zip.outputStream as unknown as import("node:stream").Readable).destroy(error as Error);
    const { Readable } = await import("node:stream");
    for (const entry of npz.members) {
      const role = roles.get(entry.fileName);
      const settings = { compress: entry.compressionMethod !== 0, mtime: entry.getLastModDate() };
      if (entry.fileName.endsWith("/")) zip.addEmptyDirectory(entry.fileName, { mtime: settings.mtime });
      else if (role?.array === "labels") {
        const labels = splits[role.split]!.labels;
        const bytes = await reading(await npz.array(entry.fileName.slice(0, -4)), async (array) =>
          correctedLabels(array, await collect(array.body), labels, changes[role.split]!),
        ).catch((error) => {
          stop(error);
          return new Uint8Array();
        });
        zip.addBuffer(Buffer.from(bytes), entry.fileName, settings);
      } else {
        const excludes = role !== undefined && excludedRows(changes[role.split]!).size > 0;
        zip.addReadStreamLazy(entry.fileName, settings, (give) => {
          const opening: Promise<AsyncIterable<Uint8Array>> = excludes
            ? npz
                .array(entry.fileName.slice(0, -4))
                .then((array: NdArray) => withoutRows(array, changes[role!.split]!))
            : Promise.resolve(npz.chunksOf(entry));
          opening.then(
            (chunks) => give(undefined, Readable.from(chunks, { objectMode: false }).on("error", stop)),
            stop,
          );
        });
      }
    }
    zip.end();
    await written;
  } finally {
    npz.close();
  }
}

/** @throws `INVALID_ARGUMENT` for arrays that have as many rows as one from which some are left out */
async function checkOthers(
  npz: Npz,
  pairs: BySplit<readonly [string, string]>,
  changes: BySplit<Changes>,
): Promise<void> {
  for (const split of ["train", "valid"] as const) {
    const pair = pairs[split];
    if (pair === undefined || excludedRows(changes[split] ?? new Map()).size === 0) continue;
    const rowsOf = (name: string) =>
      npz.array(name).then((array) => reading(array, async ({ shape }) => shape[0]));
    const rows = await rowsOf(pair[0]);
    for (const name of npz.names) {
      if (pair.includes(name) || (await rowsOf(name)) !== rows) continue;
      const isKnown = Object.values(pairs).some((other) => other.includes(name));
      if (isKnown) continue;
      const expectation = `no array of ${rows} rows besides ${pair.join(" and ")}, to leave rows out (a patch says which)`;
      throw expected("INVALID_ARGUMENT", expectation, npz.path, name);
    }
  }
}
