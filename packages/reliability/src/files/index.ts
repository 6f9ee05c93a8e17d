/** Damaged files of every format that the packages read. */
import { writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { Random } from "@lilaw/core";
import { openTensors } from "../calls/tensors.js";
import { chance, pick } from "../calls/values.js";
import { FaultFound, type Kind } from "../kind.js";
import { checkRefusal } from "../refusals.js";
import type { Format } from "./format.js";
import { mutate } from "./mutate.js";
import { pinnedFiles } from "./pinned.js";
import { runs } from "./runs.js";
import { tables } from "./tables.js";

const formats = { ...tables, ...runs, ...pinnedFiles };
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
  readonly original: Uint8Array;
  read(damaged: Uint8Array): Promise<void>;
}

export const files: Kind<FilesGroup> = {
  name: "files",
  wheel: names,
  countsEachGroup: true,
  limitSeconds: 5,
  chunk: 1000 * names.length,
  async open(folder) {
    await openTensors();
    const opened = new Map<FilesGroup, Promise<Opened>>();
    const openFormat = async (group: FilesGroup): Promise<Opened> => {
      const { original, open }: Format = formats[group];
      const own = join(folder, group.replaceAll(" ", "-"));
      await mkdir(own);
      const read = await open(own);
      const whole = typeof original === "function" ? await original() : original;
      await read(whole);
      return { original: whole, read };
    };
    for (const group of names) {
      const opening = openFormat(group);
      // Told by the cases of the format.
      opening.catch(() => {});
      await opening.catch(() => {});
      opened.set(group, opening);
    }
    return async (group, seed, index) => {
      const random = Random.from(seed, "file", index);
      const { kind, bombs }: Format = formats[group];
      const { original, read } = await opened.get(group)!.catch((error: Error) => {
        throw new FaultFound("silentDifferences", `the whole file is refused: ${error.stack}`);
      });
      const isBomb = bombs.length > 0 && chance(random, 1 / bombsOneIn);
      const damaged = isBomb ? pick(random, bombs)() : mutate(original, kind, random);
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
