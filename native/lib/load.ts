import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import type { NativeBinding } from "./binding.js";
import { type Layout, layoutHash, Names } from "./layout.js";

export type AddonSource = "LILAW_NATIVE_PATH" | "local build" | "platform package";

/** A place where the addon was looked for, and why it did not load from there. */
export interface LoadAttempt {
  readonly source: AddonSource;
  readonly path: string;
  readonly reason: string;
}

/** The addon, and where it was found. */
export interface Addon {
  readonly binding: NativeBinding;
  readonly names: Names;
  readonly source: AddonSource;
  readonly path: string;
  readonly failures: readonly LoadAttempt[];
}

/** What looking for the addon came to. */
export type LoadResult = Addon | { readonly binding: null; readonly failures: readonly LoadAttempt[] };

const require = createRequire(import.meta.url);

export const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
  version: string;
};

/** "glibc" or "musl" on Linux, undefined elsewhere. */
export function libc(): "glibc" | "musl" | undefined {
  if (process.platform !== "linux") return undefined;
  const { header } = process.report.getReport() as unknown as { header: { glibcVersionRuntime?: string } };
  return header.glibcVersionRuntime === undefined ? "musl" : "glibc";
}

/** The package that brings the addon for this platform, as in `@lilaw/native-linux-x64`. */
export function platformPackage(): string {
  const suffix = libc() === "musl" ? "-musl" : "";
  return `@lilaw/native-${process.platform}-${process.arch}${suffix}`;
}

function places(): { source: AddonSource; path: string }[] {
  const { LILAW_NATIVE_PATH } = process.env;
  // Whoever names a file wants that one: another would only hide the mistake.
  if (LILAW_NATIVE_PATH) return [{ source: "LILAW_NATIVE_PATH", path: LILAW_NATIVE_PATH }];
  return [
    {
      source: "local build",
      path: fileURLToPath(new URL("../build/Release/lilaw.node", import.meta.url)),
    },
    { source: "platform package", path: platformPackage() },
  ];
}

/** How `lilaw-native` is called here: unlike `npx`, this works wherever the package lies. */
function command(subcommand: string): string {
  const program = fileURLToPath(new URL("./main.js", import.meta.url));
  return `node ${/[^\w./@-]/.test(program) ? JSON.stringify(program) : program} ${subcommand}`;
}

function open(path: string): NativeBinding {
  const binding = require(path) as NativeBinding;
  const wanted = { version, layoutHash };
  for (const name of ["version", "layoutHash"] as const) {
    if (binding[name] === wanted[name]) continue;
    const mismatch = `Expected ${wanted[name]} for addon.${name} but received ${binding[name] ?? "none"}`;
    throw new Error(`${mismatch}; ${command("build")} makes another`);
  }
  return binding;
}

/** The first line of an error: those of `require` go on with a list of modules. */
const reasonOf = (error: unknown) => (error instanceof Error ? error.message : String(error)).split("\n")[0]!;

/** Nobody has to have the package for a platform: that it is not installed is no reason for anything. */
const isNotInstalled = ({ source, path }: { source: AddonSource; path: string }, error: unknown) =>
  source === "platform package" && reasonOf(error) === `Cannot find module '${path}'`;

let result: LoadResult | undefined;

/** Looks for the addon, once. Never throws: without an addon, `failures` says where it was looked for. */
export function load(): LoadResult {
  result ??= find();
  return result;
}

function find(): LoadResult {
  const failures: LoadAttempt[] = [];
  for (const place of places()) {
    try {
      const binding = open(place.path);
      const names = new Names({
        ...JSON.parse(binding.layout),
        losses: JSON.parse(binding.losses),
      } as Layout);
      return { binding, names, ...place, failures };
    } catch (error) {
      if (!isNotInstalled(place, error)) failures.push({ ...place, reason: reasonOf(error) });
    }
  }
  return { binding: null, failures };
}

/** What would give this machine the addon. */
export function remedies(): string[] {
  return [`${command("build")}   (needs a C++ compiler and CMake 3.22; with nvcc, CUDA too)`];
}

/** The addon, or an Error with the code `BACKEND_UNAVAILABLE` that says where it was looked for. */
export function addon(): Addon {
  const found = load();
  if (found.binding) return found;
  const tried = found.failures.map(({ source, path, reason }) => `${source} ${path}: ${reason}`);
  throw Object.assign(
    new Error(`Expected the addon of @lilaw/native but received none (${tried.join("; ")})`),
    { code: "BACKEND_UNAVAILABLE" },
  );
}

/** The functions of the addon, or that Error. */
export const binding = (): NativeBinding => addon().binding;
