/** Damaged files of every format that the packages read. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Random } from "@lilaw/core";
import { openTensors } from "../calls/tensors.js";
import { chance, pick } from "../calls/values.js";
import { FaultFound, type Kind } from "../kind.js";
import { checkRefusal } from "../refusals.js";
import type { Format } from "./format.js";
import { mutate } from "./mutate.js";
import { pinnedFiles } from "./pinned.js";
import { records } from "./records.js";
import { runs } from "./runs.js";
import { tables } from "./tables.js";

const formats = { ...tables, ...records, ...runs, ...pinnedFiles };
export type FilesGroup = keyof typeof formats;
const names = Object.keys(formats) as FilesGroup[];

/** One case in so many unpacks to gigabytes, where the format can. */
const bombsOneIn = 5000;

/** Keeps the file where LILAW_RELIABILITY_KEEP names a folder for it. */
function keeping(fault: FaultFound, damaged: Uint8Array, group: string, index: number): FaultFound {
  const folder = process.env.LILAW_RELIABILITY_KEEP;
  if (folder) writeFileSync(join(folder, `${index} ${group}`), damaged);
  return fault;
}

interface Opened {
  readonly format: Format;
  readonly original: Uint8Array;
  read(damaged: Uint8Array): Promise<void>;
}

async function openFormat(format: Format, folder: string): Promise<Opened> {
  mkdirSync(folder);
  const read = await format.open(folder);
  const original = typeof format.original === "function" ? await format.original() : format.original;
  await read(original);
  return { format, original, read };
}

export const files: Kind<FilesGroup> = {
  name: "files",
  wheel: names,
  countsEachGroup: true,
  limitSeconds: 5,
  limitBytes: 2 ** 30,
  chunk: 1000 * names.length,
  async open(folder) {
    await openTensors();
    const opened = new Map<Format, Opened | Error>();
    for (const format of names.flatMap((name): readonly Format[] => formats[name])) {
      const opening = openFormat(format, join(folder, String(opened.size)));
      // Errors are reported by the cases of the format.
      opened.set(format, await opening.catch((error: Error) => error));
    }
    return async (group, seed, index) => {
      const random = Random.from(seed, "file", index);
      const one = opened.get(pick<Format>(random, formats[group]))!;
      if (one instanceof Error)
        throw new FaultFound("silentDifferences", `a whole file is refused: ${one.stack}`);
      const { format, original, read } = one;
      const isBomb = format.bombs.length > 0 && chance(random, 1 / bombsOneIn);
      const damaged = isBomb ? pick(random, format.bombs)() : mutate(original, format.kind, random);
      try {
        await read(damaged);
        return "right";
      } catch (error) {
        if (error instanceof FaultFound) throw keeping(error, damaged, group, index);
        try {
          checkRefusal(error);
        } catch (fault) {
          throw keeping(fault as FaultFound, damaged, group, index);
        }
        return "refused";
      }
    };
  },
};
