import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

export const repository = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));
/** All packages are in `packages/`, but the native one, which is a folder of its own. */
export const packageFolder = (name: string) =>
  name === "native" ? join(repository, name) : join(repository, "packages", name);
/** The folder of a package by its name: `core` for `@lilaw/core`. */
export const folderName = (specifier: string) => specifier.slice("@lilaw/".length);
export const consumersFolder = join(packageFolder("packaging"), "consumers");

const tool = (name: string) => join(repository, "node_modules", ".bin", name);
const execute = promisify(execFile);

/** The environment without what an outer npm or pnpm adds, which would steer the inner one. */
const cleanEnvironment = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(npm_|pnpm_|NODE_PATH$|NODE_ENV$|VITEST)/i.test(name)),
);

/** Runs a program and returns its stdout; an error carries all of its output. */
export async function run(
  program: string,
  args: readonly string[],
  cwd: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<string> {
  const env = { ...cleanEnvironment, ...environment };
  try {
    return (await execute(program, [...args], { cwd, env, maxBuffer: 1 << 26 })).stdout;
  } catch (error) {
    const { stdout, stderr, message } = error as Error & { stdout: string; stderr: string };
    throw new Error(`${message}\n${stdout}\n${stderr}`);
  }
}

/** A new folder outside of the repository; {@link remove} it afterwards. */
export const temporaryFolder = () => mkdtemp(join(tmpdir(), "lilaw-packaging-"));
export const remove = (folder: string) => rm(folder, { recursive: true, force: true });

export const readJson = async (file: string) => JSON.parse(await readFile(file, "utf8"));
export const writeJson = (file: string, value: unknown) => writeFile(file, JSON.stringify(value, null, 2));

/** Packs a package as it would be published and returns the path of its tarball. */
export async function pack(name: string, destination: string): Promise<string> {
  const output = await run(
    tool("pnpm"),
    ["pack", "--json", "--pack-destination", destination],
    packageFolder(name),
  );
  return (JSON.parse(output) as { filename: string }).filename;
}

/** The packages of this repository that `name` needs at run time, and theirs. */
export async function ownDependencies(name: string): Promise<string[]> {
  const { dependencies = {} } = await readJson(join(packageFolder(name), "package.json"));
  const direct = Object.keys(dependencies)
    .filter((dependency) => dependency.startsWith("@lilaw/"))
    .map(folderName);
  const all = await Promise.all(
    direct.map(async (dependency) => [dependency, ...(await ownDependencies(dependency))]),
  );
  return [...new Set(all.flat())];
}

/** Compiles the TypeScript files of `folder` to `folder/out` as a strict user of the package would. */
export function compile(folder: string): Promise<string> {
  return run(tool("tsc"), ["-p", folder], folder);
}
