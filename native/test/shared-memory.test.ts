/** Memory that a Worker writes to during a call: whatever it holds, nothing beyond the arrays is read or written. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { beforeEach, describe, expect, it } from "vitest";
import { allLosses, hasAddon, instructionSets, nameOf, noAddon } from "./support.js";

beforeEach(({ skip }) => skip(!hasAddon, noAddon));

/** A process of its own, since a read beyond an array would end this one. */
const node = (program: string, ...args: string[]) =>
  promisify(execFile)(process.execPath, [
    fileURLToPath(new URL(`race/${program}`, import.meta.url)),
    ...args,
  ]);

describe("memory that a Worker writes to", () => {
  it("a bad label that is good again when it is looked for", { timeout: 120_000 }, async () => {
    expect((await node("bad-label.mjs")).stdout).toBe("LABEL_OUT_OF_RANGE done\n");
  });

  const cases = instructionSets().flatMap((isa) =>
    allLosses.map((loss) => [isa, nameOf(loss), loss] as const),
  );
  it.each(cases)("%s, %s: all inputs at once", { timeout: 120_000 }, async (isa, _, loss) => {
    expect((await node("all-inputs.mjs", isa, JSON.stringify(loss))).stdout).toBe("done\n");
  });
});
