import { gzipSync } from "node:zlib";
import { zipSync } from "fflate";
import { expect, it } from "vitest";
import { loadFiles } from "../src/index.js";
import { file, npyOf } from "./support.js";

const mebibyte = 2 ** 20;

it.each([
  ["gzip", "zeros.csv.gz", gzipSync(`a,label\n${"0,0\n".repeat(mebibyte)}`)],
  [
    "NPZ",
    "zeros.npz",
    zipSync({
      "x_train.npy": npyOf(new Float32Array(mebibyte), [mebibyte, 1]),
      "y_train.npy": npyOf(new Int32Array(mebibyte)),
    }),
  ],
])(
  "refuses %s of zeros that unpacks to more than it may, and reads it when the limit is raised",
  async (_, name, bytes) => {
    const train = await file(name, bytes);
    await expect(loadFiles({ train }, { maxBytes: mebibyte })).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining(
        `at most ${mebibyte} unpacked bytes (option maxBytes raises it) for ${train}`,
      ),
    });
    expect((await loadFiles({ train }, { maxBytes: 16 * mebibyte })).train.count).toBe(mebibyte);
  },
);
