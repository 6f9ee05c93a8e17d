import { Readable } from "node:stream";
import { expected } from "@lilaw/core";
import type { Entry } from "yauzl";
import { reading } from "../files/arrays.js";
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
  await checkOthers(file, pairs, changes);
  const npz = await Npz.open(file);
  try {
    // Before anything is written, since labels are all that can be refused.
    const labels = await correctedArrays(npz, pairs, splits, changes);
    const zip = new ZipFile();
    const archive = zip.outputStream as Readable;
    const fail = (error: Error) => archive.destroy(error);
    for (const entry of npz.members) {
      const { fileName } = entry;
      const settings = { compress: entry.compressionMethod !== 0, mtime: entry.getLastModDate() };
      const bytes = labels.get(fileName);
      if (fileName.endsWith("/")) zip.addEmptyDirectory(fileName, { mtime: settings.mtime });
      else if (bytes) zip.addBuffer(Buffer.from(bytes), fileName, settings);
      else {
        zip.addReadStreamLazy(fileName, settings, (give) => {
          const chunks = memberOf(npz, entry, pairs, changes);
          give(undefined, Readable.from(chunks, { objectMode: false }).on("error", fail));
        });
      }
    }
    zip.end();
    await writeWhole(output, archive, file.isPacked);
  } finally {
    npz.close();
  }
}

/** The bytes of the label arrays that change, by the names of their members. */
async function correctedArrays(
  npz: Npz,
  pairs: BySplit<readonly [string, string]>,
  splits: BySplit<SourceRows>,
  changes: BySplit<Changes>,
): Promise<Map<string, Uint8Array>> {
  const found = new Map<string, Uint8Array>();
  for (const split of ["train", "valid"] as const) {
    const [pair, own] = [pairs[split], changes[split]];
    if (pair === undefined || !own?.size) continue;
    const bytes = await reading(await npz.array(pair[1]), async (array) =>
      correctedLabels(array, await collect(array.body), splits[split]!.labels, own),
    );
    found.set(`${pair[1]}.npy`, bytes);
  }
  return found;
}

/** The bytes of a member, without the rows that are left out where it holds features. */
async function* memberOf(
  npz: Npz,
  entry: Entry,
  pairs: BySplit<readonly [string, string]>,
  changes: BySplit<Changes>,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (const split of ["train", "valid"] as const) {
    const [pair, own] = [pairs[split], changes[split] ?? new Map()];
    if (pair === undefined || entry.fileName !== `${pair[0]}.npy` || excludedRows(own).size === 0) continue;
    const array = await npz.array(pair[0]);
    yield* withoutRows(array, own);
    return;
  }
  yield* npz.chunksOf(entry);
}

/** @throws `INVALID_ARGUMENT` for arrays that have as many rows as one from which some are left out */
async function checkOthers(
  file: DataFile,
  pairs: BySplit<readonly [string, string]>,
  changes: BySplit<Changes>,
): Promise<void> {
  const npz = await Npz.open(file);
  const rowsOf = (name: string) =>
    npz.array(name).then((array) => reading(array, async ({ shape }) => shape[0]));
  const known = Object.values(pairs).flat();
  try {
    for (const split of ["train", "valid"] as const) {
      const pair = pairs[split];
      if (pair === undefined || excludedRows(changes[split] ?? new Map()).size === 0) continue;
      const rows = await rowsOf(pair[0]);
      for (const name of npz.names) {
        if (known.includes(name) || (await rowsOf(name)) !== rows) continue;
        const others = `no array of ${rows} rows besides ${pair.join(" and ")}`;
        const expectation = `${others}, to leave rows out (a patch says which)`;
        throw expected("INVALID_ARGUMENT", expectation, npz.path, name);
      }
    }
  } finally {
    npz.close();
  }
}
