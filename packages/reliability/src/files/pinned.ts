/** Files that are pinned by their checksums, plain, packed and in archives. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { LilawError, Random } from "@lilaw/core";
import { zipSync } from "fflate";
import { createTar } from "nanotar";
import { unpackTgz, unpackZip } from "../../../datasets/dist/sources/archive.js";
import { obtainFiles } from "../../../datasets/dist/sources/obtain.js";
import { checkFiles, sha256 } from "../../../datasets/dist/sources/pinned.js";
import { FaultFound } from "../kind.js";
import { gzipBomb, zipBomb } from "./bombs.js";
import { type Format, rewritable } from "./format.js";

const random = Random.from(1, "pinned");
const content = Uint8Array.from({ length: 700 }, (_, i) => (i % 5 === 0 ? random.int(256) : 65 + (i % 7)));
const name = "data.bin";
const pinned = [{ name, sha256: sha256(content), size: content.length }];

function checkBytes(found: ReadonlyMap<string, Uint8Array>): void {
  if (Buffer.compare(found.get(name)!, content) !== 0)
    throw new FaultFound("silentDifferences", "other bytes");
}

/** The callers of an unpacker turn any of its errors into a refusal. */
async function unpacked(unpack: () => Promise<ReadonlyMap<string, Uint8Array>>): Promise<void> {
  let found: ReadonlyMap<string, Uint8Array>;
  try {
    found = await unpack();
  } catch (error) {
    throw new LilawError("CHECKSUM_MISMATCH", `Expected an archive but received ${(error as Error).message}`);
  }
  checkBytes(checkFiles(pinned, found, "an archive"));
}

const archive = (
  original: Uint8Array,
  bomb: () => Uint8Array,
  unpack: (bytes: Uint8Array) => Promise<ReadonlyMap<string, Uint8Array>>,
): Format => ({
  kind: "binary",
  original,
  bombs: [bomb],
  open: async () => (damaged) => unpacked(() => unpack(damaged)),
});

const tar = createTar(
  [
    { name: `package/${name}`, data: content },
    { name: "package/other.txt", data: "something else" },
  ],
  { attrs: { mtime: 0 } },
);

/** Files in the folder that the user names. */
const inFolder = (file: string, original: Uint8Array, bombs: Format["bombs"]): Format => ({
  kind: "binary",
  original,
  bombs,
  async open(folder) {
    await mkdir(folder, { recursive: true });
    const set = { name: "set", files: pinned, systemFolders: [], sources: [], foreign: [] };
    const options = { dataDir: folder, cacheDir: join(folder, "cache"), offline: true };
    const write = rewritable(join(folder, file));
    return async (damaged) => {
      write(damaged);
      checkBytes(await obtainFiles(set, options));
    };
  },
});

const formats = {
  "archive tgz": archive(gzipSync(tar), gzipBomb, (bytes) => unpackTgz(bytes, 16_384)),
  "archive zip": archive(
    zipSync({ [`folder/${name}`]: content }, { mtime: "2000-01-01" }),
    () => zipBomb(name, false),
    (bytes) => unpackZip("a.zip", bytes, pinned),
  ),
  "pinned gz": inFolder(`${name}.gz`, gzipSync(content), [gzipBomb]),
  "pinned plain": inFolder(name, content, []),
} satisfies Record<string, Format>;

export const pinnedFiles = {
  tgz: [formats["archive tgz"]],
  zip: [formats["archive zip"]],
  "pinned file": [formats["pinned gz"], formats["pinned plain"]],
} satisfies Record<string, readonly Format[]>;
