import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import type { NativeBinding } from "./binding.js";
import { type Layout, layoutHash, Names } from "./layout.js";

export type AddonSource = "LILAW_NATIVE_PATH" | "local build" | "platform package";

/** A place where the addon was searched, and the reason why it did not load from there. */
export interface LoadAttempt {
  readonly source: AddonSource;
  readonly path: string;
  readonly reason: string;
}

/** The addon, and the place where it was found. */
export interface Addon {
  readonly binding: NativeBinding;
  readonly names: Names;
  readonly source: AddonSource;
  readonly path: string;
  readonly failures: readonly LoadAttempt[];
}

/** Result of the search for the addon. */
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

/** Package with the addon for this platform, such as `@lilaw/native-linux-x64`. */
export function platformPackage(): string {
  const suffix = libc() === "musl" ? "-musl" : "";
  return `@lilaw/native-${process.platform}-${process.arch}${suffix}`;
}

function places(): { source: AddonSource; path: string }[] {
  const { LILAW_NATIVE_PATH } = process.env;
  // Only the named file: loading another one would hide a mistake in the name.
  if (LILAW_NATIVE_PATH) return [{ source: "LILAW_NATIVE_PATH", path: LILAW_NATIVE_PATH }];
  return [
    {
      source: "local build",
      path: fileURLToPath(new URL("../build/Release/lilaw.node", import.meta.url)),
    },
    { source: "platform package", path: platformPackage() },
  ];
}

/** Command line that runs `lilaw-native`; unlike `npx`, it works wherever the package is installed. */
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

/** First line of an error message; messages of `require` continue with a list of modules. */
const reasonOf = (error: unknown) => (error instanceof Error ? error.message : String(error)).split("\n")[0]!;

/** Whether the platform package is simply not installed. It is optional, so this is not reported as a failure. */
const isNotInstalled = ({ source, path }: { source: AddonSource; path: string }, error: unknown) =>
  source === "platform package" && reasonOf(error) === `Cannot find module '${path}'`;

let result: LoadResult | undefined;

/** Searches for the addon, once. Never throws: without an addon, `failures` lists the places that were searched. */
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

/** Commands that would give this machine the addon. */
export function remedies(): string[] {
  return [`${command("build")}   (needs a C++ compiler and CMake 3.22; with nvcc, CUDA too)`];
}

/** The addon. Throws an Error with the code `BACKEND_UNAVAILABLE` that lists the places that were searched. */
export function addon(): Addon {
  const found = load();
  if (found.binding) return found;
  const tried = found.failures.map(({ source, path, reason }) => `${source} ${path}: ${reason}`);
  throw Object.assign(
    new Error(`Expected the addon of @lilaw/native but received none (${tried.join("; ")})`),
    { code: "BACKEND_UNAVAILABLE" },
  );
}

/** The functions of the addon. Throws as {@link addon} does. */
export const binding = (): NativeBinding => addon().binding;
