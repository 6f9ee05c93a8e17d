import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { zipSync } from "fflate";
import { dump } from "npyjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadFiles } from "../src/index.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lilaw-unpack-"));
});
afterAll(() => rm(folder, { recursive: true }));

async function file(name: string, content: Uint8Array): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

describe("files that unpack to more than they may", () => {
  const mebibyte = 2 ** 20;
  const tooFar = (limit: number) => ({
    code: "INVALID_ARGUMENT",
    message: expect.stringMatching(new RegExp(`at most ${limit} unpacked bytes \\(option maxBytes`)),
  });

  it("refuses a gzip and an NPZ of zeros, and reads both when the limit is raised", async () => {
    const text = `a,label\n${"0,0\n".repeat(mebibyte)}`;
    const csv = await file("zeros.csv.gz", gzipSync(text));
    const npz = await file(
      "zeros.npz",
      zipSync({
        "x_train.npy": new Uint8Array(dump(new Float32Array(mebibyte), [mebibyte, 1])),
        "y_train.npy": new Uint8Array(dump(new Int32Array(mebibyte))),
      }),
    );
    for (const train of [csv, npz]) {
      await expect(loadFiles({ train }, { maxBytes: mebibyte })).rejects.toMatchObject(tooFar(mebibyte));
      expect((await loadFiles({ train }, { maxBytes: 16 * mebibyte })).train.count).toBe(mebibyte);
    }
  });
});
